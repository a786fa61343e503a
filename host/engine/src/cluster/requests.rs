//! The HTTP requests for the objects of one kind in one namespace.

use capstan_core::{hook::Propagation, object::Object, task::UnknownFields};
use kube::{
    Resource as _,
    api::{
        DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy,
        ValidationDirective,
    },
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

/// Says whether the server refuses fields that it doesn't know, or leaves them out; kube has no parameter for it where it isn't a patch.
fn with_validation(mut request: http::Request<Vec<u8>>, unknown: UnknownFields) -> Built {
    let directive = match unknown {
        UnknownFields::Refused => "Strict",
        UnknownFields::LeftOut => "Ignore",
    };
    let uri = request.uri().to_string();
    let sign = if uri.contains('?') { '&' } else { '?' };
    let uri = format!("{uri}{sign}fieldValidation={directive}").replace("?&", "?");
    *request.uri_mut() = uri
        .parse()
        .map_err(|error: http::uri::InvalidUri| ClusterError::Other(error.to_string()))?;
    Ok(request)
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

    /// Lists some of those whose fields are like this.
    pub(super) fn some(&self, fields: &str, page: u32) -> Built {
        built(self.request.list(&ListParams::default().fields(fields).limit(page)))
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

    pub(super) fn create(&self, object: &Object, unknown: UnknownFields, dry_run: bool) -> Built {
        let params = PostParams {
            dry_run,
            field_manager: Some(MANAGER.to_owned()),
        };
        let request = built(self.request.create(&params, object.0.to_string().into_bytes()))?;
        with_validation(request, unknown)
    }

    pub(super) fn replace(&self, object: &Object, unknown: UnknownFields, dry_run: bool) -> Built {
        let params = PostParams {
            dry_run,
            field_manager: Some(MANAGER.to_owned()),
        };
        let request = built(
            self.request
                .replace(object.name(), &params, object.0.to_string().into_bytes()),
        )?;
        with_validation(request, unknown)
    }

    pub(super) fn apply(&self, object: &Object, force: bool, unknown: UnknownFields, dry_run: bool) -> Built {
        self.apply_as(object, MANAGER, force, unknown, dry_run)
    }

    pub(super) fn apply_as(
        &self,
        object: &Object,
        manager: &str,
        force: bool,
        unknown: UnknownFields,
        dry_run: bool,
    ) -> Built {
        let mut params = PatchParams::apply(manager).validation(match unknown {
            UnknownFields::Refused => ValidationDirective::Strict,
            UnknownFields::LeftOut => ValidationDirective::Ignore,
        });
        params.force = force;
        params.dry_run = dry_run;
        built(self.request.patch(object.name(), &params, &Patch::Apply(&object.0)))
    }

    pub(super) fn merge(&self, name: &str, patch: &Value) -> Built {
        self.merge_as(name, MANAGER, patch)
    }

    pub(super) fn merge_as(&self, name: &str, manager: &str, patch: &Value) -> Built {
        let params = PatchParams {
            field_manager: Some(manager.to_owned()),
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
