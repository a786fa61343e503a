//! The health of objects on request: of live objects, or of manifests.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use capstan_core::{
    kubernetes::ownership::Ownership,
    model::{
        compat::Mode,
        health::{Assessment, Health},
        object::{Object, ObjectKey, labels},
        plugins::{Application, HealthQuestion, PluginQuery, PluginRef, PluginSettings, Plugins},
    },
    plan::Role,
    read::directive,
};
use futures::StreamExt as _;
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    classify::classify,
    concurrent::in_order,
    engine::Engine,
    error::EngineError,
    health_assessor::{HealthAssessor, assess_or_unknown},
    live,
};

/// An object with its health.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssessedObject {
    /// The key of the object.
    pub object: ObjectKey,
    /// The plugin that assessed it; `None` when the object doesn't exist.
    #[serde(rename = "by")]
    pub plugin: Option<PluginRef>,
    /// The health of the object, with the rule that decided.
    #[serde(flatten)]
    pub assessment: Assessment,
}

/// Assesses objects of manifests. No cluster is asked, so plugins get no related objects.
pub async fn assess_manifests(
    plugins: &dyn Plugins,
    application: &Application,
    mode: Mode,
    settings: &PluginSettings,
    objects: impl IntoIterator<Item = Object>,
    now: Timestamp,
) -> Vec<AssessedObject> {
    let mut judged = Vec::new();
    for object in objects {
        let by = plugins.plugin_for(&PluginQuery::Health(object.group_kind()));
        let question = HealthQuestion {
            application,
            object: &object,
            mode,
            related: None,
            settings: by.as_ref().and_then(|by| settings.for_plugin(&by.plugin)),
            now,
        };
        judged.push(AssessedObject {
            assessment: assess_or_unknown(plugins, by.as_ref(), question).await,
            object: object.key(),
            plugin: by,
        });
    }
    judged
}

impl Engine {
    /// Assesses the live objects of an application: those of its last sync, and others that it created. Hooks and objects of other
    /// applications are left out.
    ///
    /// # Errors
    ///
    /// Returns `NoApplication`, or why something couldn't be read.
    pub async fn health(
        &self,
        application: &Application,
        mode: Option<Mode>,
        settings: &PluginSettings,
    ) -> Result<Vec<AssessedObject>, EngineError> {
        let store = self.open_existing_store(application).await?;
        let mode = mode.unwrap_or(store.head.mode);
        let mut desired = Vec::new();
        for manifest in store.manifests().await? {
            let Ok(directives) = directive::read_directives(&manifest, mode) else {
                continue;
            };
            let classified = classify(&**self.plugins(), application, manifest, directives, mode, settings).await;
            if let Ok(one) = classified
                && matches!(one.role, Role::Resource)
            {
                desired.push(one.manifest.key());
            }
        }
        let inventory = store.inventory().await;
        let ownership = Ownership::new(application, &inventory);
        let live = live::read_live_objects(self.cluster(), application, desired.iter().cloned(), &store.head.places);
        let mut live = live
            .await
            .map_err(EngineError::during("reading the application's objects"))?;
        let named: BTreeSet<&ObjectKey> = desired.iter().collect();
        live.retain(|key, object| {
            let counts = if named.contains(key) {
                ownership.other_owner(object).is_none()
            } else {
                ownership.is_own(object)
            };
            counts && object.label(labels::HOOK).is_none()
        });
        Ok(self.assess_live(application, mode, settings, desired, live).await)
    }

    /// Assesses live objects by their keys.
    ///
    /// # Errors
    ///
    /// Returns why they couldn't be read.
    pub async fn health_of(
        &self,
        application: &Application,
        mode: Mode,
        settings: &PluginSettings,
        keys: Vec<ObjectKey>,
    ) -> Result<Vec<AssessedObject>, EngineError> {
        let live = self.cluster().look_up(keys.iter().cloned()).await;
        let live = live.map_err(EngineError::during("reading the objects"))?;
        Ok(self.assess_live(application, mode, settings, keys, live).await)
    }

    async fn assess_live(
        &self,
        application: &Application,
        mode: Mode,
        settings: &PluginSettings,
        requested_keys: Vec<ObjectKey>,
        live: BTreeMap<ObjectKey, Object>,
    ) -> Vec<AssessedObject> {
        let assessor = HealthAssessor {
            cluster: self.cluster().clone(),
            plugins: Arc::clone(self.plugins()),
            clock: self.clock(),
            application: application.clone(),
            mode,
            settings: settings.clone(),
        };
        let missing = requested_keys.into_iter().filter(|key| !live.contains_key(key));
        let missing: Vec<AssessedObject> = missing
            .map(|object| AssessedObject {
                object,
                plugin: None,
                assessment: Assessment::new(Health::Missing, "it isn't there", ""),
            })
            .collect();
        let assessments = live.iter().map(|(key, object)| {
            let assessor = &assessor;
            async move {
                let by = assessor.plugins.plugin_for(&PluginQuery::Health(key.group_kind()));
                let first = assessor.assess(by.as_ref(), object).await;
                AssessedObject {
                    assessment: assessor.assess_with_related(by.as_ref(), object, first, None).await,
                    object: key.clone(),
                    plugin: by,
                }
            }
        });
        let mut judged: Vec<AssessedObject> = in_order(assessments).collect().await;
        judged.extend(missing);
        judged.sort_by(|a, b| a.object.cmp(&b.object));
        judged
    }
}
