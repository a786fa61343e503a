//! Who may not do something sees that, and why.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use capstan_api::{ApiError, Verb};
use capstan_core::model::plugins::Application;
use capstan_server::{Access, User};
use http::HeaderMap;

use super::{
    actions::{ENDLESS, ENDLESS_CLUSTER},
    in_browser,
    site::{Options, Site, cluster},
};

/// Allows to look, and nothing else. Anybody is the viewer.
struct Viewer {
    verbs: &'static [Verb],
}

#[async_trait]
impl Access for Viewer {
    async fn user(&self, _: &HeaderMap) -> Result<User, ApiError> {
        Ok(User {
            name: "viewer".to_owned(),
        })
    }

    async fn missing(
        &self,
        _: &User,
        _: Option<&Application>,
        verbs: &[Verb],
    ) -> Result<BTreeMap<Verb, String>, ApiError> {
        let missing = verbs.iter().filter(|verb| !self.verbs.contains(verb));
        Ok(missing
            .map(|verb| (*verb, format!("create applications/{verb:?} in shop").to_lowercase()))
            .collect())
    }
}

async fn begin(site: &Site) {
    let planned = site.stage.engine.plan(site.stage.request_text(ENDLESS)).await.unwrap();
    let running = site.stage.engine.start(planned, "somebody else").await.unwrap();
    tokio::spawn(async move {
        let mut records = running.subscribe();
        while records.next().await.is_some() {}
        drop(running);
    });
}

#[test]
fn what_one_may_not_do_is_disabled_with_the_right_that_is_missing() {
    in_browser(async |browser| {
        let access: Arc<dyn Access> = Arc::new(Viewer {
            verbs: &[Verb::Get, Verb::Plan, Verb::Logs, Verb::Objects],
        });
        let options = Options {
            access: Some(access),
            ..Options::default()
        };
        let site = Site::with(cluster(ENDLESS_CLUSTER), options).await;
        site.write(ENDLESS);
        begin(&site).await;
        let page = site.open(browser, "/apps/shop/shop").await;
        page.see_in(".why", "Job/endless").await;
        page.see_in(".who2", "may look").await;
        for (name, right) in [
            ("Sync…", "create applications/sync in shop"),
            ("Terminate…", "create applications/terminate in shop"),
        ] {
            let (can, words) = page.button(name).await;
            assert!(!can && words.contains(right), "{name}: {can} {words}");
            page.click(name).await;
            assert_eq!(page.count("dialog").await, 0, "{name} opened a dialog");
        }
        page.click("More actions").await;
        for (name, right) in [
            ("Roll back…", "create applications/rollback in shop"),
            ("Run tests…", "create applications/test in shop"),
            ("Delete what is due…", "create applications/sweep in shop"),
            ("Delete…", "create applications/delete in shop"),
        ] {
            let (can, words) = page.button(name).await;
            assert!(!can && words.contains(right), "{name}: {can} {words}");
        }
        // Keys do no more than buttons.
        page.click("Operation").await;
        page.press('t').await;
        assert_eq!(page.count("dialog").await, 0);
        page.press('s').await;
        page.see_in("dialog", "to apply").await;
        let (can, words) = page.button_among("Sync", "dialog .btn-go").await;
        assert!(!can && words.contains("create applications/sync in shop"), "{words}");
        site
    });
}

#[test]
fn pages_that_one_may_not_see_say_so() {
    in_browser(async |browser| {
        let access: Arc<dyn Access> = Arc::new(Viewer { verbs: &[Verb::Get] });
        let options = Options {
            access: Some(access),
            ..Options::default()
        };
        let site = Site::with(cluster(ENDLESS_CLUSTER), options).await;
        site.write(ENDLESS);
        begin(&site).await;
        browser.expects("403");
        let page = site.open(browser, "/apps/shop/shop/plan").await;
        page.see_in(".refused", "create applications/plan in shop").await;
        page.click("Objects").await;
        page.see_in(".refused", "create applications/objects in shop").await;
        page.click("Operation").await;
        page.see_in(".why", "Job/endless").await;
        page.see_in(".dock", "may not").await;
        site
    });
}

#[test]
fn a_read_only_server_says_so_once() {
    in_browser(async |browser| {
        let options = Options {
            is_read_only: true,
            ..Options::default()
        };
        let site = Site::with(cluster(ENDLESS_CLUSTER), options).await;
        site.write(ENDLESS);
        begin(&site).await;
        let page = site.open(browser, "/apps/shop/shop").await;
        page.see_in(".why", "Job/endless").await;
        page.see_in(".who2", "read-only server").await;
        assert!(!page.button("Sync…").await.0);
        assert!(!page.button("Terminate…").await.0);
        site
    });
}
