//! Decides whether a plugin's request is permitted.

use std::{sync::LazyLock, time::Duration};

use serde_json::Value;

use super::{
    Allowance, Grants, Url, Verb,
    allowance::RequestedPermission,
    reserved::{self, WriteMethod, Writer},
};
use crate::model::{
    name::{MAX_BYTES, NamespaceName, ObjectName},
    object::{GroupKind, Object, ObjectKey},
    plugins::Application,
    remedy::{Remedies, Setting},
    request::{HeaderValue, HttpRequest, ObjectRef, Request},
};

/// How long a call of a URL may take at most.
const MAX_CALL_TIME: Duration = Duration::from_mins(1);
/// The maximum number of headers of a call, and of bytes of their names and values, as servers accept them.
const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: usize = 16 << 10;
/// The maximum length of a signal's name and of an event's text, in bytes.
const MAX_SIGNAL_NAME_BYTES: usize = 63;
const MAX_EVENT_BYTES: usize = 1024;
const HTTP_METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];
/// Headers that only the host sets.
const HOST_HEADERS: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "idempotency-key",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The hook whose plugin makes a request.
#[derive(Debug, Clone, Copy)]
pub struct Requester<'a> {
    /// The application that the hook belongs to.
    pub application: &'a Application,
    /// Whether the hook's manifest is an object of the cluster.
    pub has_object: bool,
    /// The plugin's permissions; `None` if the plan has none for it.
    pub allowance: Option<&'a Allowance>,
}

/// A permitted request. Only [`authorize`] creates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permitted<'a> {
    request: &'a Request,
    scope: PermittedScope,
}

/// Headers that change the form of the answer, so that a Secret's value couldn't be found in it.
const RESPONSE_FORM_HEADERS: [&str; 3] = ["accept-encoding", "if-range", "range"];

/// The objects that a request is about. A list has no name. Without a namespace it is about cluster-wide objects, or about all namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RequestedObjects {
    kind: GroupKind,
    namespace: Option<NamespaceName>,
    name: Option<ObjectName>,
}

impl RequestedObjects {
    fn namespace(&self) -> &str {
        self.namespace.as_ref().map_or("", NamespaceName::as_str)
    }

    fn name(&self) -> Option<&str> {
        self.name.as_ref().map(ObjectName::as_str)
    }
}

/// What a permitted request may access.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct PermittedScope {
    /// The objects, and whether the permission covers namespaced and cluster-wide objects.
    object: Option<RequestedObjects>,
    in_namespace: bool,
    without_namespace: bool,
    /// Whether loopback and link-local addresses may be called.
    local: bool,
}

impl Permitted<'_> {
    /// Returns the request.
    pub fn request(&self) -> &Request {
        self.request
    }

    /// Returns the kind of the requested objects; an empty one if the request is about no object.
    pub fn kind(&self) -> GroupKind {
        match &self.scope.object {
            Some(what) => what.kind.clone(),
            None => GroupKind::new("", ""),
        }
    }

    /// Returns the key of the requested object, once it is known whether its kind is namespaced. For a list, the name is empty.
    ///
    /// # Errors
    ///
    /// Returns that this wasn't granted: a grant for a namespace doesn't cover cluster-wide objects.
    pub fn key(&self, has_namespaces: bool) -> Result<ObjectKey, String> {
        let Some(what) = &self.scope.object else {
            return Err("it names no object".to_owned());
        };
        let (may, namespace) = if has_namespaces {
            (self.scope.in_namespace, what.namespace())
        } else {
            (self.scope.without_namespace, "")
        };
        let kind = &what.kind;
        if !may {
            return Err(format!(
                "not granted: objects of kind {kind} have no namespace, which requires a grant with the namespace `*`"
            ));
        }
        if has_namespaces && namespace.is_empty() && what.name.is_some() {
            return Err(format!("objects of kind {kind} are in a namespace, and none is named"));
        }
        Ok(ObjectKey {
            group: kind.group.clone(),
            kind: kind.kind.clone(),
            namespace: namespace.to_owned(),
            name: what.name().unwrap_or_default().to_owned(),
        })
    }

    /// Returns whether a call may go to a loopback or link-local address.
    pub fn may_be_local(&self) -> bool {
        self.scope.local
    }
}

