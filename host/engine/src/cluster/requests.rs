//! The HTTP requests for the objects of one kind in one namespace.
//!
//! Only this module makes a [`PreparedRequest`], and only a [`PreparedRequest`] is sent. So everything that the engine reads or changes on the API
//! server is in the list of functions here, with names that can't lead to another path, and with the check of the answer.

use capstan_core::{
    kubernetes::secret::is_secret_kind,
    model::{
        hook::Propagation,
        name::{NamespaceName, ObjectName, path_segment},
        object::{GroupKind, Object, ObjectKey},
    },
    plan::task::UnknownFields,
};
use kube::{
    Resource as _,
    api::{
        DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy,
        ValidationDirective,
    },
    core::{ApiResource, Request},
};
use serde_json::Value;

use super::{
    FIELD_MANAGER,
    answer::{ExpectedAnswer, expected_object},
};
use crate::{confidential::AnswerSubject, error::ClusterError};

type PrepareResult = Result<PreparedRequest, ClusterError>;

/// A request that is ready to be sent, with what its answer must be about.
#[derive(Debug)]
pub(super) struct PreparedRequest {
    request: http::Request<Vec<u8>>,
    expected: ExpectedAnswer,
}

impl PreparedRequest {
    fn new<E: ToString>(request: Result<http::Request<Vec<u8>>, E>, expected: ExpectedAnswer) -> PrepareResult {
        let request = request.map_err(|error| ClusterError::Other(error.to_string()))?;
        Ok(PreparedRequest { request, expected })
    }

    /// Returns the request, for one try.
    pub(super) fn request(&self) -> http::Request<Vec<u8>> {
        self.request.clone()
    }

    /// Returns the body of the request.
    pub(super) fn body(&self) -> &[u8] {
        self.request.body()
    }

    /// Returns an answer, if it is about what was asked.
    ///
    /// # Errors
    ///
    /// Returns what was asked and what was answered.
    pub(super) fn check_answer(&self, answer: Value) -> Result<Value, ClusterError> {
        self.expected.check(&answer).map(|()| answer)
    }

    /// Returns why the server refused the request. Of its message only what may be shown is kept: about a Secret it may quote what was
    /// sent.
    pub(super) fn to_error(&self, error: kube::Error) -> ClusterError {
        let kind = self.expected.kind();
        let sent = is_secret_kind(&kind.group, &kind.kind)
            .then(|| serde_json::from_slice::<Value>(self.request.body()).ok())
            .flatten();
        ClusterError::from_answer(&AnswerSubject::of(&kind, sent.as_ref()), error)
    }
}

/// Where the objects of a kind are.
pub(super) struct Endpoint {
    request: Request,
    kind: GroupKind,
    /// The namespace; empty for cluster-scoped kinds, and for all namespaces.
    namespace: String,
}

/// Returns a resource with its names encoded for a path. Those of Kubernetes stay as they are.
pub(super) fn path_resource(resource: &ApiResource) -> ApiResource {
    let (group, version) = (path_segment(&resource.group), path_segment(&resource.version));
    ApiResource {
        api_version: if group.is_empty() {
            version.clone()
        } else {
            format!("{group}/{version}")
        },
        group,
        version,
        plural: path_segment(&resource.plural),
        ..resource.clone()
    }
}

/// Checks the name of an object for use in a path.
pub(super) fn object_name(name: &str) -> Result<ObjectName, ClusterError> {
    ObjectName::new(name).map_err(|error| ClusterError::Invalid(error.to_string()))
}

/// Checks the name of a namespace for use in a path; empty for none.
pub(super) fn namespace_name(name: &str) -> Result<Option<NamespaceName>, ClusterError> {
    NamespaceName::new_optional(name).map_err(|error| ClusterError::Invalid(error.to_string()))
}

/// Sets whether the server refuses fields that it doesn't know, or leaves them out. kube has no parameter for that in a create or
/// replace.
fn with_validation(mut prepared: PreparedRequest, unknown: UnknownFields) -> PrepareResult {
    let directive = match unknown {
        UnknownFields::Refused => "Strict",
        UnknownFields::LeftOut => "Ignore",
    };
    let uri = prepared.request.uri().to_string();
    let sign = if uri.contains('?') { '&' } else { '?' };
    let uri = format!("{uri}{sign}fieldValidation={directive}").replace("?&", "?");
    *prepared.request.uri_mut() = uri
        .parse()
        .map_err(|error: http::uri::InvalidUri| ClusterError::Other(error.to_string()))?;
    Ok(prepared)
}

/// A review of our own permissions, which is answered and never stored.
pub(super) fn review(resource: &str, kind: &str, body: &Value) -> PrepareResult {
    let path = format!("/apis/authorization.k8s.io/v1/{}", path_segment(resource));
    let request = http::Request::post(path)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(body.to_string().into_bytes());
    PreparedRequest::new(
        request,
        ExpectedAnswer::Review(GroupKind::new("authorization.k8s.io", kind)),
    )
}

impl Endpoint {
    pub(super) fn new(resource: &ApiResource, namespace: Option<&NamespaceName>) -> Endpoint {
        let segment = namespace.map(|namespace| path_segment(namespace.as_str()));
        Endpoint {
            request: Request::new(DynamicObject::url_path(&path_resource(resource), segment.as_deref())),
            kind: GroupKind::new(&resource.group, &resource.kind),
            namespace: namespace.map_or_else(String::new, |namespace| namespace.as_str().to_owned()),
        }
    }

    fn key(&self, name: &ObjectName) -> ObjectKey {
        ObjectKey {
            group: self.kind.group.clone(),
            kind: self.kind.kind.clone(),
            namespace: self.namespace.clone(),
            name: name.as_str().to_owned(),
        }
    }

