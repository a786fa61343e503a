//! What people do with the page: sync, look at what failed, terminate, approve, sync one object, delete.

use super::{
    in_browser,
    page::Page,
    site::{Site, cluster, example, exec},
};

/// A PreSync hook that fails after a line, what it keeps from starting, and what runs because it failed.
pub const BROKEN: &str = "
apiVersion: batch/v1
kind: Job
metadata: { name: migrate, annotations: { argocd.argoproj.io/hook: PreSync } }
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: main, image: ubuntu, command: [sh, -c, 'echo connecting; echo no database at db:5432; exit 3'] }]
---
apiVersion: batch/v1
kind: Job
metadata: { name: alarm, annotations: { argocd.argoproj.io/hook: SyncFail } }
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: main, image: ubuntu, command: [sh, -c, 'echo somebody was called'] }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: main, image: web }] }
---
apiVersion: v1
kind: Service
metadata: { name: front }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
";

/// A hook that asks a person, and what comes after it.
pub const GATE: &str = "
apiVersion: capstan.dev/v1
kind: Hook
metadata: { name: gate, annotations: { capstan.dev/hook: PreSync } }
spec: { type: approval }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { colour: blue }
";

/// A hook that never ends, and its cluster.
pub const ENDLESS: &str = "
apiVersion: batch/v1
kind: Job
metadata: { name: endless, annotations: { argocd.argoproj.io/hook: PreSync } }
spec:
  template:
    spec: { restartPolicy: Never, containers: [{ name: main, image: ubuntu }] }
---
apiVersion: v1
kind: Service
metadata: { name: front }
spec: { ports: [{ port: 80 }] }
";
pub const ENDLESS_CLUSTER: &str = "
behaviours:
- { match: { owner: Job/endless }, never-ends: true, log: [waiting for what never comes] }
";

/// Syncs everything that the application has, by clicks.
pub async fn sync(page: &Page<'_>) {
    page.click("Sync…").await;
    page.see_in("dialog", "to apply").await;
    page.confirm("Sync").await;
    page.gone("dialog").await;
}

#[test]
fn the_example_is_synced_from_a_click_to_its_end() {
    in_browser(async |browser| {
        let site = Site::new(exec()).await;
        site.write(&example());
        let page = site.open(browser, "/apps").await;
        page.click("shop").await;
        page.see("Nothing was deployed yet.").await;
        page.click("Sync…").await;
        page.see_in("dialog", "2 to apply, 2 hooks, 0 unchanged").await;
        page.see_in("dialog .cmd", "capstan sync -f shop/ --app shop -n shop")
            .await;
        page.confirm("Sync").await;
        page.see_in(".pill", "Succeeded").await;
        page.see_in(".loglines", "Post Sync Job").await;
        assert_eq!(page.texts(".line .txt").await, ["Pre Sync Job", "Post Sync Job"]);
        let rows = page.texts(".tl-row").await.join("\n");
        let place = |name: &str| rows.find(name).unwrap_or_else(|| panic!("no {name} in {rows}"));
        assert!(place("presync-job") < place("echo-server"), "{rows}");
        assert!(place("echo-server") < place("postsync-job"), "{rows}");
        page.see_in(".tl", "only if something fails").await;
        page.click("Objects").await;
        page.see_in(".objs", "echo-server").await;
        // The list says the same.
        page.click("Applications").await;
        page.see_in("tr.app", "Succeeded").await;
        page.see_in("tr.app", "Healthy").await;
        let objects = site.objects(&["Deployment", "Service"]).await;
        assert_eq!(objects, ["Deployment/echo-server", "Service/echo-server"]);
        site
    });
}

#[test]
fn a_failed_hook_shows_its_log_and_what_was_not_started() {
    in_browser(async |browser| {
        let site = Site::new(exec()).await;
        site.write(BROKEN);
        let page = site.open(browser, "/apps/shop/shop").await;
        sync(&page).await;
        page.see_in(".pill", "Failed").await;
        page.see_in(".failure", "Job/migrate failed in PreSync, wave 0").await;
        page.see_in(".failure .facts", "SyncFail alarm ran").await;
        page.see_in(".failure .facts", "not started").await;
        for name in ["web", "front"] {
            page.see_in(".failure .facts", name).await;
            page.see_in(".tl", name).await;
        }
        page.see_in(".failure .tail", "no database at db:5432").await;
        // Its log is opened without a click.
        page.see_in(".loglines", "no database at db:5432").await;
        assert_eq!(page.texts(".line .txt").await, ["connecting", "no database at db:5432"]);
        page.click_among("alarm", ".logtabs button").await;
        page.see_in(".loglines", "somebody was called").await;
        assert_eq!(site.objects(&["Deployment", "Service"]).await, [""; 0]);
        page.click("Applications").await;
        page.see_in("tr.app", "Failed").await;
        page.see_in(".side", "Needs somebody").await;
        site
    });
}

