//! The cells of kinds that route traffic to pods.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::text::{NONE, UNSET, age, count, first_three, labels, listed, or, selector};
use crate::actors::access::{items, text};

pub(super) fn service(object: &Value, now: Timestamp) -> Vec<Value> {
    let ports = items(object, "/spec/ports").iter().map(|port| {
        let protocol = text(port, "/protocol");
        match count(port, "/nodePort") {
            0 => format!("{}/{protocol}", count(port, "/port")),
            node_port => format!("{}:{node_port}/{protocol}", count(port, "/port")),
        }
    });
    vec![
        json!(text(object, "/spec/type")),
        json!(or(object, "/spec/clusterIPs/0", or(object, "/spec/clusterIP", NONE))),
        json!(external_address(object)),
        json!(listed(ports.collect(), ",", NONE)),
        age(object, now),
        json!(labels(object, "/spec/selector")),
    ]
}

fn external_address(service: &Value) -> String {
    let mut addresses: Vec<String> = items(service, "/spec/externalIPs")
        .iter()
        .filter_map(|address| Some(address.as_str()?.to_owned()))
        .collect();
    match text(service, "/spec/type") {
        "ExternalName" => text(service, "/spec/externalName").to_owned(),
        "LoadBalancer" => {
            addresses.extend(ingress(service));
            listed(addresses, ",", "<pending>")
        }
        _ => listed(addresses, ",", NONE),
    }
}

/// Lists the addresses of a load balancer, each once.
fn ingress(object: &Value) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for one in items(object, "/status/loadBalancer/ingress") {
        let address = or(one, "/ip", text(one, "/hostname")).to_owned();
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found.sort_unstable();
    found
}

pub(super) fn ingress_rules(object: &Value, now: Timestamp) -> Vec<Value> {
    let rules = items(object, "/spec/rules");
    let hosts: Vec<&str> = rules
        .iter()
        .map(|rule| text(rule, "/host"))
        .filter(|host| !host.is_empty())
        .take(3)
        .collect();
    let hosts = match (hosts.len(), rules.len().saturating_sub(3)) {
        (0, _) => "*".to_owned(),
        (3, more @ 1..) => format!("{} + {more} more...", hosts.join(",")),
        _ => hosts.join(","),
    };
    let has_tls = !items(object, "/spec/tls").is_empty();
    vec![
        json!(or(object, "/spec/ingressClassName", NONE)),
        json!(hosts),
        json!(ingress(object).join(",")),
        json!(if has_tls { "80, 443" } else { "80" }),
        age(object, now),
    ]
}

pub(super) fn ingress_class(object: &Value, now: Timestamp) -> Vec<Value> {
    let parameters = object.pointer("/spec/parameters").map(|parameters| {
        let dot = if text(parameters, "/apiGroup").is_empty() {
            ""
        } else {
            "."
        };
        let (kind, group) = (text(parameters, "/kind"), text(parameters, "/apiGroup"));
        format!("{kind}{dot}{group}/{}", text(parameters, "/name"))
    });
    vec![
        json!(text(object, "/spec/controller")),
        json!(parameters.unwrap_or_else(|| NONE.to_owned())),
        age(object, now),
    ]
}

pub(super) fn network_policy(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![json!(selector(object, "/spec/podSelector")), age(object, now)]
}

pub(super) fn endpoints(object: &Value, now: Timestamp) -> Vec<Value> {
    let mut all = Vec::new();
    for subset in items(object, "/subsets") {
        let addresses = items(subset, "/addresses").iter().map(|one| text(one, "/ip"));
        let ports = items(subset, "/ports");
        for address in addresses {
            if ports.is_empty() {
                all.push(address.to_owned());
            }
            let joined = |port: &Value| {
                if address.contains(':') {
                    format!("[{address}]:{}", count(port, "/port"))
                } else {
                    format!("{address}:{}", count(port, "/port"))
                }
            };
            all.extend(ports.iter().map(joined));
        }
    }
    let written = if all.is_empty() {
        NONE.to_owned()
    } else {
        first_three(&all)
    };
    vec![json!(written), age(object, now)]
}

pub(super) fn endpoint_slice(object: &Value, now: Timestamp) -> Vec<Value> {
    let ports: Vec<String> = items(object, "/ports")
        .iter()
        .map(|port| match count(port, "/port") {
            0 => "*".to_owned(),
            port => port.to_string(),
        })
        .collect();
    let addresses: Vec<String> = items(object, "/endpoints")
        .iter()
        .flat_map(|endpoint| items(endpoint, "/addresses"))
        .filter_map(|address| Some(address.as_str()?.to_owned()))
        .collect();
    let shown = |words: &[String]| match words {
        [] => UNSET.to_owned(),
        words => first_three(words),
    };
    vec![
        json!(text(object, "/addressType")),
        json!(shown(&ports)),
        json!(shown(&addresses)),
        age(object, now),
    ]
}

pub(super) fn ip_address(object: &Value, _: Timestamp) -> Vec<Value> {
    let parent = object.pointer("/spec/parentRef").map(|parent| {
        let parts = ["/group", "/resource", "/namespace", "/name"].map(|part| text(parent, part));
        let [group, resource, namespace, name] = parts;
        let dot = if group.is_empty() { "" } else { "." };
        let slash = if namespace.is_empty() { "" } else { "/" };
        format!("{resource}{dot}{group}/{namespace}{slash}{name}")
    });
    vec![json!(parent.unwrap_or_else(|| NONE.to_owned()))]
}

pub(super) fn service_cidr(object: &Value, now: Timestamp) -> Vec<Value> {
    let ranges: Vec<&str> = items(object, "/spec/cidrs").iter().filter_map(Value::as_str).collect();
    vec![json!(ranges.join(",")), age(object, now)]
}
