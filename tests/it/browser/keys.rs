//! The keyboard alone.

use super::{
    actions::{ENDLESS, ENDLESS_CLUSTER},
    in_browser,
    site::{Site, cluster},
    webdriver::key,
};

#[test]
fn the_keyboard_alone_leads_from_the_list_to_terminate() {
    in_browser(async |browser| {
        let site = Site::new(cluster(ENDLESS_CLUSTER)).await;
        site.write(ENDLESS);
        let page = site.open(browser, "/apps").await;
        page.see("shop").await;
        page.tab_to("shop").await;
        page.press(key::ENTER).await;
        page.see("Nothing was deployed yet.").await;
        // A letter opens the dialog, Escape closes it, and the focus comes back.
        page.tab_to("More actions").await;
        page.press('s').await;
        page.see_in("dialog", "to apply").await;
        page.press(key::ESCAPE).await;
        page.gone("dialog").await;
        page.wait(
            "the focus where it was",
            "return document.activeElement.getAttribute('aria-label') === 'More actions'",
            &[],
        )
        .await;
        page.press('s').await;
        page.see_in("dialog", "to apply").await;
        page.tab_to("Cancel").await;
        page.tab_to("Sync").await;
        page.press(key::ENTER).await;
        page.see_in(".why", "Job/endless").await;
        page.see_in(".loglines", "waiting for what never comes").await;
        page.press('?').await;
        page.see_in("dialog", "Single letters work as keys").await;
        page.press(key::ESCAPE).await;
        page.gone("dialog").await;
        page.press('j').await;
        page.wait(
            "the focus on a row",
            "return document.activeElement.classList.contains('tl-row')",
            &[],
        )
        .await;
        page.press(key::ENTER).await;
        page.there(".tl-row.is-selected").await;
        page.press('t').await;
        page.see_in("dialog", "Hooks that run are stopped").await;
        page.tab_to("Let it run").await;
        page.tab_to("Terminate").await;
        page.press(key::ENTER).await;
        page.see_in(".pill", "Terminated").await;
        // The focus is never lost in what is gone.
        page.wait(
            "the focus in the page",
            "return document.activeElement && document.activeElement.isConnected",
            &[],
        )
        .await;
        site
    });
}

#[test]
fn the_skip_link_leaves_the_address_and_the_token_as_they_are() {
    in_browser(async |browser| {
        let site = Site::new(cluster("{}")).await;
        site.write(ENDLESS);
        let page = site.open(browser, "/apps/shop/shop/plan").await;
        page.see("front").await;
        page.tab_to("To the content").await;
        page.press(key::ENTER).await;
        page.wait(
            "the focus on the content",
            "return document.activeElement.id === 'main'",
            &[],
        )
        .await;
        page.see("front").await;
        page.reload().await;
        page.see("front").await;
        site
    });
}