#[test]
fn a_hook_that_never_ends_is_terminated() {
    in_browser(async |browser| {
        let site = Site::new(cluster(ENDLESS_CLUSTER)).await;
        site.write(ENDLESS);
        let page = site.open(browser, "/apps/shop/shop").await;
        sync(&page).await;
        page.see_in(".why", "Job/endless").await;
        page.see_in(".loglines", "waiting for what never comes").await;
        page.click("Terminate…").await;
        page.see_in("dialog", "Hooks that run are stopped").await;
        page.see_in("dialog", "nothing is rolled back").await;
        page.see_in("dialog .cmd", "capstan terminate shop -n shop").await;
        page.click("Let it run").await;
        page.gone("dialog").await;
        page.see_in(".pill", "Running").await;
        page.click("Terminate…").await;
        page.confirm("Terminate").await;
        page.see_in(".pill", "Terminated").await;
        page.see_in(".loglines", "waiting for what never comes").await;
        site.none_left(&["Job", "Pod", "Service"]).await;
        page.gone("[data-key=terminate]").await;
        site
    });
}

#[test]
fn a_gate_is_approved_with_a_reason_and_rejected() {
    in_browser(async |browser| {
        let site = Site::new(cluster("{}")).await;
        site.write(GATE);
        let page = site.open(browser, "/apps/shop/shop").await;
        sync(&page).await;
        page.see_in(".pill", "Waits for a person").await;
        page.see_in(".why", "a person says so").await;
        page.see_in(".side", "Needs somebody").await;
        page.click("Approve…").await;
        page.see_in("dialog", "The hook succeeds and the operation goes on.")
            .await;
        page.fill("Why", "it is Friday").await;
        page.see_in("dialog .cmd", "it is Friday").await;
        page.confirm("Approve").await;
        page.see_in(".pill", "Succeeded").await;
        page.click_among("0 gate", ".tl-row").await;
        page.see_in(".dock", "it is Friday").await;

        sync(&page).await;
        page.see_in(".pill", "Waits for a person").await;
        page.click("Reject…").await;
        page.fill("Why", "not today").await;
        page.confirm("Reject").await;
        page.see_in(".pill", "Failed").await;
        page.see_in(".failure", "not today").await;
        site
    });
}

#[test]
fn one_deployment_is_synced_by_hand_after_a_hook_failed() {
    in_browser(async |browser| {
        let site = Site::new(exec()).await;
        site.write(BROKEN);
        let page = site.open(browser, "/apps/shop/shop").await;
        sync(&page).await;
        page.see_in(".pill", "Failed").await;
        page.click("Sync again…").await;
        page.see_in("dialog", "2 to apply, 1 hook").await;
        page.click_among("none", "dialog button").await;
        page.see_in("dialog .sum", "1 hook does not run: migrate").await;
        let (can, words) = page.button_among("Sync", "dialog .btn-go").await;
        assert!(!can && words.contains("nothing is chosen"), "{words}");
        page.click_among("0 web", "dialog .pick").await;
        page.see_in("dialog .sum", "1 to apply, 0 hooks").await;
        page.see_in("dialog .cmd", "--only Deployment/web").await;
        page.confirm("Sync").await;
        page.gone("dialog").await;
        page.see_in(".pill", "Succeeded").await;
        page.see_in(".tl", "web").await;
        assert_eq!(site.objects(&["Deployment", "Service"]).await, ["Deployment/web"]);
        page.click("History").await;
        page.see_in(".histlist", "#2").await;
        site
    });
}

#[test]
fn a_deletion_runs_its_hooks_and_shows_them() {
    let hook = |name: &str, phase: &str| {
        format!(
            "---\napiVersion: batch/v1\nkind: Job\nmetadata: {{ name: {name}, annotations: {{ argocd.argoproj.io/hook: {phase} }} }}\n\
             spec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{{ name: main, image: ubuntu, command: [sh, -c, 'echo {phase} ran'] }}]\n"
        )
    };
    in_browser(async |browser| {
        let site = Site::new(exec()).await;
        let text = [
            BROKEN.replace("exit 3", "exit 0").as_str(),
            &hook("backup", "PreDelete"),
            &hook("goodbye", "PostDelete"),
        ]
        .concat();
        site.write(&text);
        let page = site.open(browser, "/apps/shop/shop").await;
        sync(&page).await;
        page.see_in(".pill", "Succeeded").await;
        page.click("More actions").await;
        page.click("Delete…").await;
        for word in ["PreDelete", "backup", "web", "front", "PostDelete", "goodbye"] {
            page.see_in("dialog .delsteps", word).await;
        }
        page.see_in("dialog .cmd", "capstan delete shop -n shop").await;
        let (can, words) = page.button_among("Delete", "dialog .btn-go").await;
        assert!(!can && words.contains("type shop first"), "{words}");
        page.fill("Type shop to delete it", "shopp").await;
        assert!(
            !page.button_among("Delete", "dialog .btn-go").await.0,
            "that is another name"
        );
        page.fill("Type shop to delete it", "shop").await;
        page.confirm("Delete").await;
        page.gone("dialog").await;
        site.none_left(&["Deployment", "Service"]).await;
        // The page goes on to show the deletion, and not what was before it.
        page.see_in(".pill", "Succeeded").await;
        page.see_in(".tl", "backup").await;
        page.see_in(".tl", "goodbye").await;
        page.see_in(".loglines", "PreDelete ran").await;
        page.see_in(".loglines", "PostDelete ran").await;
        page.click("Applications").await;
        page.see_in("tr.app", "no operation has run yet").await;
        site
    });
}
