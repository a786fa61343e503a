//! Assesses the health of objects by the plugins that claim their kinds, with the related objects that these plugins ask for.
//!
//! A healthy object costs one call and no request. Only a plugin that has something to explain asks for related objects
//! ([`Assessment::requested_related`]); its second answer is the last one about this version of the object.

use std::sync::Arc;

use capstan_core::model::{
    compat::Mode,
    health::{self, Assessment, Health},
    object::{Object, ObjectKey},
    plugins::{Application, HealthQuestion, PluginError, PluginRef, PluginSettings, Plugins},
    related::{self, Related, RelatedResult},
};

use crate::{clock::Clock, cluster::Cluster, owned_pods};

/// When to assess again for new events, which aren't watched.
const EVENTS_RECHECK_MILLIS: u64 = 10_000;

/// When to call a plugin again that gave no answer and no time.
const RETRY_AFTER_MILLIS: u64 = 10_000;

/// Assesses objects for one operation.
pub(crate) struct HealthAssessor {
    pub cluster: Cluster,
    pub plugins: Arc<dyn Plugins>,
    pub clock: Clock,
    pub application: Application,
    pub mode: Mode,
    pub settings: PluginSettings,
}

impl HealthAssessor {
    /// Assesses an object by its plugin. Without an answer it is Unknown, with the reason.
    pub async fn assess(&self, by: Option<&PluginRef>, object: &Object) -> Assessment {
        self.assess_once(by, object, None).await
    }

    /// Assesses an object again, with the related objects that the first answer asks for. The pods may be known already.
    pub async fn assess_with_related(
        &self,
        by: Option<&PluginRef>,
        object: &Object,
        first: Assessment,
        pods: Option<RelatedResult>,
    ) -> Assessment {
        if first.requested_related.is_empty() {
            return first;
        }
        let mut found = Related::new();
        for word in &first.requested_related {
            let what = match (word.as_str(), &pods) {
                (related::OWNED_PODS, Some(pods)) => pods.clone(),
                (related::OWNED_PODS, None) => owned_pods::owned_pods(&self.cluster, object).await,
                (related::EVENTS, _) => match self.cluster.events_about(object).await {
                    Ok(events) => RelatedResult::events(events),
                    Err(error) => RelatedResult::refused(error.to_string()),
                },
                (related::STORAGE_CLASS, _) => self.storage_class(object).await,
                (_, _) => RelatedResult::refused("not in this version"),
            };
            found.insert(word.clone(), what);
        }
        let mut assessment = self.assess_once(by, object, Some(&found)).await;
        if found.contains_key(related::EVENTS) && assessment.health != Health::Healthy {
            let soonest = assessment.recheck_after_ms.unwrap_or(EVENTS_RECHECK_MILLIS);
            assessment.recheck_after_ms = Some(soonest.min(EVENTS_RECHECK_MILLIS));
        }
        assessment
    }

    async fn assess_once(&self, by: Option<&PluginRef>, object: &Object, related: Option<&Related>) -> Assessment {
        let question = HealthQuestion {
            application: &self.application,
            object,
            mode: self.mode,
            related,
            settings: by.and_then(|by| self.settings.for_plugin(&by.plugin)),
            now: self.clock.now(),
        };
        assess_or_unknown(&*self.plugins, by, question).await
    }

    async fn storage_class(&self, claim: &Object) -> RelatedResult {
        let Some(name) = claim.text("/spec/storageClassName").filter(|name| !name.is_empty()) else {
            return RelatedResult::storage_class(None);
        };
        let key = ObjectKey {
            group: "storage.k8s.io".to_owned(),
            kind: "StorageClass".to_owned(),
            namespace: String::new(),
            name: name.to_owned(),
        };
        match self.cluster.get(&key).await {
            Ok(class) => RelatedResult::storage_class(class.as_ref()),
            Err(error) => RelatedResult::refused(error.to_string()),
        }
    }
}

/// Calls the plugin of an object. Without an answer the object is Unknown, with the reason.
pub(crate) async fn assess_or_unknown(
    plugins: &dyn Plugins,
    by: Option<&PluginRef>,
    question: HealthQuestion<'_>,
) -> Assessment {
    let Some(by) = by else {
        return Assessment::new(Health::Unknown, "nobody judges it", "");
    };
    match plugins.assess(by, question).await {
        Ok(assessment) => assessment,
        Err(error) => {
            let (after_ms, rule) = match &error {
                PluginError::Retry { after_ms, .. } => (u64::from(*after_ms), health::ASKED_AGAIN_RULE),
                PluginError::Unavailable { .. } => (RETRY_AFTER_MILLIS, health::ASKED_AGAIN_RULE),
                PluginError::Invalid { .. } | PluginError::Failed { .. } | PluginError::Missing { .. } => {
                    (RETRY_AFTER_MILLIS, health::NO_ANSWER_RULE)
                }
            };
            Assessment {
                recheck_after_ms: Some(after_ms),
                ..Assessment::new(Health::Unknown, error.to_string(), rule)
            }
        }
    }
}
