//! The cells of kinds that run pods.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::text::{NONE, UNKNOWN, UNSET, age, containers, count, duration, labels, listed, or, plain, selector, since};
use crate::actors::access::{
    controller, fields, is_condition, is_terminating, is_true, items, number, text, timestamp,
};

/// Adds the cells of a pod template: containers, images, and the selector at a JSON pointer.
fn with_template(mut cells: Vec<Value>, object: &Value, template: &str) -> Vec<Value> {
    cells.extend(containers(object, &format!("{template}/spec/containers")));
    cells
}

pub(super) fn deployment(object: &Value, now: Timestamp) -> Vec<Value> {
    let ready = count(object, "/status/readyReplicas");
    let cells = vec![
        json!(format!("{ready}/{}", count(object, "/spec/replicas"))),
        json!(count(object, "/status/updatedReplicas")),
        json!(count(object, "/status/availableReplicas")),
        age(object, now),
    ];
    let mut cells = with_template(cells, object, "/spec/template");
    cells.push(json!(selector(object, "/spec/selector")));
    cells
}

pub(super) fn stateful_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let ready = count(object, "/status/readyReplicas");
    let cells = vec![
        json!(format!("{ready}/{}", count(object, "/spec/replicas"))),
        age(object, now),
    ];
    with_template(cells, object, "/spec/template")
}

fn replicas(object: &Value, now: Timestamp) -> Vec<Value> {
    let cells = vec![
        json!(count(object, "/spec/replicas")),
        json!(count(object, "/status/replicas")),
        json!(count(object, "/status/readyReplicas")),
        age(object, now),
    ];
    with_template(cells, object, "/spec/template")
}

pub(super) fn replica_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let mut cells = replicas(object, now);
    cells.push(json!(selector(object, "/spec/selector")));
    cells
}

pub(super) fn replication_controller(object: &Value, now: Timestamp) -> Vec<Value> {
    let mut cells = replicas(object, now);
    cells.push(json!(labels(object, "/spec/selector")));
    cells
}

pub(super) fn daemon_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let cells = vec![
        json!(count(object, "/status/desiredNumberScheduled")),
        json!(count(object, "/status/currentNumberScheduled")),
        json!(count(object, "/status/numberReady")),
        json!(count(object, "/status/updatedNumberScheduled")),
        json!(count(object, "/status/numberAvailable")),
        json!(labels(object, "/spec/template/spec/nodeSelector")),
        age(object, now),
    ];
    let mut cells = with_template(cells, object, "/spec/template");
    cells.push(json!(selector(object, "/spec/selector")));
    cells
}

pub(super) fn job(object: &Value, now: Timestamp) -> Vec<Value> {
    let succeeded = count(object, "/status/succeeded");
    let completions = match (
        number(object, "/spec/completions"),
        number(object, "/spec/parallelism").unwrap_or(0),
    ) {
        (Some(completions), _) => format!("{succeeded}/{completions}"),
        (None, parallelism @ 2..) => format!("{succeeded}/1 of {parallelism}"),
        (None, _) => format!("{succeeded}/1"),
    };
    let begun = timestamp(object, "/status/startTime");
    let ended = timestamp(object, "/status/completionTime").unwrap_or(now);
    let took = begun.map_or_else(String::new, |begun| duration(ended.as_second() - begun.as_second()));
    let conditions = [
        "Complete",
        "Failed",
        "Terminating",
        "Suspended",
        "FailureTarget",
        "SuccessCriteriaMet",
    ];
    let status = conditions.into_iter().find(|word| match *word {
        "Terminating" => is_terminating(object),
        condition => is_condition(object, condition),
    });
    let cells = vec![
        json!(status.unwrap_or("Running")),
        json!(completions),
        json!(took),
        age(object, now),
    ];
    let mut cells = with_template(cells, object, "/spec/template");
    cells.push(json!(selector(object, "/spec/selector")));
    cells
}

pub(super) fn cron_job(object: &Value, now: Timestamp) -> Vec<Value> {
    let last = timestamp(object, "/status/lastScheduleTime");
    let suspended = match object.pointer("/spec/suspend").and_then(Value::as_bool) {
        None => UNSET,
        Some(true) => "True",
        Some(false) => "False",
    };
    let cells = vec![
        json!(text(object, "/spec/schedule")),
        json!(or(object, "/spec/timeZone", NONE)),
        json!(suspended),
        json!(items(object, "/status/active").len()),
        json!(last.map_or_else(|| NONE.to_owned(), |last| since(Some(last), now))),
        age(object, now),
    ];
    let mut cells = with_template(cells, object, "/spec/jobTemplate/spec/template");
    cells.push(json!(selector(object, "/spec/jobTemplate/spec/selector")));
    cells
}

pub(super) fn pod_template(object: &Value, _: Timestamp) -> Vec<Value> {
    let mut cells = with_template(Vec::new(), object, "/template");
    cells.push(json!(labels(object, "/template/metadata/labels")));
    cells
}

