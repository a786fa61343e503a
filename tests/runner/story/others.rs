//! Changes of objects from outside during a story, and checks of what exists afterwards.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, bail, ensure};
use capstan_core::{
    model::{hook::Propagation, plugins::PluginSettings},
    plan::propagation::PropagationRules,
};
use serde_json::{Value, json};

use super::{Health, find, live, patch, user_error};
use crate::stage::Stage;

pub(super) fn text<'value>(value: &'value Value, field: &str) -> &'value str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

pub(super) async fn remove(stage: &Stage, names: &[String]) -> anyhow::Result<()> {
    let cluster = stage.engine.cluster();
    for name in names {
        let object = live(stage, name).await?;
        let propagation = PropagationRules::default().decide(Propagation::Background);
        cluster.delete(&object.key(), object.uid(), propagation).await?;
        let is_gone = async {
            while cluster.get(&object.key()).await?.is_some() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            anyhow::Ok(())
        };
        let gone = tokio::time::timeout(Duration::from_secs(30), is_gone).await;
        gone.with_context(|| format!("{name} isn't gone"))??;
    }
    // The kind of a definition is deleted with it.
    cluster.refresh().await?;
    Ok(())
}

pub(super) async fn set_owners(stage: &Stage, owners: &BTreeMap<String, String>) -> anyhow::Result<()> {
    for (name, owner) in owners {
        let owner = live(stage, owner).await?;
        let reference = json!({
            "apiVersion": owner.api_version(), "kind": owner.kind(), "name": owner.name(), "uid": owner.uid(),
            "controller": true,
        });
        let patch_of = json!({ "metadata": { "ownerReferences": [reference] } });
        patch(stage, &[(name.clone(), patch_of)].into()).await?;
    }
    Ok(())
}

pub(super) async fn check_presence(stage: &Stage, expected: &BTreeMap<String, bool>) -> anyhow::Result<()> {
    for (name, is_expected) in expected {
        let found = find(stage, name).await?.filter(|object| !object.is_terminating());
        ensure!(
            found.is_some() == *is_expected,
            "{name} is {}there",
            if *is_expected { "not " } else { "" }
        );
    }
    Ok(())
}

pub(super) async fn check_health(stage: &Stage, expected: &Health) -> anyhow::Result<()> {
    let application = expected.application.as_ref().unwrap_or(&stage.application);
    let judged = stage
        .engine
        .health(application, None, &PluginSettings::default())
        .await
        .map_err(user_error)?;
    let found: BTreeMap<String, String> = judged
        .iter()
        .map(|one| (one.object.kind_and_name(), one.assessment.health.to_string()))
        .collect();
    ensure!(found == expected.is, "the health is {found:?}");
    Ok(())
}

/// Plans the application's deletion, which must fail with these mistakes.
pub(super) async fn check_refused_deletion(stage: &Stage, mistakes: &[String]) -> anyhow::Result<()> {
    match stage.engine.plan(stage.deletion()).await {
        Err(error) => super::checks::check_mistakes(&error.into(), mistakes),
        Ok(_) => bail!("there are no mistakes"),
    }
}
