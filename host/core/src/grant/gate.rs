//! The gate: from what a hook type asks for to what is performed.

use std::sync::LazyLock;

use serde_json::Value;

use super::{Allowance, Grants, Url, Verb};
use crate::{
    object::{GroupKind, Object, ObjectKey},
    plugins::Application,
    request::{HeaderValue, HttpRequest, ObjectRef, Request},
};

/// How long a call of a URL may take at most, in milliseconds.
const LONGEST_CALL: u32 = 60_000;
/// Headers of a call, and bytes of their names and values: what servers take.
const MOST_HEADERS: usize = 64;
const MOST_HEADER_BYTES: usize = 16 << 10;
/// The longest name of a signal, and text of an event.
const LONGEST_NAME: usize = 63;
const LONGEST_EVENT: usize = 1024;
/// What the host says of its objects; nobody else may.
const OURS: &str = "capstan.dev/";
const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];
/// Headers that say how the call itself is made.
const OF_THE_HOST: [&str; 10] = [
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

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// For which application.
    pub application: &'a Application,
    /// Whether its manifest is an object of the cluster.
    pub has_object: bool,
    /// What it may have done; nothing when the plan doesn't say.
    pub allowance: Option<&'a Allowance>,
}

/// A request that passed the gate, which alone makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permitted<'a> {
    request: &'a Request,
    reach: Reach,
}

/// Where a permitted request may go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Reach {
    /// The kind, in which namespace, and whether that may be none.
    object: Option<(GroupKind, String, String)>,
    in_namespace: bool,
    without_namespace: bool,
    /// Whether this machine and its link may be called.
    local: bool,
}

impl Permitted<'_> {
    /// Returns the request.
    pub fn request(&self) -> &Request {
        self.request
    }

    /// Returns the kind that is meant; an empty one when no object is.
    pub fn kind(&self) -> GroupKind {
        match &self.reach.object {
            Some((kind, ..)) => kind.clone(),
            None => GroupKind::new("", ""),
        }
    }

    /// Returns the object that is meant, once it is known whether its kind has namespaces. Of a list, the name is empty.
    ///
    /// # Errors
    ///
    /// Returns that this was not granted: a grant for a namespace says nothing of what has none.
    pub fn key(&self, has_namespaces: bool) -> Result<ObjectKey, String> {
        let (kind, namespace, name) = self.reach.object.clone().unwrap_or_else(|| {
            let nothing = String::new();
            (GroupKind::new("", ""), nothing.clone(), nothing)
        });
        let (may, namespace) = if has_namespaces {
            (self.reach.in_namespace, namespace)
        } else {
            (self.reach.without_namespace, String::new())
        };
        if !may {
            return Err(format!(
                "not granted: objects of kind {kind} have no namespace, which takes a grant with the namespace `*`"
            ));
        }
        Ok(ObjectKey {
            group: kind.group,
            kind: kind.kind,
            namespace,
            name,
        })
    }

    /// Says whether a call may go to this machine or its link.
    pub fn may_be_local(&self) -> bool {
        self.reach.local
    }
}

/// Lets a request pass, or says why not.
///
/// # Errors
///
/// Returns the reason, which the plugin and people are told.
pub fn gate<'a>(request: &'a Request, asker: &Asker<'_>) -> Result<Permitted<'a>, String> {
    let passed = |reach| Ok(Permitted { request, reach });
    match request {
        Request::NotInThisVersion(name) => Err(format!("`{name}` is not in this version")),
        Request::CreateOwn | Request::WatchOwn | Request::FollowLogsOwn | Request::DeleteOwn(_) => {
            if asker.has_object {
                passed(Reach::default())
            } else {
                Err("the manifest is not an object of the cluster".to_owned())
            }
        }
        Request::WaitSignal(name) => {
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
            if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_name) {
                return Err(format!(
                    "`{name}` is no name of a signal: at most {LONGEST_NAME} of a-z, 0-9, -, _ and ."
                ));
            }
            passed(Reach::default())
        }
        Request::EmitEvent(text) if text.len() > LONGEST_EVENT => Err(format!(
            "an event may have {LONGEST_EVENT} bytes, and this one has {}",
            text.len()
        )),
        Request::EmitEvent(_) => {
            let namespace = asker.application.namespace.clone();
            let what = (GroupKind::new("", "Event"), namespace, String::new());
            object(asker, Verb::Create, what).and_then(passed)
        }
        Request::Apply(text) => {
            let value: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
            let wanted = Object(value);
            if wanted.api_version().is_empty() || wanted.kind().is_empty() || wanted.name().is_empty() {
                return Err("an object needs `apiVersion`, `kind` and `metadata.name`".to_owned());
            }
            let namespace = Some(wanted.namespace().to_owned()).filter(|namespace| !namespace.is_empty());
            let what = place(asker, wanted.group_kind(), namespace.as_ref(), wanted.name());
            object(asker, Verb::Apply, what).and_then(passed)
        }
        Request::Get(wanted) => object(asker, Verb::Get, place_of(asker, wanted)).and_then(passed),
        Request::Watch(wanted) => object(asker, Verb::Watch, place_of(asker, wanted)).and_then(passed),
        Request::List(selector) => {
            let what = place(asker, selector.group_kind(), selector.namespace.as_ref(), "");
            object(asker, Verb::List, what).and_then(passed)
        }
        Request::Patch { object: wanted, merge } => {
            check_patch(merge)?;
            object(asker, Verb::Patch, place_of(asker, wanted)).and_then(passed)
        }
        Request::Delete { object: wanted, .. } => object(asker, Verb::Delete, place_of(asker, wanted)).and_then(passed),
        Request::Http(call) => http(asker, call).and_then(passed),
    }
}

