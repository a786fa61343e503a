//! Answers requests about objects.
//!
//! * `read.rs`: get and list; `write.rs`: create, update and the four patches; `delete.rs`: delete and deletecollection;
//! * `evict.rs`: evictions; `warning.rs`: warnings in the headers of an answer;
//! * `scale.rs`: the scale subresource; `logs.rs`: `pods/log`; `unsupported.rs`: subresources that aren't supported;
//! * `type_check.rs`: values of the wrong type;
//! * `body.rs`: decodes the body of a request, and converts an object to the requested version.

pub(crate) mod body;
mod delete;
mod evict;
mod logs;
mod read;
mod scale;
mod type_check;
pub(crate) mod unsupported;
mod warning;
mod write;

use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    kinds::{Resource, StorageMode, Version},
    route::{ObjectPath, Query},
    service::{Body, json_response},
    status::StatusError,
    store::{Kind, SharedStore, Store, Writer},
    table::{self, Include, Table},
    watch,
};

/// A request about objects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObjectRequest<'a> {
    pub shared: &'a SharedStore,
    pub method: &'a Method,
    pub objects: &'a ObjectPath,
    pub query: &'a Query,
    pub accept: &'a str,
    pub content_type: &'a str,
    pub user_agent: &'a str,
    pub body: &'a [u8],
}

/// The resource of a request.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub resource: Resource,
    pub version: Version,
    pub kind: Kind,
}

impl ObjectRequest<'_> {
    /// Returns the writer of the request: its field manager, or the first word of its user agent.
    fn writer(&self, subresource: Option<&str>) -> Writer {
        let agent = self
            .user_agent
            .split('/')
            .next()
            .filter(|agent| !agent.is_empty())
            .unwrap_or("unknown");
        let manager = Some(self.query.text("fieldManager"))
            .filter(|name| !name.is_empty())
            .unwrap_or(agent);
        Writer {
            manager: manager.to_owned(),
            subresource: subresource.map(str::to_owned),
            dry_run: self.query.text("dryRun") == "All",
            has_own_managed_fields: false,
        }
    }

    fn namespace(&self) -> &str {
        &self.objects.namespace
    }

    fn answer(&self, code: StatusCode, target: &Target, object: Value) -> Response<Body> {
        let object = body::in_version(object, &target.resource, &target.version.name);
        self.print(code, &object, |include| {
            Table::new(&target.resource, &target.version, include)
        })
    }

    /// Answers with an object, or with its row in a table if the request prefers that.
    fn print(&self, code: StatusCode, object: &Value, table: impl FnOnce(Include) -> Table) -> Response<Body> {
        if !table::is_wanted(self.accept) {
            return json_response(code, object);
        }
        // `answer` has validated the parameter.
        let include = Include::parse(self.query.text("includeObject")).unwrap_or(Include::Metadata);
        let now = self.shared.lock().now();
        json_response(code, &table(include).print(&[object], json!({}), now))
    }
}

impl Target {
    fn find(store: &Store, objects: &ObjectPath) -> Result<Target, StatusError> {
        let resource = store
            .resources()
            .find(|one| one.group == objects.group && one.plural == objects.plural);
        let found = resource.and_then(|resource| Some((resource, resource.version(&objects.version)?)));
        let (resource, version) = found.ok_or_else(StatusError::no_such_path)?;
        let misplaced = if resource.namespaced {
            objects.name.is_some() && objects.namespace.is_empty()
        } else {
            !objects.namespace.is_empty()
        };
        if misplaced {
            return Err(StatusError::no_such_path());
        }
        Ok(Target {
            resource: resource.clone(),
            version: version.clone(),
            kind: resource.id(),
        })
    }

    fn not_found(&self, name: &str) -> StatusError {
        StatusError::not_found(&self.resource.plural, &self.resource.group, name)
    }
}

/// Answers a request about objects.
pub(crate) fn answer(call: &ObjectRequest<'_>) -> Result<Response<Body>, StatusError> {
    let target = Target::find(&call.shared.lock(), call.objects)?;
    let response = answer_for(call, &target)?;
    Ok(match warning::deprecated(&target.resource) {
        Some(words) => warning::add(response, &[words]),
        None => response,
    })
}