    fn expected_list(&self) -> ExpectedAnswer {
        ExpectedAnswer::List(self.kind.clone(), self.namespace.clone())
    }

    pub(super) fn get(&self, name: &ObjectName) -> PrepareResult {
        let request = self
            .request
            .get(&path_segment_of(name), &kube::api::GetParams::default());
        PreparedRequest::new(request, ExpectedAnswer::Object(self.key(name)))
    }

    pub(super) fn get_metadata(&self, name: &ObjectName) -> PrepareResult {
        let request = self
            .request
            .get_metadata(&path_segment_of(name), &kube::api::GetParams::default());
        PreparedRequest::new(request, ExpectedAnswer::MetadataOf(self.key(name)))
    }

    /// Lists some of the objects that match a field selector.
    pub(super) fn list_by_fields(&self, fields: &str, page: u32) -> PrepareResult {
        let request = self.request.list(&ListParams::default().fields(fields).limit(page));
        PreparedRequest::new(request, self.expected_list())
    }

    pub(super) fn list(&self, labels: &str, page: u32, next: &str) -> PrepareResult {
        let mut params = ListParams::default().limit(page);
        if !labels.is_empty() {
            params = params.labels(labels);
        }
        if !next.is_empty() {
            params = params.continue_token(next);
        }
        PreparedRequest::new(self.request.list(&params), self.expected_list())
    }

    /// Lists the metadata of objects, where the server supports that.
    pub(super) fn list_metadata(&self, labels: &str, fields: &str, page: u32, next: &str) -> PrepareResult {
        let mut params = ListParams::default().limit(page);
        if !labels.is_empty() {
            params = params.labels(labels);
        }
        if !fields.is_empty() {
            params = params.fields(fields);
        }
        if !next.is_empty() {
            params = params.continue_token(next);
        }
        let expected = ExpectedAnswer::Metadata(self.kind.clone(), self.namespace.clone());
        let mut prepared = PreparedRequest::new(self.request.list(&params), expected)?;
        let accept = http::HeaderValue::from_static(
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json",
        );
        prepared.request.headers_mut().insert(http::header::ACCEPT, accept);
        Ok(prepared)
    }

    /// Deletes an object that still has this resource version. It has no dependents.
    pub(super) fn delete_version(&self, name: &ObjectName, uid: &str, version: &str) -> PrepareResult {
        let params = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            preconditions: Some(Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: Some(version.to_owned()),
            }),
            ..DeleteParams::default()
        };
        let request = self.request.delete(&path_segment_of(name), &params);
        PreparedRequest::new(request, ExpectedAnswer::Deleted(self.key(name)))
    }

    pub(super) fn create(&self, object: &Object, unknown: UnknownFields, dry_run: bool) -> PrepareResult {
        let params = PostParams {
            dry_run,
            field_manager: Some(FIELD_MANAGER.to_owned()),
        };
        let request = self.request.create(&params, object.0.to_string().into_bytes());
        with_validation(PreparedRequest::new(request, expected_object(object))?, unknown)
    }

    pub(super) fn replace(&self, object: &Object, unknown: UnknownFields, dry_run: bool) -> PrepareResult {
        let params = PostParams {
            dry_run,
            field_manager: Some(FIELD_MANAGER.to_owned()),
        };
        let name = path_segment_of(&object_name(object.name())?);
        let request = self.request.replace(&name, &params, object.0.to_string().into_bytes());
        with_validation(PreparedRequest::new(request, expected_object(object))?, unknown)
    }

    pub(super) fn apply(&self, object: &Object, force: bool, unknown: UnknownFields, dry_run: bool) -> PrepareResult {
        self.apply_as(object, FIELD_MANAGER, force, unknown, dry_run)
    }

    pub(super) fn apply_as(
        &self,
        object: &Object,
        manager: &str,
        force: bool,
        unknown: UnknownFields,
        dry_run: bool,
    ) -> PrepareResult {
        let mut params = PatchParams::apply(manager).validation(match unknown {
            UnknownFields::Refused => ValidationDirective::Strict,
            UnknownFields::LeftOut => ValidationDirective::Ignore,
        });
        params.force = force;
        params.dry_run = dry_run;
        let name = path_segment_of(&object_name(object.name())?);
        let request = self.request.patch(&name, &params, &Patch::Apply(&object.0));
        PreparedRequest::new(request, expected_object(object))
    }

    pub(super) fn merge_patch(&self, name: &ObjectName, patch: &Value) -> PrepareResult {
        self.merge_patch_as(name, FIELD_MANAGER, patch)
    }

    pub(super) fn merge_patch_as(&self, name: &ObjectName, manager: &str, patch: &Value) -> PrepareResult {
        self.merge_patch_with(name, manager, patch, false)
    }

    pub(super) fn dry_run_merge_patch(&self, name: &ObjectName, patch: &Value) -> PrepareResult {
        self.merge_patch_with(name, FIELD_MANAGER, patch, true)
    }

    fn merge_patch_with(&self, name: &ObjectName, manager: &str, patch: &Value, dry_run: bool) -> PrepareResult {
        let params = PatchParams {
            field_manager: Some(manager.to_owned()),
            dry_run,
            ..PatchParams::default()
        };
        let request = self
            .request
            .patch(&path_segment_of(name), &params, &Patch::Merge(patch));
        PreparedRequest::new(request, ExpectedAnswer::Object(self.key(name)))
    }

    pub(super) fn delete(&self, name: &ObjectName, uid: &str, propagation: Propagation) -> PrepareResult {
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
        let request = self.request.delete(&path_segment_of(name), &params);
        PreparedRequest::new(request, ExpectedAnswer::Deleted(self.key(name)))
    }
}

fn path_segment_of(name: &ObjectName) -> String {
    path_segment(name.as_str())
}
