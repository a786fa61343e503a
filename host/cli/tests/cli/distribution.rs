//! Plugins that come from elsewhere: pinned, updated, published, verified, and used by a sync.

use std::{fs, path::PathBuf, process::Command};

use capstan_cluster::{
    Error,
    registry::{Guard, Registry},
};
use insta::assert_snapshot;
use tempfile::TempDir;

use crate::support::{CommandOutput, capstan, component};

const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\n";

/// A folder to work in, with a cache of its own, and a registry.
pub struct Desk {
    folder: TempDir,
    registry: Registry,
}

impl Desk {
    /// Returns one; `None`, and the test is skipped, where there can't be a registry.
    pub fn new() -> Option<Desk> {
        let registry = Error::or_skip(Registry::start(Guard::Open)).unwrap();
        registry.map(|registry| Desk {
            folder: tempfile::tempdir().unwrap(),
            registry,
        })
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
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

    pub fn run(&self, words: &str) -> CommandOutput {
        self.command(words).output().unwrap().into()
    }

    /// Runs a command, and returns what it said without what differs from run to run.
    pub fn all(&self, words: &str) -> String {
        self.plain(&self.run(words).all())
    }

    /// Replaces the address and shortens digests to what they are of.
    fn plain(&self, text: &str) -> String {
        let text = text.replace(&self.registry.address(), "REGISTRY");
        let mut parts = text.split("sha256:");
        let mut plain = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
            let (shown, rest) = match digits {
                64 => ("sha256:...", part.get(64..).unwrap_or_default()),
                _ => ("sha256:", part),
            };
            plain.push_str(shown);
            plain.push_str(rest);
        }
        plain
    }
}

/// A plugin of ours as somebody else's, in a version.
fn acmes(name: &str, version: &str) -> Vec<u8> {
    let bytes = component(name);
    let mut manifest = capstan_stamp::read(bytes).unwrap();
    manifest.name = format!("acme-{name}");
    version.clone_into(&mut manifest.version);
    capstan_stamp::stamp(bytes, &manifest).unwrap()
}

