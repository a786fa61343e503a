//! `kubectl` over loopback, in real time: the tests that open a socket.

mod program;

use std::process::Stdio;

use capstan_sim::store::Kind;
use program::Served;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::Command,
};

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

/// Both replace the path of the server's URL by their own.
#[tokio::test]
async fn kubectl_knows_the_token_whatever_path_it_asks_for() {
    let Some(served) = Served::start().await else { return };
    let kubectl = &served.kubectl;
    assert_eq!(kubectl.run("get --raw /readyz", "").await, "ok");
    let namespaces = kubectl.run("get --raw /api/v1/namespaces?limit=1", "").await;
    assert!(namespaces.contains("\"NamespaceList\""), "{namespaces}");
    let mut proxy = kubectl
        .command("proxy --port=0")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(proxy.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let address = line.strip_prefix("Starting to serve on ").unwrap();
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET /api/v1/namespaces HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"NamespaceList\""), "{answer}");
    proxy.kill().await.unwrap();
    served.end().await;
}

#[tokio::test]
async fn kubectl_is_at_home() {
    let Some(served) = Served::start().await else { return };
    let (kubectl, shared) = (&served.kubectl, served.shared.clone());

    assert!(
        kubectl
            .run("version", "")
            .await
            .contains("Server Version: v1.36.0-capstan-sim")
    );
    // The typed clients of these commands send protobuf.
    for (words, expected) in [
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
        assert_eq!(kubectl.run(words, "").await, expected, "{words}");
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
        let output = kubectl.refused(words).await;
        assert!(output.contains("can't be connected to"), "{words}: {output}");
    }
    assert!(
        kubectl
            .refused("top pods -n lab")
            .await
            .contains("Metrics API not available")
    );
    for (words, output) in [
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
        assert_eq!(kubectl.run(words, "").await, output, "{words}");
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

    served.end().await;
}

const WIDGETS: &str = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.example.org }
spec:
  group: example.org
  scope: Namespaced
  names: { kind: Widget, plural: widgets, shortNames: [wd] }
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns:
    - { name: Size, type: integer, jsonPath: .spec.size }
    - { name: Colour, type: string, priority: 1, jsonPath: .spec.colour }
    schema:
      openAPIV3Schema:
        type: object
        description: A widget.
        properties:
          spec:
            type: object
            properties:
              size: { type: integer, description: How large it is. }
              colour: { type: string }
";

const WIDGET: &str =
    "apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: w, namespace: lab}\nspec: {size: 3, colour: red}\n";

/// Returns the words of each line of a table.
fn rows(table: &str) -> Vec<Vec<&str>> {
    table.lines().map(|line| line.split_whitespace().collect()).collect()
}

#[tokio::test]
async fn kubectl_shows_the_columns_of_a_real_server_and_explains_fields() {
    let Some(served) = Served::start().await else { return };
    let kubectl = &served.kubectl;
    kubectl.run("create ns lab", "").await;
    kubectl
        .run("create deploy web -n lab --image=nginx:1 --replicas=2", "")
        .await;
    kubectl
        .run("create service nodeport web -n lab --tcp=80:8080", "")
        .await;
    let deployments = kubectl.run("get deploy -n lab -o wide", "").await;
    let [head, web] = &rows(&deployments)[..] else {
        panic!("{deployments}")
    };
    assert_eq!(
        head.join(" "),
        "NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR"
    );
    assert_eq!((web[1], &web[5..]), ("0/2", &["nginx", "nginx:1", "app=web"][..]));
    let services = kubectl.run("get svc -n lab", "").await;
    let [head, web] = &rows(&services)[..] else {
        panic!("{services}")
    };
    assert_eq!(head.join(" "), "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE");
    assert!(web[4].starts_with("80:3") && web[4].ends_with("/TCP"), "{services}");
    let scale = kubectl.run("get deploy web -n lab --subresource=scale", "").await;
    assert_eq!(rows(&scale)[0].join(" "), "NAME DESIRED AVAILABLE AGE");
    // Sorting needs the whole objects.
    kubectl
        .run("create deploy small -n lab --image=x --replicas=1", "")
        .await;
    let sorted = kubectl
        .run("get deploy -n lab --sort-by=.spec.replicas --no-headers", "")
        .await;
    assert_eq!(
        rows(&sorted).iter().map(|row| row[0]).collect::<Vec<_>>(),
        ["small", "web"]
    );

    assert_eq!(
        kubectl.run("apply -f -", WIDGETS).await,
        "customresourcedefinition.apiextensions.k8s.io/widgets.example.org created"
    );
    assert_eq!(kubectl.run("apply -f -", WIDGET).await, "widget.example.org/w created");
    let widgets = kubectl.run("get wd -n lab", "").await;
    assert_eq!(rows(&widgets), [["NAME", "SIZE"], ["w", "3"]]);
    let widgets = kubectl.run("get wd -n lab -o wide", "").await;
    assert_eq!(rows(&widgets), [["NAME", "SIZE", "COLOUR"], ["w", "3", "red"]]);

    for (words, expected) in [
        ("explain deploy.spec.replicas", "FIELD: replicas <integer>"),
        ("explain deploy.spec", "selector\t<LabelSelector> -required-"),
        ("explain pod --recursive", "containerPort\t<integer> -required-"),
        ("explain widget", "A widget."),
        ("explain widget.spec.size", "How large it is."),
    ] {
        let output = kubectl.run(words, "").await;
        assert!(output.contains(expected), "{words}: {output}");
    }
    let output = kubectl.refused("explain deploy.spec.replica").await;
    assert!(output.contains("field \"replica\" does not exist"), "{output}");
    served.end().await;
}

