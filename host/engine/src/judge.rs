//! How an object is: asks the plugin that judges its kind.

use std::sync::Arc;

use capstan_core::{
    compat::Mode,
    health::{Assessment, Health},
    object::Object,
    plugins::{Answerer, Application, HealthQuestion, Plugins},
};

use crate::clock::Clock;

/// Asks how objects are, for one operation.
pub(crate) struct Judge {
    pub plugins: Arc<dyn Plugins>,
    pub clock: Clock,
    pub application: Application,
    pub mode: Mode,
}

impl Judge {
    /// Asks who judges an object how it is. No answer is Unknown, with the reason.
    pub async fn assess(&self, by: Option<&Answerer>, object: &Object) -> Assessment {
        let Some(by) = by else {
            return Assessment::new(Health::Unknown, "nobody judges it", "");
        };
        let question = HealthQuestion {
            application: &self.application,
            object,
            mode: self.mode,
            now: self.clock.now(),
        };
        match self.plugins.assess(by, question).await {
            Ok(assessment) => assessment,
            Err(error) => Assessment::new(Health::Unknown, error.to_string(), ""),
        }
    }
}
