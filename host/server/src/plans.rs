//! Plans that somebody looked at, so that exactly these can be run.

use std::{collections::VecDeque, sync::Arc};

use capstan_core::model::plugins::Application;
use capstan_engine::PreparedPlan;

/// How many plans are kept; each may hold thousands of objects.
const MAX_PLANS: usize = 8;

/// Plans that somebody looked at.
#[derive(Default)]
pub(crate) struct Plans {
    made: u64,
    kept: VecDeque<(String, Arc<PreparedPlan>)>,
}

impl Plans {
    /// Keeps a plan, and returns its id.
    pub fn keep(&mut self, planned: Arc<PreparedPlan>) -> String {
        self.made += 1;
        let id = format!("plan-{}", self.made);
        self.kept.push_back((id.clone(), planned));
        if self.kept.len() > MAX_PLANS {
            self.kept.pop_front();
        }
        id
    }

    /// Returns a plan of an application.
    pub fn find(&self, application: &Application, id: &str) -> Option<Arc<PreparedPlan>> {
        let found = self.kept.iter().find(|(kept, _)| kept == id);
        found
            .map(|(_, planned)| Arc::clone(planned))
            .filter(|planned| planned.plan.application == *application)
    }
}
