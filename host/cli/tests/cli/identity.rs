//! Who the command is to the API server, and how it gets there: kubeconfigs, credential plugins, proxies, other users, a pod.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use capstan_cluster::{Cluster, Tier, shared};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::{
    serve::Served,
    support::{CommandOutput, capstan},
};

/// Reads a kubeconfig, changes it, and writes it beside the cluster's own.
fn kubeconfig(cluster: &Served, name: &str, change: impl FnOnce(&mut Value)) -> std::path::PathBuf {
    let text = fs::read_to_string(cluster.kubeconfig()).unwrap();
    let mut config: Value = serde_yaml::from_str(&text).unwrap();
    change(&mut config);
    cluster.file(name, &config.to_string())
}

fn run_with(kubeconfig: &Path, words: &str) -> CommandOutput {
    capstan(words).env("KUBECONFIG", kubeconfig).output().unwrap().into()
}

#[cfg(unix)]
fn script(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join(name);
    // A file that is open for writing can't be run, not even when the writer is a child of another thread.
    let beside = folder.join(format!("{name}.new"));
    fs::write(&beside, text).unwrap();
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o755)).unwrap();
    fs::copy(&beside, &path).unwrap();
    path
}

#[test]
fn of_several_kubeconfigs_those_that_are_there_count_together() {
    let cluster = Served::start("{}");
    let clusters = kubeconfig(&cluster, "clusters", |config| {
        config["contexts"] = json!([]);
        config["current-context"] = json!("work");
    });
    let contexts = cluster.file(
        "contexts",
        "apiVersion: v1\nkind: Config\ncontexts:\n- name: work\n  context: { cluster: capstan-sim, user: capstan-sim, namespace: kube-system }\n",
    );
    let all = std::env::join_paths([Path::new("/no/such/file"), clusters.as_path(), contexts.as_path()]).unwrap();
    let output = run_with(Path::new(&all), "status");
    assert_snapshot!(output.all(), @"
    no applications in namespace kube-system
    [exit code 0]
    ");
    let output = run_with(Path::new(&all), "status --context nowhere");
    assert_snapshot!(output.all(), @"
    error: the kubeconfig names no usable cluster
      because: failed to load current context: nowhere
    [exit code 1]
    ");
}

#[test]
fn without_any_kubeconfig_it_is_said_what_to_set() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &str| -> CommandOutput {
        let mut command = capstan(words);
        command
            .env("HOME", folder.path())
            .env("KUBECONFIG", "/no/such/file")
            .env_remove("KUBERNETES_SERVICE_HOST");
        command.output().unwrap().into()
    };
    let output = run("status");
    assert!(
        output
            .err
            .starts_with("error: no cluster found: there is no kubeconfig, and this process doesn't run in a pod\n")
            && output
                .err
                .ends_with("  hint: set KUBECONFIG or `--kubeconfig`, or use `--simulate`\n"),
        "{}",
        output.all()
    );
    let output = run("status --kubeconfig /no/such/file");
    assert!(
        output
            .err
            .starts_with("error: failed to read the kubeconfig /no/such/file\n")
            && output.err.contains("No such file"),
        "{}",
        output.all()
    );
}

#[cfg(unix)]
#[test]
fn a_credential_plugin_that_gives_none_is_named_with_what_it_said() {
    let cluster = Served::start("{}");
    let folder = tempfile::tempdir().unwrap();
    let output = |name: &str, exec: Value| {
        let config = kubeconfig(&cluster, name, |config| {
            config["users"][0]["user"] = json!({ "exec": exec });
        });
        run_with(&config, "status")
            .all()
            .replace(&folder.path().display().to_string(), "DIR")
    };
    let version = "client.authentication.k8s.io/v1";
    let exec = |command: &Path| json!({ "apiVersion": version, "command": command, "interactiveMode": "Never" });
    assert_snapshot!(output("missing", json!({ "apiVersion": version, "command": "no-such-login", "installHint": "brew install no-such-login" })), @"
    error: the credential plugin `no-such-login` can't be run: No such file or directory (os error 2)
      hint: brew install no-such-login
    [exit code 1]
    ");
    let failing = script(
        folder.path(),
        "failing",
        "#!/bin/sh\necho hush-hush\necho 'you are logged out' >&2\nexit 3\n",
    );
    assert_snapshot!(output("failing", exec(&failing)), @"
    error: the credential plugin `DIR/failing` failed with exit status: 3: you are logged out
      hint: it is `users[].user.exec` in the kubeconfig; run it manually, or log in again
    [exit code 1]
    ");
    let babbling = script(folder.path(), "babbling", "#!/bin/sh\necho '{ hush-hush'\n");
    assert_snapshot!(output("babbling", exec(&babbling)), @"
    error: the credential plugin `DIR/babbling` printed something that is not an ExecCredential
      hint: it is `users[].user.exec` in the kubeconfig; run it manually, or log in again
    [exit code 1]
    ");
    let empty = script(
        folder.path(),
        "empty",
        &format!("#!/bin/sh\necho '{{ \"apiVersion\": \"{version}\", \"kind\": \"ExecCredential\" }}'\n"),
    );
    assert_snapshot!(output("empty", exec(&empty)), @"
    error: the credential plugin `DIR/empty` printed an ExecCredential without a status
      hint: it is `users[].user.exec` in the kubeconfig; run it manually, or log in again
    [exit code 1]
    ");
}

/// A proxy on loopback that connects whoever asks with whatever they name, and counts.
struct Tunnel {
    port: u16,
    count: Arc<AtomicUsize>,
}

impl Tunnel {
    fn start() -> Tunnel {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let count = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&count);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let counts = Arc::clone(&counts);
                // Who goes away ends its own tunnel only.
                std::thread::spawn(move || tunnel(near, &counts).ok());
            }
        });
        Tunnel { port, count }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

fn tunnel(mut near: TcpStream, counts: &AtomicUsize) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        near.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
    let Some(target) = target else {
        return near.write_all(b"HTTP/1.1 405 Only CONNECT\r\ncontent-length: 0\r\n\r\n");
    };
    let mut far = TcpStream::connect(target)?;
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    counts.fetch_add(1, Ordering::SeqCst);
    let (mut up, mut down) = (near.try_clone()?, far.try_clone()?);
    std::thread::spawn(move || io::copy(&mut up, &mut down).ok());
    io::copy(&mut far, &mut near)?;
    Ok(())
}

#[test]
fn a_proxy_that_the_kubeconfig_names_is_used_and_one_of_the_environment_not_for_this_machine() {
    let cluster = Served::start("{}");
    let tunnel = Tunnel::start();
    let through = kubeconfig(&cluster, "through", |config| {
        config["clusters"][0]["cluster"]["proxy-url"] = json!(format!("http://127.0.0.1:{}", tunnel.port));
    });
    // What NO_PROXY says is about the proxies of the environment only.
    let sync = "sync -f tests/example/echo -n shop --create-namespace";
    let output: CommandOutput = capstan(sync)
        .env("KUBECONFIG", &through)
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap()
        .into();
    assert_eq!(output.code, 0, "{}", output.all());
    let through = tunnel.count();
    assert!(through > 0);
    let dead = "http://127.0.0.1:1";
    let output: CommandOutput = cluster
        .command("status -n shop")
        .env("HTTPS_PROXY", dead)
        .env("HTTP_PROXY", dead)
        .output()
        .unwrap()
        .into();
    assert!(output.code == 0 && output.out.contains("Succeeded"), "{}", output.all());
    assert_eq!(tunnel.count(), through);
    let broken = kubeconfig(&cluster, "broken", |config| {
        config["clusters"][0]["cluster"]["proxy-url"] = json!(dead);
    });
    let output = run_with(&broken, "status -n shop");
    assert!(
        output.code == 1 && output.err.contains(" through the proxy 127.0.0.1:1\n"),
        "{}",
        output.all()
    );
}

/// A namespace of a real control plane.
struct Space {
    cluster: &'static Cluster,
    name: &'static str,
}

impl Space {
    fn new(name: &'static str) -> Option<Space> {
        let cluster = shared(Tier::ControlPlane)?;
        let space = Space { cluster, name };
        space.kubectl("create namespace", &format!("{name} "), "");
        Some(space)
    }

    fn kubectl(&self, verb: &str, rest: &str, input: &str) -> String {
        let mut command = std::process::Command::new(self.cluster.programs().join("kubectl"));
        command
            .args(verb.split_whitespace())
            .args(rest.split_whitespace())
            .args(["-n", self.name])
            .env("KUBECONFIG", self.cluster.kubeconfig())
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "kubectl {verb} {rest}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Grants a subject something in this namespace.
    fn grant(&self, subject: &Value, rules: &Value) {
        let api = "rbac.authorization.k8s.io/v1";
        let role = json!({ "apiVersion": api, "kind": "Role", "metadata": { "name": "granted" }, "rules": rules });
        let binding = json!({ "apiVersion": api, "kind": "RoleBinding", "metadata": { "name": "granted" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "granted" }, "subjects": [subject] });
        self.kubectl("apply", "-f -", &format!("{role}\n---\n{binding}\n"));
    }

    fn run(&self, kubeconfig: &Path, words: &str) -> CommandOutput {
        run_with(kubeconfig, &format!("{words} -n {}", self.name))
    }

    /// Runs a command until it no longer says this: nothing tells when the server knows a role.
    fn run_until_not(&self, kubeconfig: &Path, words: &str, text: &str) -> CommandOutput {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let output = self.run(kubeconfig, words);
            if !output.all().contains(text) {
                return output;
            }
            assert!(Instant::now() < end, "{}", output.all());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { a: b }\n";

fn group(name: &str) -> Value {
    json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name })
}

#[test]
fn who_is_acted_as_may_do_what_that_one_may_and_no_more() {
    let Some(space) = Space::new("acting") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.yaml");
    fs::write(&file, SETTINGS).unwrap();
    let admin = space.cluster.kubeconfig();
    let sync = format!("sync --app shop --as jane --as-group team -f {}", file.display());
    // Nothing is granted: not even what is stored can be read.
    let output = space.run(&admin, &sync);
    assert_eq!(output.code, 1, "{}", output.all());
    assert!(
        output.err.contains("failed while reading the application's state")
            && output.err.contains("User \"jane\" cannot get"),
        "{}",
        output.all()
    );
    // What is needed to look: all that is missing is told, before anything is changed.
    let look = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"] }]);
    space.grant(&group("team"), &look);
    let output = space.run_until_not(&admin, &sync, "failed while");
    assert_eq!(output.code, 12, "{}", output.all());
    for part in [
        "error: the plan needs permissions that are missing: ",
        "create configmaps in namespace acting",
        "update leases.coordination.k8s.io in namespace acting",
        "hint: nothing was changed; request these permissions",
    ] {
        assert!(output.err.contains(part), "`{part}` is not in {}", output.all());
    }
    assert_eq!(space.kubectl("get", "secrets,leases -o name", ""), "");
    // All of the namespace, and nothing of the cluster.
    space.grant(
        &group("team"),
        &json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]),
    );
    let output = space.run_until_not(&admin, &sync, "isn't allowed");
    assert_eq!(output.code, 0, "{}", output.all());
    let output = space.run(&admin, "status --as jane --as-group team");
    assert!(
        output.out.contains("shop") && output.out.contains("Succeeded"),
        "{}",
        output.all()
    );
    // Without the group jane is nobody again.
    let output = space.run(&admin, "status --as jane");
    assert!(
        output.code == 1 && output.err.contains("User \"jane\" cannot list"),
        "{}",
        output.all()
    );
    let output = space.run(&admin, "delete shop --yes --as jane --as-group team");
    assert_eq!(output.code, 0, "{}", output.all());
}

#[cfg(unix)]
#[test]
fn credentials_of_a_plugin_are_used_and_fetched_again_when_they_are_about_to_expire() {
    let Some(space) = Space::new("plugin") else { return };
    let folder = tempfile::tempdir().unwrap();
    space.grant(
        &group("ops"),
        &json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]),
    );
    let ops = fs::read_to_string(space.cluster.kubeconfig_of("ops").unwrap()).unwrap();
    let mut config: Value = serde_yaml::from_str(&ops).unwrap();
    let token = config["users"][0]["user"]["token"].as_str().unwrap().to_owned();
    let calls = folder.path().join("calls");
    // The token is always as good as expired: each request asks for another.
    let login = script(
        folder.path(),
        "login",
        &format!(
            "#!/bin/sh\necho \"$1 $WHO $KUBERNETES_EXEC_INFO\" >> {}\n\
             echo '{{ \"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \
             \"status\": {{ \"token\": \"{token}\", \"expirationTimestamp\": \"2020-01-01T00:00:00Z\" }} }}'\n",
            calls.display()
        ),
    );
    config["users"][0]["user"] = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": login, "args": ["now"], "interactiveMode": "Never",
        "env": [{ "name": "WHO", "value": "ops" }],
    } });
    let kubeconfig = folder.path().join("kubeconfig");
    fs::write(&kubeconfig, config.to_string()).unwrap();
    let file = folder.path().join("settings.yaml");
    fs::write(&file, SETTINGS).unwrap();
    let words = format!("sync --app shop -f {}", file.display());
    let output = space.run_until_not(&kubeconfig, &words, "not allowed");
    assert_eq!(output.code, 0, "{}", output.all());
    let calls = fs::read_to_string(&calls).unwrap();
    assert!(calls.lines().count() > 1, "{calls}");
    assert!(
        calls
            .lines()
            .all(|call| call.starts_with("now ops {") && call.contains("\"kind\":\"ExecCredential\"")),
        "{calls}"
    );
}

