//! `kubectl` over loopback, in real time: the one test that opens a socket.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
};

use capstan_sim::{
    serve::{Token, kubeconfig, serve},
    service::SimService,
    store::Kind,
};
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpListener, process::Command, sync::oneshot};

use crate::cluster;

const MANIFEST: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: lab}
data: {a: '1'}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: lab}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: 'nginx:1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: one, namespace: lab}
spec: {restartPolicy: Never, containers: [{name: main, image: 'busybox:1'}]}
";

/// A `kubectl` that talks to one server and keeps its caches to itself.
struct Kubectl {
    program: String,
    home: PathBuf,
}

impl Kubectl {
    async fn run(&self, words: &str, input: &str) -> String {
        let mut child = Command::new(&self.program)
            .args(words.split(' '))
            .env("KUBECONFIG", self.home.join("config"))
            .env("HOME", &self.home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        let output = child.wait_with_output().await.unwrap();
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "kubectl {words}: {out}{err}");
        out.trim().to_owned()
    }

    /// Runs a command that has to fail, and returns what it says.
    async fn refused(&self, words: &str) -> String {
        let output = Command::new(&self.program)
            .args(words.split(' '))
            .env("KUBECONFIG", self.home.join("config"))
            .env("HOME", &self.home)
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        assert!(!output.status.success(), "kubectl {words}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

const KUBECTL: &str = "install kubectl (https://kubernetes.io/docs/tasks/tools) so that it is in PATH, or set KUBECTL";

#[tokio::test]
async fn kubectl_is_at_home() {
    static RUN: AtomicU32 = AtomicU32::new(0);
    let program = std::env::var("KUBECTL").unwrap_or_else(|_| "kubectl".into());
    let known = Command::new(&program).args(["version", "--client"]).output().await;
    if !known.is_ok_and(|output| output.status.success()) {
        skipped_tests::skip(&("there is no kubectl", KUBECTL));
        return;
    }
    let (shared, _) = cluster();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let token = Token::random().unwrap();
    let serving = tokio::spawn(serve(SimService::new(shared.clone()), token.clone(), listener, async {
        _ = stopped.await;
    }));
    let run = RUN.fetch_add(1, Ordering::Relaxed);
    let home = std::env::temp_dir().join(format!("capstan-sim-kubectl-{}-{run}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(home.join("config"), kubeconfig(address, &token)).unwrap();
    let kubectl = Kubectl {
        program,
        home: home.clone(),
    };

    assert!(
        kubectl
            .run("version", "")
            .await
            .contains("Server Version: v1.36.0-capstan-sim")
    );
    // The typed clients of these commands send protobuf.
    for (words, told) in [
        ("create namespace lab", "namespace/lab created"),
        ("create configmap c1 --from-literal=a=b -n lab", "configmap/c1 created"),
        (
            "create secret generic s1 --from-literal=a=b -n lab",
            "secret/s1 created",
        ),
        (
            "create deployment d1 --image=nginx --replicas=0 --port=80 -n lab",
            "deployment.apps/d1 created",
        ),
        ("create job j1 --image=busybox -n lab -- true", "job.batch/j1 created"),
        (
            "create cronjob j2 --image=busybox --schedule=@daily -n lab",
            "cronjob.batch/j2 created",
        ),
        ("create serviceaccount a1 -n lab", "serviceaccount/a1 created"),
        (
            "create role r1 --verb=get --resource=pods -n lab",
            "role.rbac.authorization.k8s.io/r1 created",
        ),
        (
            "create rolebinding r1 --role=r1 --serviceaccount=lab:a1 -n lab",
            "rolebinding.rbac.authorization.k8s.io/r1 created",
        ),
        (
            "create quota q1 --hard=pods=2,requests.cpu=1500m -n lab",
            "resourcequota/q1 created",
        ),
        ("create service clusterip v1 --tcp=80:8080 -n lab", "service/v1 created"),
        (
            "create ingress i1 --rule=a.example.org/*=v1:80 -n lab",
            "ingress.networking.k8s.io/i1 created",
        ),
        (
            "create priorityclass p1 --value=7",
            "priorityclass.scheduling.k8s.io/p1 created",
        ),
        ("auth can-i create pods -n lab", "yes"),
        ("get cm c1 -n lab -o jsonpath={.data.a}", "b"),
        ("get secret s1 -n lab -o jsonpath={.data.a}", "Yg=="),
        (
            "get deploy d1 -n lab -o jsonpath={.spec.replicas},{.spec.template.spec.containers[0].ports[0].containerPort}",
            "0,80",
        ),
        ("get role r1 -n lab -o jsonpath={.rules[0].verbs}", "[\"get\"]"),
        ("get quota q1 -n lab -o jsonpath={.spec.hard.requests\\.cpu}", "1500m"),
        ("get svc v1 -n lab -o jsonpath={.spec.ports[0].targetPort}", "8080"),
    ] {
        assert_eq!(kubectl.run(words, "").await, told, "{words}");
    }
    assert!(kubectl.run("auth can-i --list -n lab", "").await.contains("*.*"));
    let gone = ["deploy d1", "job j1", "cronjob j2", "priorityclass p1"];
    for one in gone {
        kubectl.run(&format!("delete {one} -n lab"), "").await;
    }
    assert_eq!(
        kubectl.run("apply --server-side -f -", MANIFEST).await,
        "configmap/settings serverside-applied\ndeployment.apps/web serverside-applied\npod/one serverside-applied"
    );
    let plain = MANIFEST
        .replace("name: settings", "name: plain")
        .replace("name: web,", "name: web2,")
        .replace("name: one,", "name: two,");
    assert_eq!(
        kubectl.run("apply -f -", &plain).await,
        "configmap/plain created\ndeployment.apps/web2 created\npod/two created"
    );
    let changed = plain.replace("nginx:1", "nginx:2");
    assert_eq!(
        kubectl.run("apply -f -", &changed).await,
        "configmap/plain unchanged\ndeployment.apps/web2 configured\npod/two unchanged"
    );
    assert_eq!(
        kubectl.run("get deploy,po -n lab -o name", "").await,
        "deployment.apps/web\ndeployment.apps/web2\npod/one\npod/two"
    );
    let wide = kubectl.run("get pods -n lab -o wide", "").await;
    assert!(wide.starts_with("NAME   READY   STATUS"), "{wide}");
    let json = kubectl
        .run(
            "get deploy web -n lab -o jsonpath={.spec.template.spec.containers[0].image}",
            "",
        )
        .await;
    assert_eq!(json, "nginx:1");
    assert_eq!(
        kubectl.run("annotate cm settings -n lab x=y", "").await,
        "configmap/settings annotated"
    );
    let patched = kubectl
        .run("patch deploy web -n lab -p {\"spec\":{\"paused\":true}}", "")
        .await;
    assert_eq!(patched, "deployment.apps/web patched");
    assert_eq!(
        kubectl.run("scale deploy web -n lab --replicas=5", "").await,
        "deployment.apps/web scaled"
    );
    assert!(
        kubectl
            .run("api-resources", "")
            .await
            .contains("customresourcedefinitions")
    );
    let review = json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": { "verb": "delete", "resource": "pods" } } });
    assert_eq!(
        kubectl
            .run("create -f - -o jsonpath={.status.allowed}", &review.to_string())
            .await,
        "true"
    );
    assert!(kubectl.run("describe cm settings -n lab", "").await.contains("x: y"));

    let ready = json!({ "phase": "Running",
        "conditions": [{ "type": "Ready", "status": "True" }],
        "containerStatuses": [{ "name": "main", "ready": true, "state": { "running": {} } }] });
    let waiting = kubectl.run("wait --for=condition=Ready pod/one -n lab --timeout=20s", "");
    let (waited, ()) = tokio::join!(waiting, async {
        shared
            .lock()
            .update_status(&Kind::new("", "Pod"), "lab", "one", ready)
            .unwrap();
        shared.lock().log_append("lab", "one", "main", "hello");
    });
    assert_eq!(waited, "pod/one condition met");
    assert_eq!(kubectl.run("logs one -n lab", "").await, "hello");
    for words in [
        "exec one -n lab -- true",
        "attach one -n lab",
        "port-forward pod/one -n lab 0:80",
    ] {
        let said = kubectl.refused(words).await;
        assert!(said.contains("can't be connected to"), "{words}: {said}");
    }
    assert!(
        kubectl
            .refused("top pods -n lab")
            .await
            .contains("Metrics API not available")
    );
    for (words, said) in [
        ("label deploy web -n lab x=y", "deployment.apps/web labeled"),
        (
            "set image deploy/web -n lab main=nginx:3",
            "deployment.apps/web image updated",
        ),
        (
            "patch deploy web -n lab --type=json -p [{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":1}]",
            "deployment.apps/web patched",
        ),
        (
            "patch deploy web -n lab --type=merge -p {\"spec\":{\"replicas\":2}}",
            "deployment.apps/web patched",
        ),
    ] {
        assert_eq!(kubectl.run(words, "").await, said, "{words}");
    }
    assert!(kubectl.run("describe deploy web -n lab", "").await.contains("nginx:3"));
    let deleted = kubectl.run("delete pod one -n lab --grace-period=0 --force", "").await;
    // Newer versions of kubectl add the namespace.
    let last = deleted.lines().last().unwrap_or_default();
    assert!(last.starts_with("pod \"one\" force deleted"), "{deleted}");
    assert!(
        kubectl
            .run("delete ns lab --timeout=20s", "")
            .await
            .starts_with("namespace \"lab\" deleted")
    );

    _ = stop.send(());
    serving.await.unwrap();
    std::fs::remove_dir_all(home).unwrap();
}