/// Permits a request, or returns why not.
///
/// # Errors
///
/// Returns the reason, which the plugin and the user receive.
pub fn authorize<'a>(request: &'a Request, asker: &Requester<'_>) -> Result<Permitted<'a>, String> {
    let passed = |reach| Ok(Permitted { request, scope: reach });
    match request {
        Request::Unsupported(name) => Err(format!("`{name}` is not in this version")),
        Request::CreateOwn | Request::WatchOwn | Request::FollowLogsOwn | Request::DeleteOwn(_) => {
            if asker.has_object {
                passed(PermittedScope::default())
            } else {
                Err("the manifest is not an object of the cluster".to_owned())
            }
        }
        Request::WaitSignal(name) => {
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
            if name.is_empty() || name.len() > MAX_SIGNAL_NAME_BYTES || !name.chars().all(is_name) {
                return Err(format!(
                    "`{name}` is not the name of a signal: at most {MAX_SIGNAL_NAME_BYTES} of a-z, 0-9, -, _ and ."
                ));
            }
            passed(PermittedScope::default())
        }
        Request::EmitEvent(text) if text.len() > MAX_EVENT_BYTES => Err(format!(
            "an event may have {MAX_EVENT_BYTES} bytes, and this one has {}",
            text.len()
        )),
        Request::EmitEvent(_) => {
            let what = requested_objects(asker, GroupKind::new("", "Event"), None, None)?;
            permit_object(asker, Verb::Create, what).and_then(passed)
        }
        Request::Apply(text) => {
            let value: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
            reserved::check_written_metadata(&value, writer(asker, WriteMethod::Apply))?;
            let wanted = Object(value);
            if wanted.api_version().is_empty() || wanted.kind().is_empty() || wanted.name().is_empty() {
                return Err("an object needs `apiVersion`, `kind` and `metadata.name`".to_owned());
            }
            let kind = group_kind(wanted.api_version(), wanted.kind())?;
            let namespace = Some(wanted.namespace()).filter(|namespace| !namespace.is_empty());
            let what = requested_objects(asker, kind, namespace, Some(wanted.name()))?;
            permit_object(asker, Verb::Apply, what).and_then(passed)
        }
        Request::Get(wanted) => permit_object(asker, Verb::Get, requested_object(asker, wanted)?).and_then(passed),
        Request::Watch(wanted) => permit_object(asker, Verb::Watch, requested_object(asker, wanted)?).and_then(passed),
        Request::List(selector) => {
            let kind = group_kind(&selector.api_version, &selector.kind)?;
            let what = requested_objects(asker, kind, selector.namespace.as_deref(), None)?;
            permit_object(asker, Verb::List, what).and_then(passed)
        }
        Request::Patch { object: wanted, merge } => {
            let patch: Value =
                serde_json::from_str(merge).map_err(|error| format!("the patch is not JSON: {error}"))?;
            reserved::check_written_metadata(&patch, writer(asker, WriteMethod::Patch))?;
            permit_object(asker, Verb::Patch, requested_object(asker, wanted)?).and_then(passed)
        }
        Request::Delete { object: wanted, .. } => {
            permit_object(asker, Verb::Delete, requested_object(asker, wanted)?).and_then(passed)
        }
        Request::Http(call) => permit_http(asker, call).and_then(passed),
    }
}

fn requested_object(asker: &Requester<'_>, wanted: &ObjectRef) -> Result<RequestedObjects, String> {
    let kind = group_kind(&wanted.api_version, &wanted.kind)?;
    requested_objects(asker, kind, wanted.namespace.as_deref(), Some(&wanted.name))
}

/// Checks the names of the requested objects. The default namespace is the application's.
fn requested_objects(
    asker: &Requester<'_>,
    kind: GroupKind,
    namespace: Option<&str>,
    name: Option<&str>,
) -> Result<RequestedObjects, String> {
    let namespace = namespace.unwrap_or(&asker.application.namespace);
    Ok(RequestedObjects {
        kind,
        namespace: NamespaceName::new_optional(namespace).map_err(|error| format!("the namespace: {error}"))?,
        name: name
            .map(ObjectName::new)
            .transpose()
            .map_err(|error| format!("the object's name: {error}"))?,
    })
}

/// Parses `apiVersion` and `kind`. Neither may change the path of a request.
fn group_kind(api_version: &str, kind: &str) -> Result<GroupKind, String> {
    let is_word = |word: &str, also: &[u8]| {
        !word.is_empty()
            && word.len() <= MAX_BYTES
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte))
    };
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let is_group = group.is_empty() && !api_version.starts_with('/') || is_word(group, b"-.") && !is_dots(group);
    if !is_group || !is_word(version, b"-") {
        return Err(format!(
            "`{}` is not an `apiVersion`: write `v1`, or `GROUP/VERSION` as in `apps/v1`",
            api_version.escape_debug()
        ));
    }
    if !is_word(kind, b"-") {
        return Err(format!("`{}` is not a kind", kind.escape_debug()));
    }
    Ok(GroupKind::new(group, kind))
}

fn is_dots(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'.')
}

fn writer<'a>(asker: &Requester<'a>, way: WriteMethod) -> Writer<'a> {
    Writer {
        plugin: asker.allowance.map_or("", |allowance| &allowance.plugin),
        method: way,
    }
}

fn effective_grants<'a>(asker: &Requester<'a>) -> &'a Grants {
    static NOTHING: LazyLock<Grants> = LazyLock::new(Grants::default);
    asker.allowance.map_or(&NOTHING, |allowance| &allowance.effective)
}