/// In a mount namespace of its own the command sees what a pod's containers see of their service account.
#[cfg(target_os = "linux")]
#[test]
fn in_a_pod_the_service_account_is_who_acts_and_its_namespace_is_meant() {
    let Some(space) = Space::new("in-a-pod") else { return };
    let account = json!({ "kind": "ServiceAccount", "name": "default", "namespace": space.name });
    space.grant(
        &account,
        &json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]),
    );
    let folder = tempfile::tempdir().unwrap();
    let authority = space.cluster.dir().join("certificates/apiserver.crt");
    fs::copy(authority, folder.path().join("ca.crt")).unwrap();
    fs::write(folder.path().join("namespace"), space.name).unwrap();
    let token = space.kubectl("create token", "default", "");
    fs::write(folder.path().join("token"), token.trim()).unwrap();
    fs::write(folder.path().join("settings.yaml"), SETTINGS).unwrap();
    let (host, port) = space
        .cluster
        .url()
        .trim_start_matches("https://")
        .rsplit_once(':')
        .unwrap();
    let run = |words: &str| -> CommandOutput {
        let inner = capstan(words);
        let mount = "mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io && \
            ln -s \"$FOLDER\" /run/secrets/kubernetes.io/serviceaccount && exec \"$@\"";
        let mut command = std::process::Command::new("unshare");
        command
            .args(["--map-root-user", "--mount", "sh", "-c", mount, "sh"])
            .arg(inner.get_program())
            .args(inner.get_args())
            .current_dir(inner.get_current_dir().unwrap())
            .envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env("FOLDER", folder.path())
            .env("HOME", folder.path())
            .env("KUBECONFIG", "")
            .env("KUBERNETES_SERVICE_HOST", host)
            .env("KUBERNETES_SERVICE_PORT", port);
        command.output().unwrap().into()
    };
    let end = Instant::now() + Duration::from_secs(20);
    let sync = format!("sync --app shop -f {}/settings.yaml", folder.path().display());
    // Nothing tells when the server knows a role.
    let output = loop {
        let output = run(&sync);
        if output.code == 0 || Instant::now() > end {
            break output;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    assert_eq!(output.code, 0, "{}", output.all());
    assert!(
        output.out.contains("shop in namespace in-a-pod") && output.out.contains("created   ConfigMap/settings"),
        "{}",
        output.all()
    );
    let output = run("delete shop --yes");
    assert_eq!(output.code, 0, "{}", output.all());
}
