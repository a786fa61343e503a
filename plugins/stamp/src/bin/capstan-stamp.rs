//! Stamps a component with its manifest: `capstan-stamp FILE.wasm plugin.toml -o OUT`.

use std::{env, error::Error, ffi::OsString, fs, process::ExitCode};

use capstan_stamp::{Manifest, stamp};

const USAGE: &str = "usage: capstan-stamp FILE.wasm plugin.toml -o OUT";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let [component, manifest, option, out] = &*arguments else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if option != "-o" {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    match run(component, manifest, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes = std::iter::successors(Some(&*error as &dyn Error), |&error| error.source());
            let chain: Vec<String> = causes.map(ToString::to_string).collect();
            eprintln!("error: {}", chain.join(": ").trim_end());
            ExitCode::FAILURE
        }
    }
}

fn run(component: &OsString, manifest: &OsString, out: &OsString) -> Result<(), Box<dyn Error>> {
    let named = |path: &OsString| {
        let path = path.display().to_string();
        move |error: std::io::Error| format!("failed to read {path}: {error}")
    };
    let manifest = Manifest::from_toml(&fs::read_to_string(manifest).map_err(named(manifest))?)?;
    let stamped = stamp(&fs::read(component).map_err(named(component))?, &manifest)?;
    fs::write(out, stamped).map_err(|error| format!("failed to write {}: {error}", out.display()))?;
    Ok(())
}
