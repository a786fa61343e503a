//! Reads what was stored of operations: the one that isn't over, and those that are.

use std::sync::Arc;

use capstan_core::{
    model::object::Object,
    plan::Plan,
    read::manifest::Manifest,
    run::{operation::Operation, view::OperationView},
};

use super::{Store, layout::Progress, newer_format_error};
use crate::{
    checkpoint::{
        blob::{self, BlobRef},
        head::{ContainerLogs, PastOperation, StoredLogs},
    },
    error::EngineError,
    journal::{self, StoredOperation},
};

impl Store {
    /// Returns the operation that isn't finished, ready to be resumed, and its view.
    pub async fn current(&self) -> Result<Option<(Operation, OperationView)>, EngineError> {
        let Some(current) = &self.head.current else {
            return Ok(None);
        };
        let plan: Plan = self.read_blob(&current.plan).await?;
        if plan.format > capstan_core::plan::FORMAT {
            return Err(newer_format_error(plan.format));
        }
        let plan = Arc::new(plan);
        if let Some(Progress { state, view, .. }) = &self.progress {
            let operation = Operation::restore(plan, self.document(state).await?);
            let view = match view {
                None => OperationView::from_operation(&operation),
                Some(view) => match self.document(view).await {
                    Ok(view) => view,
                    // The view is for people; the operation can be resumed without it.
                    Err(error @ EngineError::InvalidState(_)) => {
                        tracing::warn!(%error, "the operation's view can't be read");
                        OperationView::from_operation(&operation)
                    }
                    Err(error) => return Err(error),
                },
            };
            return Ok(Some((operation, view)));
        }
        let view = OperationView {
            operation: current.id.clone(),
            ..OperationView::default()
        };
        Ok(Some((Operation::new(plan, current.id.clone()), view)))
    }

    /// Returns the manifests of the last sync.
    pub async fn manifests(&self) -> Result<Vec<Manifest>, EngineError> {
        self.manifests_in(self.head.manifests.as_ref()).await
    }

    /// Returns the manifests of a finished operation; empty when they weren't kept.
    pub async fn manifests_of(&self, past: &PastOperation) -> Result<Vec<Manifest>, EngineError> {
        self.manifests_in(past.manifests.as_ref()).await
    }

    async fn manifests_in(&self, blob: Option<&BlobRef>) -> Result<Vec<Manifest>, EngineError> {
        let Some(blob) = blob else { return Ok(Vec::new()) };
        let objects: Vec<Object> = self.read_blob(blob).await?;
        Ok(objects.into_iter().map(Manifest::new).collect())
    }

    /// Returns the view of a finished operation.
    pub async fn view(&self, past: &PastOperation) -> Result<OperationView, EngineError> {
        self.read_blob(&past.view).await
    }

    /// Returns the journal of a finished operation; `None` when it wasn't kept.
    pub async fn journal(&self, past: &PastOperation) -> Result<Option<StoredOperation>, EngineError> {
        let Some(kept) = &past.journal else { return Ok(None) };
        let plan: Plan = self.read_blob(&kept.plan).await?;
        let mut entries = Vec::new();
        for page in &kept.pages {
            let page = blob::read_bytes(&self.cluster, self.application(), page).await?;
            entries.extend(journal::read(&page)?);
        }
        Ok(Some(StoredOperation {
            plan: Arc::new(plan),
            entries,
        }))
    }

    /// Returns the stored logs of a hook.
    pub async fn logs(&self, kept: &StoredLogs) -> Result<Vec<ContainerLogs>, EngineError> {
        self.read_blob(&kept.blob).await
    }
}
