//! Plugins that come from elsewhere: pinned, updated, published, verified, and used by a sync.

use std::{fs, path::PathBuf, process::Command};

use capstan_cluster::{
    Error,
    registry::{Guard, Registry},
};
use insta::assert_snapshot;
use tempfile::TempDir;

use crate::support::{Said, capstan};

const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\n";

/// A folder to work in, with a cache of its own, and a registry.
struct Desk {
    folder: TempDir,
    registry: Registry,
}

impl Desk {
    /// Returns one; nothing, aloud, where there can't be a registry.
    fn new() -> Option<Desk> {
        match Registry::start(Guard::Open) {
            Ok(registry) => Some(Desk {
                folder: tempfile::tempdir().unwrap(),
                registry,
            }),
            Err(Error::Unavailable(reason)) if std::env::var("CAPSTAN_REQUIRE").is_ok_and(|value| value == "1") => {
                panic!("{reason}")
            }
            Err(Error::Unavailable(reason)) => {
                std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("SKIPPED: {reason}\n")).unwrap();
                None
            }
            Err(Error::Failed(error)) => panic!("{error:#}"),
        }
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn read(&self, name: &str) -> String {
        self.plain(&fs::read_to_string(self.folder.path().join(name)).unwrap())
    }

    fn command(&self, words: &str) -> Command {
        let address = self.registry.address();
        let mut command = capstan(&words.replace("REGISTRY", &address));
        command.current_dir(self.folder.path());
        command.env("CAPSTAN_REGISTRY_HTTP", address);
        command.env("CAPSTAN_PLUGIN_CACHE", self.folder.path().join("cache"));
        command.env("DOCKER_CONFIG", self.folder.path());
        command
    }

    fn run(&self, words: &str) -> Said {
        self.command(words).output().unwrap().into()
    }

    /// Runs a command, and returns what it said without what differs from run to run.
    fn all(&self, words: &str) -> String {
        self.plain(&self.run(words).all())
    }

    /// Replaces the address and shortens digests to what they are of.
    fn plain(&self, text: &str) -> String {
        let text = text.replace(&self.registry.address(), "REGISTRY");
        let mut parts = text.split("sha256:");
        let mut plain = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let rest = part.trim_start_matches(|letter: char| letter.is_ascii_hexdigit());
            plain.push_str("sha256:...");
            plain.push_str(rest);
        }
        plain
    }
}

fn component(name: &str) -> &'static [u8] {
    capstan_bundle::get(name).unwrap().bytes
}

#[test]
fn a_plugin_is_published_added_and_used_without_its_registry() {
    let Some(desk) = Desk::new() else { return };
    desk.file("ttl.wasm", component("ttl"));
    desk.file("capstan.yaml", "name: shop\n# what we sync\nsources: [{ path: settings.yaml }]\nwithoutPlugins: []\n");
    desk.file("settings.yaml", SETTINGS);
    assert_snapshot!(desk.all("plugin publish ttl.wasm oci://REGISTRY/acme/ttl:0.1.0"));
    assert_snapshot!(desk.all("plugin add oci://REGISTRY/acme/ttl:0.1.0"));
    assert_snapshot!(desk.read("capstan.lock"));
    assert_snapshot!(desk.read("capstan.yaml"));
    assert_snapshot!(desk.all("plugin update"), @"");
    let words = "plan --simulate";
    let both = desk.run(words);
    assert!(both.err.contains("are both named `ttl`") || both.code == 0, "{}", both.all());
}