fn answer_for(call: &ObjectRequest<'_>, target: &Target) -> Result<Response<Body>, StatusError> {
    if !matches!(call.query.text("dryRun"), "" | "All") {
        return Err(StatusError::bad_request(
            "invalid dryRun: the only value it can have is All",
        ));
    }
    if table::is_wanted(call.accept) {
        Include::parse(call.query.text("includeObject"))?;
    }
    match (target.resource.storage_mode, call.method) {
        (StorageMode::AnswerOnly, &Method::POST) => return review(call, target),
        (StorageMode::ListOnly, &Method::GET) if !call.query.flag("watch") => {}
        (StorageMode::AnswerOnly | StorageMode::ListOnly, _) => return Err(StatusError::method_not_allowed()),
        (StorageMode::Stored | StorageMode::StoredNoCollectionDelete, _) => {}
    }
    let Some(name) = call.objects.name.as_deref() else {
        return match *call.method {
            Method::GET if call.query.flag("watch") => watch::answer(call, target),
            Method::GET => read::list(call, target),
            Method::POST => write::create(call, target),
            Method::DELETE if target.resource.storage_mode == StorageMode::Stored => {
                delete::delete_collection(call, target)
            }
            _ => Err(StatusError::method_not_allowed()),
        };
    };
    match (call.objects.subresource.as_deref(), call.method) {
        (None, &Method::GET) if call.query.flag("watch") => watch::answer(call, target),
        (None, &Method::GET) => read::get(call, target, name),
        (None, &Method::PUT) => write::update(call, target, name, None),
        (None, &Method::PATCH) => write::patch(call, target, name, None),
        (None, &Method::DELETE) => delete::delete_one(call, target, name),
        (Some("status"), method) if target.version.has_status => match *method {
            Method::GET => read::get(call, target, name),
            Method::PUT => write::update(call, target, name, Some("status")),
            Method::PATCH => write::patch(call, target, name, Some("status")),
            _ => Err(StatusError::method_not_allowed()),
        },
        (Some("scale"), method) if target.version.scale.is_some() => match *method {
            Method::GET => scale::get(call, target, name),
            Method::PUT | Method::PATCH => scale::set(call, target, name),
            _ => Err(StatusError::method_not_allowed()),
        },
        (Some("log"), &Method::GET) if target.resource.is("", "Pod") => logs::answer(call, name),
        (Some("token"), &Method::POST) if target.resource.is("", "ServiceAccount") => {
            read::get(call, target, name)?;
            Err(unsupported::subresource(&target.resource, "token"))
        }
        (Some("eviction"), &Method::POST) if target.resource.is("", "Pod") => evict::answer(call, target, name),
        (Some("finalize"), &Method::PUT) if target.resource.is("", "Namespace") => write::finalize(call, target, name),
        (Some("approval"), &Method::GET) if is_signing_request(target) => read::get(call, target, name),
        // An approval is a condition of the status; the API server ignores the rest of the object there.
        (Some("approval"), &Method::PUT) if is_signing_request(target) => {
            write::update(call, target, name, Some("status"))
        }
        (Some("approval"), &Method::PATCH) if is_signing_request(target) => {
            write::patch(call, target, name, Some("status"))
        }
        (None, _) => Err(StatusError::method_not_allowed()),
        (Some(other), _) => Err(unsupported::subresource(&target.resource, other)),
    }
}

fn is_signing_request(target: &Target) -> bool {
    target.resource.is("certificates.k8s.io", "CertificateSigningRequest")
}

/// Everything is permitted, to a single user without another name.
fn review(call: &ObjectRequest<'_>, target: &Target) -> Result<Response<Body>, StatusError> {
    let mut object = body::object(call, target)?;
    object["metadata"]["creationTimestamp"] = json!(call.shared.lock().now_text());
    object["status"] = match target.resource.kind.as_str() {
        "SelfSubjectRulesReview" => {
            let all = json!(["*"]);
            json!({
                "incomplete": false,
                "resourceRules": [{ "verbs": all, "apiGroups": all, "resources": all }],
                "nonResourceRules": [{ "verbs": all, "nonResourceURLs": all }],
            })
        }
        "SelfSubjectReview" => json!({
            "userInfo": { "username": "capstan", "groups": ["system:masters", "system:authenticated"] },
        }),
        "TokenReview" => json!({ "user": {}, "error": "the embedded cluster knows no tokens of others" }),
        "Binding" => {
            return Err(StatusError::bad_request(
                "pods are bound by the embedded cluster itself: it has one node and no scheduler",
            ));
        }
        _ => json!({ "allowed": true }),
    };
    Ok(json_response(StatusCode::CREATED, &object))
}
