//! The HTTP requests for the objects of one kind in one namespace.

use capstan_core::{hook::Propagation, object::Object};
use kube::{
    Resource as _,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy},
    core::{ApiResource, Request},
};
use serde_json::Value;

use super::MANAGER;
use crate::error::ClusterError;

type Built = Result<http::Request<Vec<u8>>, ClusterError>;

/// Where the objects of a kind are.
pub(super) struct Endpoint {
    request: Request,
}

fn built(request: Result<http::Request<Vec<u8>>, kube::core::request::Error>) -> Built {
    request.map_err(|error| ClusterError::Other(error.to_string()))
}

impl Endpoint {
    pub(super) fn new(resource: &ApiResource, namespace: &str) -> Endpoint {
        let namespace = (!namespace.is_empty()).then_some(namespace);
        Endpoint {
            request: Request::new(DynamicObject::url_path(resource, namespace)),
        }
    }

    pub(super) fn get(&self, name: &str) -> Built {
        built(self.request.get(name, &kube::api::GetParams::default()))
    }

    pub(super) fn list(&self, labels: &str, page: u32, next: &str) -> Built {
        let mut params = ListParams::default().limit(page);
        if !labels.is_empty() {
            params = params.labels(labels);
        }
        if !next.is_empty() {
            params = params.continue_token(next);
        }
        built(self.request.list(&params))
    }

    pub(super) fn create(&self, object: &Object, dry_run: bool) -> Built {
        let params = PostParams {
            dry_run,
            field_manager: Some(MANAGER.to_owned()),
        };
        built(self.request.create(&params, object.0.to_string().into_bytes()))
    }

    pub(super) fn replace(&self, object: &Object, dry_run: bool) -> Built {
        let params = PostParams {
            dry_run,
            field_manager: Some(MANAGER.to_owned()),
        };
        built(
            self.request
                .replace(object.name(), &params, object.0.to_string().into_bytes()),
        )
    }

    pub(super) fn apply(&self, object: &Object, force: bool, dry_run: bool) -> Built {
        let mut params = PatchParams::apply(MANAGER);
        params.force = force;
        params.dry_run = dry_run;
        built(self.request.patch(object.name(), &params, &Patch::Apply(&object.0)))
    }

    pub(super) fn merge(&self, name: &str, patch: &Value) -> Built {
        let params = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        built(self.request.patch(name, &params, &Patch::Merge(patch)))
    }

    pub(super) fn delete(&self, name: &str, uid: &str, propagation: Propagation) -> Built {
        let params = DeleteParams {
            propagation_policy: Some(match propagation {
                Propagation::Foreground => PropagationPolicy::Foreground,
                Propagation::Background => PropagationPolicy::Background,
                Propagation::Orphan => PropagationPolicy::Orphan,
            }),
            preconditions: Some(Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        built(self.request.delete(name, &params))
    }
}
