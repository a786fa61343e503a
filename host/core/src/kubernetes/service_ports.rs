//! Conflicts of Service ports that other managers changed.
//!
//! Server-side apply identifies a port by number and protocol. If another manager changed the number of Capstan's port, that is another
//! port with the same name. The server refuses to apply Capstan's beside it, because port names must be unique.

use serde_json::Value;

use crate::{kubernetes::managed_fields, model::object::Object};

/// A live port that conflicts with an applied one.
#[derive(Debug, Clone, PartialEq)]
pub struct ConflictingPort {
    /// The name of both ports.
    pub name: String,
    /// The live port: `83/TCP`.
    pub live: String,
    /// The applied port: `80/TCP`.
    pub applied: String,
    /// The managers that own the live port.
    pub managers: Vec<String>,
    /// The element of the live port in a `fieldsV1` set.
    element: String,
}

impl ConflictingPort {
    /// Returns whether a live port is this one.
    pub fn matches(&self, port: &Value) -> bool {
        self.element == field_set_element(port)
    }
}

/// Returns the ports of a live Service that have the name of an applied port with another number or protocol. Ports that `manager` owns are
/// left out, because the server removes them.
pub fn conflicting_ports(applied: &Object, live: &Object, manager: &str) -> Vec<ConflictingPort> {
    if (applied.group(), applied.kind()) != ("", "Service") {
        return Vec::new();
    }
    let ports = |object: &Object| -> Vec<Value> {
        let ports = object.0.pointer("/spec/ports").and_then(Value::as_array);
        ports.cloned().unwrap_or_default()
    };
    let desired = ports(applied);
    let mut found = Vec::new();
    for port in ports(live) {
        if desired
            .iter()
            .any(|desired| number_and_protocol(desired) == number_and_protocol(&port))
        {
            continue;
        }
        let Some(rival) = desired.iter().find(|desired| name(desired) == name(&port)) else {
            continue;
        };
        let element = field_set_element(&port);
        let owners = owners(live, &element);
        if owners
            .iter()
            .any(|(owner, operation)| owner == manager && operation == "Apply")
        {
            continue;
        }
        found.push(ConflictingPort {
            name: name(&port).to_owned(),
            live: number_and_protocol(&port),
            applied: number_and_protocol(rival),
            managers: owners.into_iter().map(|(owner, _)| owner).collect(),
            element,
        });
    }
    found
}

/// Returns the `managedFields` of a live Service in which only `manager` owns those ports. Applying a set without them then removes them.
pub fn managed_fields_with_ports(live: &Object, ports: &[ConflictingPort], manager: &str) -> Vec<Value> {
    let entries = live.0.pointer("/metadata/managedFields").and_then(Value::as_array);
    let mut entries = entries.cloned().unwrap_or_default();
    if !entries
        .iter()
        .any(|entry| managed_fields::is_applied_entry_of(entry, manager))
    {
        entries.push(serde_json::json!({
            "manager": manager, "operation": "Apply", "apiVersion": live.api_version(), "fieldsType": "FieldsV1", "fieldsV1": {},
        }));
    }
    for entry in &mut entries {
        let is_ours = managed_fields::is_applied_entry_of(entry, manager);
        let Some(owned) = entry.pointer_mut("/fieldsV1") else {
            continue;
        };
        for port in ports {
            if is_ours {
                let mut place = &mut *owned;
                for step in ["f:spec", "f:ports", port.element.as_str()] {
                    if !place.is_object() {
                        *place = Value::Object(serde_json::Map::new());
                    }
                    place = &mut place[step];
                }
                *place = serde_json::json!({ ".": {}, "f:name": {}, "f:port": {} });
            } else if let Some(owned) = owned.pointer_mut("/f:spec/f:ports").and_then(Value::as_object_mut) {
                owned.remove(&port.element);
            }
        }
    }
    entries
}

fn name(port: &Value) -> &str {
    port.get("name").and_then(Value::as_str).unwrap_or_default()
}

fn number_and_protocol(port: &Value) -> String {
    format!("{}/{}", number(port), protocol(port))
}

fn number(port: &Value) -> i64 {
    port.get("port").and_then(Value::as_i64).unwrap_or_default()
}

fn protocol(port: &Value) -> &str {
    port.get("protocol").and_then(Value::as_str).unwrap_or("TCP")
}

fn field_set_element(port: &Value) -> String {
    let (number, protocol) = (number(port), protocol(port));
    format!("k:{}", serde_json::json!({ "port": number, "protocol": protocol }))
}

/// Returns the managers that own a port, with the operations.
fn owners(live: &Object, element: &str) -> Vec<(String, String)> {
    let entries = live.0.pointer("/metadata/managedFields").and_then(Value::as_array);
    let text = |entry: &Value, field: &str| {
        let text = entry.get(field).and_then(Value::as_str).unwrap_or_default();
        text.to_owned()
    };
    let owns = |entry: &&Value| {
        let ports = entry.pointer("/fieldsV1/f:spec/f:ports");
        ports.is_some_and(|ports| ports.get(element).is_some())
    };
    let owners = entries.into_iter().flatten().filter(owns);
    owners
        .map(|entry| (text(entry, "manager"), text(entry, "operation")))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(ports: Value, managed: Value) -> Object {
        Object(
            json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "managedFields": managed }, "spec": { "ports": ports } }),
        )
    }

    #[test]
    fn a_port_that_another_manager_moved_is_in_the_way() {
        let managed = json!([
            { "manager": "capstan", "operation": "Apply", "fieldsV1": { "f:spec": { "f:selector": {} } } },
            { "manager": "kubectl-patch", "operation": "Update", "fieldsV1": { "f:spec": { "f:ports": {
                "k:{\"port\":83,\"protocol\":\"TCP\"}": { ".": {} }, "k:{\"port\":90,\"protocol\":\"TCP\"}": { ".": {} } } } } },
        ]);
        let live = service(
            json!([{ "name": "http", "port": 83, "protocol": "TCP" }, { "name": "side", "port": 90, "protocol": "TCP" }]),
            managed,
        );
        let desired = service(json!([{ "name": "http", "port": 80 }]), json!([]));
        let found = conflicting_ports(&desired, &live, "capstan");
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].live.as_str(), found[0].applied.as_str()),
            ("83/TCP", "80/TCP")
        );
        assert_eq!(found[0].managers, ["kubectl-patch"]);
        let entries = managed_fields_with_ports(&live, &found, "capstan");
        let ports = |at: usize| {
            let ports = entries[at].pointer("/fieldsV1/f:spec/f:ports").unwrap();
            ports.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(ports(0), ["k:{\"port\":83,\"protocol\":\"TCP\"}"]);
        assert_eq!(ports(1), ["k:{\"port\":90,\"protocol\":\"TCP\"}"]);
    }

    #[test]
    fn what_goes_by_itself_is_not_in_the_way() {
        let owned = json!([{ "manager": "capstan", "operation": "Apply", "fieldsV1": { "f:spec": { "f:ports": {
            "k:{\"port\":83,\"protocol\":\"TCP\"}": { ".": {} } } } } }]);
        let live = service(json!([{ "name": "http", "port": 83, "protocol": "TCP" }]), owned);
        for desired in [
            json!([{ "name": "http", "port": 80 }]),
            json!([{ "name": "other", "port": 80 }]),
            json!([{ "name": "renamed", "port": 83 }]),
        ] {
            assert_eq!(conflicting_ports(&service(desired, json!([])), &live, "capstan"), []);
        }
    }
}