#[tokio::test]
async fn kubectl_is_warned_and_refused_as_by_a_real_server() {
    const UNKNOWN: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: lab}\ndatas: {}\n";
    let Some(served) = Served::start().await else { return };
    let kubectl = &served.kubectl;
    kubectl.run("create ns lab", "").await;
    let warned = kubectl.run_for("apply --validate=warn -f -", UNKNOWN).await;
    assert!(warned.status.success(), "{warned:?}");
    let output = String::from_utf8_lossy(&warned.stderr);
    assert!(output.contains("Warning: unknown field \"datas\""), "{output}");
    // A kind that nobody serves: kubectl reads a document as protobuf before it says so.
    let gadget = "apiVersion: example.org/v1\nkind: Gadget\nmetadata: {name: g}\n";
    let refused = kubectl.run_for("apply -f -", gadget).await;
    let output = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && output.contains("no matches for kind \"Gadget\""),
        "{output}"
    );
    for (words, expected) in [
        ("delete ns default", "this namespace may not be deleted"),
        ("delete ns kube-system", "this namespace may not be deleted"),
        ("create token nobody -n lab", "serviceaccounts \"nobody\" not found"),
        (
            "get cm -n lab --field-selector=data=x",
            "\"data\" is not a known field selector",
        ),
        (
            "get pods -n lab --field-selector=data=x",
            "field label not supported: data",
        ),
    ] {
        let output = kubectl.refused(words).await;
        assert!(output.contains(expected), "{words}: {output}");
    }
    // What was applied on the client's side is not a conflict for kubectl, and the annotation follows.
    let before = MANIFEST.replace("nginx:1", "nginx:2");
    kubectl.run("apply -f -", MANIFEST).await;
    let applied = kubectl
        .run("apply --server-side --field-manager=kubectl -f -", &before)
        .await;
    assert!(applied.contains("deployment.apps/web serverside-applied"), "{applied}");
    let last = kubectl.run("apply view-last-applied deploy/web -n lab", "").await;
    assert!(last.contains("nginx:2"), "{last}");
    let other = kubectl
        .run_for("apply --server-side --field-manager=other -f -", MANIFEST)
        .await;
    let output = String::from_utf8_lossy(&other.stderr);
    assert!(
        !other.status.success() && output.contains("conflict with \"kubectl\""),
        "{output}"
    );
    served.end().await;
}

#[tokio::test]
async fn a_client_that_goes_away_or_floods_disturbs_nobody() {
    let Some(served) = Served::start().await else { return };
    let kubectl = &served.kubectl;
    // Watches and waits that are broken off, as by Ctrl-C.
    for words in ["get cm -n shop -w", "wait --for=create cm/never -n shop --timeout=1h"] {
        let mut waiting = kubectl.command(words).stdout(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert!(waiting.try_wait().unwrap().is_none(), "{words}");
        let id = waiting.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().await.unwrap();
        assert!(sent.success() && !waiting.wait().await.unwrap().success(), "{words}");
    }
    // A client that asks without an end, and reads none of the answers.
    let config = std::fs::read_to_string(kubectl.home.join("config")).unwrap();
    let value = |field: &str| config.lines().find_map(|line| line.trim().strip_prefix(field)).unwrap();
    let (address, token) = (value("server: https://"), value("token: "));
    let (address, request) = (
        address.to_owned(),
        format!("GET /{token}/api/v1/configmaps HTTP/1.1\r\nHost: {address}\r\n\r\n"),
    );
    let flood = tokio::spawn(async move {
        let mut sockets = Vec::new();
        for _ in 0..20 {
            sockets.push(tokio::net::TcpStream::connect(&address).await.unwrap());
        }
        let many = request.repeat(100);
        loop {
            for socket in &mut sockets {
                // A full socket takes nothing; the next one may.
                _ = socket.try_write(many.as_bytes());
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    });
    for round in 0..3 {
        let words = format!("create cm c{round} -n shop --request-timeout=30s");
        assert_eq!(kubectl.run(&words, "").await, format!("configmap/c{round} created"));
    }
    flood.abort();
    served.end().await;
}
