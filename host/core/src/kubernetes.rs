//! What is known about Kubernetes' own kinds and about live objects: order, ownership, finalizers, pods, references.

pub mod field_path;
pub mod finalizer;
pub mod kind_order;
pub(crate) mod managed_fields;
pub mod migration;
pub(crate) mod needs;
pub mod observed_object;
pub mod ownership;
pub mod pod_problems;
pub mod reference;
pub mod secret;
pub mod sent;
pub mod service_ports;
pub mod unknown_fields;
pub mod webhook;