/// Returns what may help against a refusal.
pub fn remedies(request: &Request, asker: &Requester<'_>) -> Remedies {
    let Some(allowance) = asker.allowance.filter(|allowance| allowance.granted.is_empty()) else {
        return Remedies::default();
    };
    let all_granted = Allowance {
        effective: allowance.requested.clone(),
        ..allowance.clone()
    };
    let asker = Requester {
        allowance: Some(&all_granted),
        ..*asker
    };
    if authorize(request, &asker).is_err() {
        return Remedies::default();
    }
    let plugin = allowance.plugin.clone();
    Setting::Grant { plugin }.into()
}

fn denial(asker: &Requester<'_>, wanted: &RequestedPermission<'_>) -> String {
    match asker.allowance {
        Some(allowance) => allowance.denial_reason(wanted),
        None => format!("not granted: the plan doesn't say that its plugin may {wanted}"),
    }
}

fn permit_object(asker: &Requester<'_>, verb: Verb, what: RequestedObjects) -> Result<PermittedScope, String> {
    let (kind, namespace, name) = (&what.kind, what.namespace(), what.name());
    if let Some(name) = name.filter(|name| is_capstan_state(kind, name)) {
        return Err(format!("{} {name} contains Capstan's own state", kind.kind));
    }
    let in_namespace = effective_grants(asker).allows_object(verb, kind, namespace, name);
    let without_namespace = effective_grants(asker).allows_object(verb, kind, "", name);
    if !in_namespace && !without_namespace {
        return Err(denial(asker, &RequestedPermission::Object(verb, kind, namespace, name)));
    }
    Ok(PermittedScope {
        object: Some(what),
        in_namespace,
        without_namespace,
        local: false,
    })
}

/// Returns whether an object holds Capstan's own state. A plugin that could write it could grant itself everything.
pub fn is_capstan_state(kind: &GroupKind, name: &str) -> bool {
    let is_kind = matches!(
        (kind.group.as_str(), kind.kind.as_str()),
        ("", "Secret") | ("coordination.k8s.io", "Lease")
    );
    is_kind && name.starts_with("capstan.")
}

fn permit_http(asker: &Requester<'_>, call: &HttpRequest) -> Result<PermittedScope, String> {
    let url = Url::parse(&call.url)?;
    let method = call.method.as_str();
    if !HTTP_METHODS.contains(&method) {
        return Err(format!(
            "`{method}` is not a method: it can be {}",
            HTTP_METHODS.join(", ")
        ));
    }
    if call.timeout_ms == 0 || Duration::from_millis(u64::from(call.timeout_ms)) > MAX_CALL_TIME {
        return Err(format!(
            "the timeout of a call must be between 1 and {} ms, not {}",
            MAX_CALL_TIME.as_millis(),
            call.timeout_ms
        ));
    }
    let Some(local) = effective_grants(asker).allows_call(method, &url) else {
        return Err(denial(asker, &RequestedPermission::Call(method, &url)));
    };
    if call.headers.len() > MAX_HEADERS {
        return Err(format!("a call may have {MAX_HEADERS} headers"));
    }
    let has_secret = call
        .headers
        .iter()
        .any(|(_, value)| matches!(value, HeaderValue::Secret { .. }));
    let mut bytes = 0;
    for (name, value) in &call.headers {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(format!("`{name}` is not a header name"));
        }
        if HOST_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(format!("the header `{name}` is the host's"));
        }
        if has_secret && RESPONSE_FORM_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(format!(
                "a call with a Secret in it can't have the header `{name}`: the Secret's value couldn't be found in the answer"
            ));
        }
        let (HeaderValue::Text(text) | HeaderValue::Secret { prefix: text, .. }) = value;
        bytes += name.len() + text.len();
        if text.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            return Err(format!("the header `{name}` has a value with control characters"));
        }
        match value {
            HeaderValue::Text(_) => {}
            HeaderValue::Secret { name, key, .. } => {
                ObjectName::new(name).map_err(|error| format!("the Secret's name: {error}"))?;
                if !effective_grants(asker).allows_secret(name, key) {
                    return Err(denial(asker, &RequestedPermission::Secret(name, key)));
                }
                if !url.is_secure && !url.is_restricted_host() && !is_in_cluster(&url.host) {
                    return Err(format!(
                        "Secret {name} would go over the network unencrypted; use https"
                    ));
                }
                if is_capstan_state(&GroupKind::new("", "Secret"), name) {
                    return Err(format!("Secret {name} contains Capstan's own state"));
                }
            }
        }
    }
    if bytes > MAX_HEADER_BYTES {
        return Err(format!("the headers of a call may have {MAX_HEADER_BYTES} bytes"));
    }
    Ok(PermittedScope {
        local,
        ..PermittedScope::default()
    })
}

/// Returns whether a host is a Service by its name. Plain HTTP is usual inside the cluster.
fn is_in_cluster(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let name = host.strip_suffix(".cluster.local").unwrap_or(&host);
    !host.contains('.') || name.rsplit('.').next() == Some("svc")
}
