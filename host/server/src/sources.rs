//! Where the manifests of applications come from.

use async_trait::async_trait;
use capstan_core::model::{error::Diagnostics, plugins::Application};
use capstan_engine::PlanRequest;

/// An application whose manifests can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownApplication {
    /// The name and namespace of the application.
    pub application: Application,
    /// Its sources, for people: `shop/`, `chart charts/shop 1.2.0`.
    pub sources: Vec<String>,
    /// The words of a command line that name it and its sources: `-f shop/ --app shop -n shop`.
    pub words: Vec<String>,
}

/// A sync of an application's manifests.
#[derive(Debug, Clone)]
pub struct SourceRequest {
    /// What is to be planned.
    pub request: PlanRequest,
    /// What the user should know of how it was read.
    pub notices: Vec<String>,
}

/// Why manifests can't be read.
#[derive(Debug)]
pub enum SourceError {
    /// It is not known where they are.
    Unknown,
    /// They have mistakes.
    Mistakes(Diagnostics),
    /// Why the manifests could not be read, other than by mistakes in them.
    Other(String),
}

/// Reads the manifests of applications. They are read again for each plan, so that a plan is about what is there now.
#[async_trait]
pub trait Sources: Send + Sync {
    /// Lists the applications whose manifests can be read, each after those that it depends on.
    fn applications(&self) -> Vec<KnownApplication>;

    /// Reads the manifests of an application, and returns a sync of them as its options say.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with them.
    async fn request(&self, application: &Application) -> Result<SourceRequest, SourceError>;
}