pub(super) fn controller_revision(object: &Value, now: Timestamp) -> Vec<Value> {
    let owner = controller(object).map(|owner| {
        let (group, _) = text(owner, "/apiVersion").split_once('/').unwrap_or_default();
        let kind = text(owner, "/kind").to_lowercase();
        let dot = if group.is_empty() { "" } else { "." };
        format!("{kind}{dot}{group}/{}", text(owner, "/name"))
    });
    vec![
        json!(owner.unwrap_or_else(|| NONE.to_owned())),
        json!(count(object, "/revision")),
        age(object, now),
    ]
}

pub(super) fn scale(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        json!(count(object, "/spec/replicas")),
        json!(count(object, "/status/replicas")),
        age(object, now),
    ]
}

pub(super) fn autoscaler(object: &Value, now: Timestamp) -> Vec<Value> {
    let target = format!(
        "{}/{}",
        text(object, "/spec/scaleTargetRef/kind"),
        text(object, "/spec/scaleTargetRef/name")
    );
    vec![
        json!(target),
        json!(targets(object)),
        json!(plain(object, "/spec/minReplicas", UNSET)),
        json!(count(object, "/spec/maxReplicas")),
        json!(count(object, "/status/currentReplicas")),
        age(object, now),
    ]
}

/// Formats the metrics of an autoscaler, at most two of them (`formatHPAMetrics`).
fn targets(object: &Value) -> String {
    let current = items(object, "/status/currentMetrics");
    let specs = items(object, "/spec/metrics");
    let mut written: Vec<String> = specs
        .iter()
        .enumerate()
        .map(|(index, spec)| metric(spec, current.get(index).unwrap_or(&Value::Null)))
        .collect();
    let more = written.len().saturating_sub(2);
    if more > 0 {
        written.truncate(2);
        return format!("{} + {more} more...", written.join(", "));
    }
    listed(written, ", ", NONE)
}

fn metric(spec: &Value, current: &Value) -> String {
    let (field, is_named) = match text(spec, "/type") {
        "Resource" => ("resource", true),
        "ContainerResource" => ("containerResource", true),
        "Pods" => ("pods", false),
        "Object" => ("object", false),
        "External" => ("external", false),
        _ => return "<unknown type>".to_owned(),
    };
    let name = if is_named {
        format!("{}: ", text(spec, &format!("/{field}/name")))
    } else {
        String::new()
    };
    let has_average = spec.pointer(&format!("/{field}/target/averageValue")).is_some();
    let (value, unit, tail) = match (has_average, is_named, field) {
        (true, _, "object" | "external") => ("averageValue", "", " (avg)"),
        (true, _, _) | (false, _, "pods") => ("averageValue", "", ""),
        (false, true, _) => ("averageUtilization", "%", ""),
        (false, false, _) => ("value", "", ""),
    };
    let target_value = plain(spec, &format!("/{field}/target/{value}"), "<auto>");
    let found = match current.pointer(&format!("/{field}/current/{value}")) {
        Some(Value::String(text)) => format!("{text}{unit}"),
        Some(Value::Number(number)) => format!("{number}{unit}"),
        _ => UNKNOWN.to_owned(),
    };
    format!("{name}{found}/{target_value}{unit}{tail}")
}

pub(super) fn budget(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        json!(plain(object, "/spec/minAvailable", "N/A")),
        json!(plain(object, "/spec/maxUnavailable", "N/A")),
        json!(count(object, "/status/disruptionsAllowed")),
        age(object, now),
    ]
}

pub(super) fn node(object: &Value, now: Timestamp) -> Vec<Value> {
    const ROLE: &str = "node-role.kubernetes.io/";
    let ready = items(object, "/status/conditions")
        .iter()
        .find(|one| text(one, "/type") == "Ready");
    let mut status = match ready {
        Some(one) if text(one, "/status") == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if is_true(object, "/spec/unschedulable") {
        status += ",SchedulingDisabled";
    }
    let roles = fields(object, "/metadata/labels").filter_map(|(name, value)| {
        let role = name.strip_prefix(ROLE).filter(|role| !role.is_empty());
        let other = || value.as_str().filter(|_| name == "kubernetes.io/role");
        role.or_else(other).map(str::to_owned)
    });
    let address = |kind: &str| {
        let mut all = items(object, "/status/addresses").iter();
        let found = all.find(|one| text(one, "/type") == kind);
        json!(found.map_or(NONE, |one| text(one, "/address")))
    };
    let info = |field: &str| json!(or(object, &format!("/status/nodeInfo/{field}"), UNKNOWN));
    vec![
        json!(status),
        json!(listed(roles.collect(), ",", NONE)),
        age(object, now),
        json!(text(object, "/status/nodeInfo/kubeletVersion")),
        address("InternalIP"),
        address("ExternalIP"),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}