type What = (GroupKind, String, String);

fn place_of(asker: &Asker<'_>, wanted: &ObjectRef) -> What {
    place(asker, wanted.group_kind(), wanted.namespace.as_ref(), &wanted.name)
}

fn place(asker: &Asker<'_>, kind: GroupKind, namespace: Option<&String>, name: &str) -> What {
    let namespace = namespace.unwrap_or(&asker.application.namespace).clone();
    (kind, namespace, name.to_owned())
}

fn effective<'a>(asker: &Asker<'a>) -> &'a Grants {
    static NOTHING: LazyLock<Grants> = LazyLock::new(Grants::default);
    asker.allowance.map_or(&NOTHING, |allowance| &allowance.effective)
}

fn refusal(asker: &Asker<'_>, what: &str, allows: impl Fn(&Grants) -> bool) -> String {
    match asker.allowance {
        Some(allowance) => allowance.why_not(what, allows),
        None => format!("not granted: the plan doesn't say that its plugin may {what}"),
    }
}

fn object(asker: &Asker<'_>, verb: Verb, what: What) -> Result<Reach, String> {
    let (kind, namespace, name) = &what;
    if is_state(kind, name) {
        return Err(format!("{} {name} is where Capstan keeps what it knows", kind.kind));
    }
    let in_namespace = effective(asker).allows_object(verb, kind, namespace);
    let without_namespace = effective(asker).allows_object(verb, kind, "");
    if !in_namespace && !without_namespace {
        let words = format!("{verb} {kind} in namespace {namespace}");
        return Err(refusal(asker, &words, |grants| {
            grants.allows_object(verb, kind, namespace)
        }));
    }
    Ok(Reach {
        object: Some(what),
        in_namespace,
        without_namespace,
        local: false,
    })
}

/// Says whether an object is part of what is stored about applications: with it a plugin could grant itself everything.
fn is_state(kind: &GroupKind, name: &str) -> bool {
    let is_kind = matches!(
        (kind.group.as_str(), kind.kind.as_str()),
        ("", "Secret") | ("coordination.k8s.io", "Lease")
    );
    is_kind && name.starts_with("capstan.")
}

fn check_patch(merge: &str) -> Result<(), String> {
    let patch: Value = serde_json::from_str(merge).map_err(|error| format!("the patch is no JSON: {error}"))?;
    if !patch.is_object() {
        return Err("a merge patch is a JSON object".to_owned());
    }
    for map in ["labels", "annotations"] {
        let found = patch.pointer(&format!("/metadata/{map}"));
        match found {
            None => {}
            Some(Value::Object(members)) if !members.keys().any(|name| name.starts_with(OURS)) => {}
            // `null` would remove all of them.
            Some(_) => return Err(format!("{map} that begin with `{OURS}` are the host's")),
        }
    }
    Ok(())
}

fn http(asker: &Asker<'_>, call: &HttpRequest) -> Result<Reach, String> {
    let url = Url::parse(&call.url)?;
    let method = call.method.as_str();
    if !METHODS.contains(&method) {
        return Err(format!("`{method}` is no method: it can be {}", METHODS.join(", ")));
    }
    if call.timeout_ms == 0 || call.timeout_ms > LONGEST_CALL {
        return Err(format!(
            "a call may take between 1 and {LONGEST_CALL} ms, not {}",
            call.timeout_ms
        ));
    }
    let words = format!("call {method} on {}:{}", url.host, url.port);
    let Some(local) = effective(asker).allows_call(method, &url) else {
        return Err(refusal(asker, &words, |grants| {
            grants.allows_call(method, &url).is_some()
        }));
    };
    if call.headers.len() > MOST_HEADERS {
        return Err(format!("a call may have {MOST_HEADERS} headers"));
    }
    let mut bytes = 0;
    for (name, value) in &call.headers {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(format!("`{name}` is no name of a header"));
        }
        if OF_THE_HOST.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(format!("the header `{name}` is the host's"));
        }
        match value {
            HeaderValue::Text(text) => {
                bytes += name.len() + text.len();
                if text.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
                    return Err(format!("the header `{name}` has a value with control characters"));
                }
            }
            HeaderValue::Secret { name, key } => {
                if !effective(asker).allows_secret(name, key) {
                    let words = format!("use Secret {name} ({key})");
                    return Err(refusal(asker, &words, |grants| grants.allows_secret(name, key)));
                }
                if !url.is_secure && !url.is_near() && !is_in_cluster(&url.host) {
                    return Err(format!(
                        "Secret {name} would go over the network unencrypted; use https"
                    ));
                }
                if is_state(&GroupKind::new("", "Secret"), name) {
                    return Err(format!("Secret {name} is where Capstan keeps what it knows"));
                }
            }
        }
    }
    if bytes > MOST_HEADER_BYTES {
        return Err(format!("the headers of a call may have {MOST_HEADER_BYTES} bytes"));
    }
    Ok(Reach {
        local,
        ..Reach::default()
    })
}

/// Says whether a host is a Service by its name: inside the cluster plain HTTP is usual.
fn is_in_cluster(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let name = host.strip_suffix(".cluster.local").unwrap_or(&host);
    !host.contains('.') || name.rsplit('.').next() == Some("svc")
}
