//! Opens a browser.
//!
//! The address holds the token, and every user of this machine sees the arguments of programs. So the browser is given a file that only
//! its owner can read, which leads to the address.

use std::path::Path;

use capstan_files::Readers;
use capstan_process::{Command, Environment, Program};
use tempfile::TempDir;

use crate::{terminal::print_stderr, text};

/// What opens an address with the user's browser: on macOS, on Linux, and on Linux without a desktop.
const OPENERS: [&str; 4] = ["open", "xdg-open", "wslview", "sensible-browser"];

/// Opens a browser, or says that there is none. The file that leads to the address goes with what is returned.
pub(super) fn open(address: &str) -> Option<TempDir> {
    match start(address) {
        Ok(folder) => Some(folder),
        Err(error) => {
            print_stderr(&text!("no browser was opened: {}; open the address yourself", error));
            None
        }
    }
}

fn start(address: &str) -> anyhow::Result<TempDir> {
    let is_desktop = cfg!(target_os = "macos")
        || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"]
            .iter()
            .any(|name| std::env::var_os(name).is_some());
    anyhow::ensure!(is_desktop, "there is no desktop");
    let openers = if cfg!(target_os = "macos") {
        &OPENERS[..1]
    } else {
        &OPENERS[1..]
    };
    let program = openers.iter().find_map(|name| Program::find(name));
    let program = program.ok_or_else(|| anyhow::anyhow!("{} is not in PATH", openers.join(", ")))?;
    let folder = tempfile::Builder::new().prefix("capstan-ui-").tempdir()?;
    let file = folder.path().join("open.html");
    capstan_files::write(&file, page(address).as_bytes(), Readers::Owner)?;
    run(&program, &file)?;
    Ok(folder)
}

fn run(program: &Program, file: &Path) -> std::io::Result<()> {
    let mut command = Command::new(program, Environment::Inherited);
    command.path(file);
    command.start()
}

/// Returns a page that leads to an address, which consists of letters that mean nothing in HTML.
fn page(address: &str) -> String {
    format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta http-equiv=\"refresh\" content=\"0; url={address}\">\n<title>Capstan</title>\n<p><a href=\"{address}\">Capstan</a></p>\n"
    )
}