#[test]
fn a_plugin_is_published_added_and_used_without_its_registry() {
    let Some(desk) = Desk::new() else { return };
    desk.file("scale.wasm", acmes("scale", "1.0.0"));
    desk.file("settings.yaml", SETTINGS);
    desk.file(
        "capstan.yaml",
        "name: shop\n# What we sync.\nsources: [{ path: settings.yaml }]\n",
    );
    let before = desk.all("plan --simulate --plugin oci://REGISTRY/acme/scale:1");
    assert_snapshot!(before, @"
    error: oci://REGISTRY/acme/scale:1 is not pinned in capstan.lock
      hint: `capstan plugin add oci://REGISTRY/acme/scale:1` pins it; or name the digest of its manifest, `@sha256:...`
    [exit code 2]
    ");
    assert_snapshot!(desk.all("plugin publish scale.wasm oci://REGISTRY/acme/scale:1"), @"
    oci://REGISTRY/acme/scale:1@sha256:...
    [exit code 0]
    ");
    assert_snapshot!(desk.all("plugin add oci://REGISTRY/acme/scale:1"), @"
    acme-scale 1.0.0 (Apache-2.0): Scales a workload and waits until it is so; scales it back later, or when it is stopped.
      from     oci://REGISTRY/acme/scale:1
      digest   sha256:...
      manifest sha256:...
      signed   by nobody
      claims   hook scale
      requests get, watch, patch apps/Deployment, apps/StatefulSet, apps/ReplicaSet in the application's namespace
    pinned in capstan.lock
    named in capstan.yaml
    [exit code 0]
    ");
    assert_snapshot!(desk.read("capstan.lock"), @r#"
    # Written by `capstan plugin add` and `capstan plugin update`. Keep it under version control.
    form = 1

    [[plugin]]
    name = "acme-scale"
    version = "1.0.0"
    source = "oci://REGISTRY/acme/scale:1"
    digest = "sha256:..."
    manifest = "sha256:..."
    "#);
    assert_snapshot!(desk.read("capstan.yaml"), @"
    name: shop
    # What we sync.
    sources: [{ path: settings.yaml }]
    plugins:
      - oci://REGISTRY/acme/scale:1
    ");

    // Another component under the tag: nothing changes before somebody says so.
    desk.file("scale.wasm", acmes("scale", "1.1.0"));
    assert_snapshot!(desk.all("plugin publish scale.wasm oci://REGISTRY/acme/scale:1"), @"
    error: oci://REGISTRY/acme/scale:1 is there already, with the digest sha256:...
      hint: give it another version; `--overwrite` lets the tag name another plugin
    [exit code 2]
    ");
    assert_eq!(
        desk.run("plugin publish scale.wasm oci://REGISTRY/acme/scale:1 --overwrite")
            .code,
        0
    );
    let listed = |desk: &Desk| desk.run("plugin list --plugin oci://REGISTRY/acme/scale:1 -o json").out;
    let version = |text: &str| {
        let plugins: serde_json::Value = serde_json::from_str(text).unwrap();
        let mut all = plugins.as_array().unwrap().iter();
        all.find(|plugin| plugin["name"] == "acme-scale").unwrap()["version"].clone()
    };
    assert_eq!(version(&listed(&desk)), "1.0.0");
    assert_snapshot!(desk.all("plugin update acme-scal"), @"
    error: no plugin `acme-scal` is pinned
      hint: did you mean `acme-scale`?
    [exit code 2]
    ");
    assert_snapshot!(desk.all("plugin update acme-scale"), @"
    acme-scale 1.0.0 -> 1.1.0
    acme-scale 1.1.0 (Apache-2.0): Scales a workload and waits until it is so; scales it back later, or when it is stopped.
      from     oci://REGISTRY/acme/scale:1
      digest   sha256:...
      manifest sha256:...
      signed   by nobody
      claims   hook scale
      requests get, watch, patch apps/Deployment, apps/StatefulSet, apps/ReplicaSet in the application's namespace
    [exit code 0]
    ");
    assert_snapshot!(desk.all("plugin update"), @"
    acme-scale 1.1.0: unchanged
    [exit code 0]
    ");
    assert_eq!(version(&listed(&desk)), "1.1.0");

    // Nobody answers any more, and a sync needs nobody.
    let Desk { folder, registry } = desk;
    let address = registry.address();
    drop(registry);
    let mut command = capstan("sync --simulate");
    command
        .current_dir(&folder)
        .env("CAPSTAN_PLUGIN_CACHE", folder.path().join("cache"));
    let synced: CommandOutput = command.output().unwrap().into();
    assert_eq!(synced.code, 0, "{}", synced.all());
    let mut elsewhere = capstan("sync --simulate");
    elsewhere
        .current_dir(&folder)
        .env("CAPSTAN_PLUGIN_CACHE", folder.path().join("empty"));
    elsewhere.env("CAPSTAN_REGISTRY_HTTP", &address);
    let missing: CommandOutput = elsewhere.output().unwrap().into();
    assert_snapshot!(missing.all().replace(&address, "REGISTRY"), @"
    error: the plugin oci://REGISTRY/acme/scale:1 can't be downloaded
      because: REGISTRY can't be reached: Connection refused (os error 111)
      hint: check the address; a registry without TLS is named by CAPSTAN_REGISTRY_HTTP=REGISTRY
    [exit code 1]
    ");
}

#[test]
fn a_plugin_that_is_not_signed_as_a_rule_wants_it_is_refused() {
    let Some(desk) = Desk::new() else { return };
    let Some(program) = Error::or_skip(capstan_cluster::cosign()).unwrap() else {
        return;
    };
    let cosign = |words: &str| {
        let mut command = Command::new(&program);
        command.args(words.split(' ')).current_dir(&desk.folder);
        command.env("COSIGN_PASSWORD", "secret").env("HOME", desk.folder.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    cosign("generate-key-pair");
    desk.file("keep-last.wasm", acmes("keep-last", "1.0.0"));
    desk.file("settings.yaml", SETTINGS);
    let rule = format!(
        "pluginSignatures:\n  - source: oci://{}/acme\n    anyOf: [{{ key: cosign.pub }}]\n",
        desk.registry.address()
    );
    desk.file(
        "capstan.yaml",
        format!("name: shop\nsources: [{{ path: settings.yaml }}]\n{rule}"),
    );
    let published = desk.run(
        "plugin publish keep-last.wasm oci://REGISTRY/acme/keep-last:1 --annotation org.opencontainers.image.revision=4f2c",
    );
    let reference = published.out.trim().strip_prefix("oci://").unwrap().to_owned();

    assert_snapshot!(desk.all("plugin add oci://REGISTRY/acme/keep-last:1"), @"
    error: oci://REGISTRY/acme/keep-last:1 is not signed as the rule for `oci://REGISTRY/acme` requires: there is none by any of cosign.pub; it has no signature at all
      hint: its author signs it with `cosign sign --key KEY REGISTRY/acme/keep-last:1`; it was not used
    [exit code 2]
    ");
    assert!(!desk.folder.path().join("capstan.lock").exists());
    // Named by its digest, it needs no lock; the rule is for it all the same.
    let by_digest = format!("plan --simulate --plugin oci://{reference}");
    assert_snapshot!(desk.all(&by_digest), @"
    error: oci://REGISTRY/acme/keep-last:1@sha256:... is not signed as the rule for `oci://REGISTRY/acme` requires: there is none by any of cosign.pub; it has no signature at all
      hint: its author signs it with `cosign sign --key KEY REGISTRY/acme/keep-last:1@sha256:...`; it was not used
    [exit code 2]
    ");
    let tagged = reference.replace(":1@", "@");
    cosign(&format!(
        "sign -y --key cosign.key --use-signing-config=false --tlog-upload=false --allow-http-registry {tagged}"
    ));
    assert_snapshot!(desk.all("plugin add oci://REGISTRY/acme/keep-last:1"), @"
    acme-keep-last 1.0.0 (Apache-2.0): The delete policy KeepLast: keeps the objects of a hook's last runs.
      from      oci://REGISTRY/acme/keep-last:1
      digest    sha256:...
      manifest  sha256:...
      signed    by cosign.pub
      annotated org.opencontainers.image.revision=4f2c
      claims    delete-policy KeepLast
      requests  nothing except its hooks' own objects
    pinned in capstan.lock
    named in capstan.yaml
    [exit code 0]
    ");
    assert_eq!(
        desk.run(&by_digest).code,
        2,
        "it is defined twice: {}",
        desk.all(&by_digest)
    );
    assert_eq!(desk.run("plan --simulate").code, 0, "{}", desk.all("plan --simulate"));
    assert_snapshot!(desk.all("plugin verify oci://REGISTRY/acme/keep-last:1 --key cosign.pub"), @"
    acme-keep-last 1.0.0 (Apache-2.0): The delete policy KeepLast: keeps the objects of a hook's last runs.
      from      oci://REGISTRY/acme/keep-last:1
      digest    sha256:...
      manifest  sha256:...
      signed    by cosign.pub
      annotated org.opencontainers.image.revision=4f2c
      claims    delete-policy KeepLast
      requests  nothing except its hooks' own objects
    [exit code 0]
    ");
    assert_snapshot!(desk.all("plugin verify keep-last.wasm"), @"
    error: keep-last.wasm may not be used: there are signature rules, and none of them matches it
      hint: write a rule for it under `pluginSignatures`, or one for `*`
    [exit code 2]
    ");
    assert_snapshot!(desk.all("plugin verify keep-last.wasm --key cosign.key"), @"
    error: the key cosign.key can't be used: this is a private key; the public one is expected
      hint: name the `cosign.pub` that `cosign generate-key-pair` wrote
    [exit code 2]
    ");
}

#[test]
fn sources_say_what_is_wrong_with_them() {
    let Some(desk) = Desk::new() else { return };
    let path = desk.file("keep-last.wasm", acmes("keep-last", "1.0.0"));
    desk.file("settings.yaml", SETTINGS);
    assert_snapshot!(desk.all("plugin add oci://REGISTRY/acme/keep-last"), @"
    error: invalid value 'oci://REGISTRY/acme/keep-last' for '<SOURCE>': it has neither a tag nor a digest; name a tag, as in `:1.2.0`, or a digest; Capstan doesn't guess which

    For more information, try '--help'.
    [exit code 2]
    ");
    assert_snapshot!(desk.all("plugin add file:keep-last.wasm"), @"
    error: invalid value 'file:keep-last.wasm' for '<SOURCE>': it has no digest; write its SHA-256 behind it: `#sha256=` and the 64 hex digits that `sha256sum` prints

    For more information, try '--help'.
    [exit code 2]
    ");
    // What no host would load goes nowhere.
    desk.file("outside.wasm", acmes("outside", "1.0.0"));
    assert_snapshot!(desk.all("plugin publish outside.wasm oci://REGISTRY/acme/outside:1"), @"
    error: plugin outside.wasm imports `stranger:things/door@0.1.0`, which plugins may not import
      hint: a plugin may import `capstan:plugin/host@0.1.0` and WASI 0.2, and requests everything else as data
    [exit code 2]
    ");
    assert_snapshot!(desk.all("plugin publish outside.wasm ./there.wasm"), @"
    error: nothing can be published to there.wasm
      hint: name a tag in a registry, as in `oci://ghcr.io/acme/queue:1.2`
    [exit code 2]
    ");
    desk.file("ttl.wasm", capstan_bundle::get("ttl").unwrap().bytes);
    assert_snapshot!(desk.all("plugin add ttl.wasm"), @"
    error: there is also a built-in plugin named `ttl`, and only one of them can be loaded
      hint: leave out the built-in one first: `withoutPlugins: [ttl]` in capstan.yaml, or `--without-plugin ttl`
    [exit code 2]
    ");
    let added = desk.run("plugin add ttl.wasm --without-plugin ttl -o json");
    let added: serde_json::Value = serde_json::from_str(&added.out).unwrap();
    assert_eq!(added["claims"], serde_json::json!(["delete-policy *"]));
    assert_snapshot!(desk.all("plugin pull oci://REGISTRY/acme/keep-last:1"), @"
    error: there is no REGISTRY/acme/keep-last:1
      hint: check its name; registries often give the same answer when permission is missing
    [exit code 1]
    ");
    assert_snapshot!(desk.all("plan -f settings.yaml --simulate --plugin nowhere.wasm"), @"
    error: nowhere.wasm: there is no such file
    [exit code 2]
    ");
    desk.file(
        "capstan.yaml",
        "name: shop\nplugins: [\"s3://acme/a.wasm\"]\npluginSignatures: [{ source: \"*\" }]\n",
    );
    assert_snapshot!(desk.all("plan --simulate"), @r#"
    error: this is not a source of a plugin: `s3:` is not a way to load a plugin
      --> capstan.yaml:2
      2 | plugins: ["s3://acme/a.wasm"]
        |           ^
      hint: a plugin is loaded from `oci://`, `https://`, `file:` or a path
    error: this rule names no signer
      --> capstan.yaml:3
      3 | pluginSignatures: [{ source: "*" }]
        |                    ^
      hint: write `anyOf: [{ key: cosign.pub }]`, or for an exception `unsigned: true`
    [exit code 2]
    "#);
    let key = "name: shop\npluginSignatures:\n  - source: \"*\"\n    allOf: [{ key: settings.yaml }]\n";
    desk.file("capstan.yaml", key);
    assert_snapshot!(desk.all("plan --simulate"), @"
    error: this key can't be used: there is no `PUBLIC KEY` in PEM in it
      --> capstan.yaml:4
      4 |     allOf: [{ key: settings.yaml }]
        |                    ^
      hint: name the `cosign.pub` that `cosign generate-key-pair` wrote
    [exit code 2]
    ");

    // A path is pinned as well, once it was added.
    fs::remove_file(desk.folder.path().join("capstan.yaml")).unwrap();
    assert_snapshot!(desk.all("plugin add ./keep-last.wasm --name ours"), @"
    acme-keep-last 1.0.0 (Apache-2.0): The delete policy KeepLast: keeps the objects of a hook's last runs.
      from     keep-last.wasm
      digest   sha256:...
      signed   by nobody
      claims   delete-policy KeepLast
      requests nothing except its hooks' own objects
    pinned in capstan.lock
    name it with `--plugin keep-last.wasm`, or under `plugins` of a capstan.yaml
    [exit code 0]
    ");
    fs::write(path, acmes("keep-last", "1.0.1")).unwrap();
    assert_snapshot!(desk.all("plan -f settings.yaml --simulate --plugin keep-last.wasm"), @"
    error: keep-last.wasm has the digest sha256:..., and sha256:... is expected
      hint: it was not used; if the change is intended, `capstan plugin update` pins the new version
    [exit code 1]
    ");
}
