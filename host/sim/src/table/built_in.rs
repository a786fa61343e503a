//! The columns of built-in kinds, as a real API server lists them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Column, network, pod, policy, storage, workloads};
use crate::actors::access::text;

/// Returns the cells of an object.
pub(super) type Cells = fn(&Value, Timestamp) -> Vec<Value>;

/// Group, kind, the columns after the name, and their cells. A column is `NAME[:TYPE][*]`: `*` is for `-o wide` only.
const TABLES: &[(&str, &str, &str, Cells)] = &[
    ("", "ComponentStatus", "Status|Message|Error", policy::component),
    ("", "ConfigMap", "Data|Age", policy::config_map),
    ("", "Endpoints", "Endpoints|Age", network::endpoints),
    ("", "LimitRange", "Created At:date", policy::created_at),
    ("", "Namespace", "Status|Age", policy::namespace),
    (
        "",
        "Node",
        "Status|Roles|Age|Version|Internal-IP*|External-IP*|OS-Image*|Kernel-Version*|Container-Runtime*",
        workloads::node,
    ),
    (
        "",
        "PersistentVolumeClaim",
        "Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age|VolumeMode*",
        storage::claim,
    ),
    (
        "",
        "PersistentVolume",
        "Capacity|Access Modes|Reclaim Policy|Status|Claim|StorageClass|VolumeAttributesClass|Reason|Age|VolumeMode*",
        storage::volume,
    ),
    (
        "",
        "Pod",
        "Ready|Status|Restarts|Age|IP*|Node*|Nominated Node*|Readiness Gates*",
        pod::cells,
    ),
    (
        "",
        "PodTemplate",
        "Containers|Images|Pod Labels",
        workloads::pod_template,
    ),
    (
        "",
        "ReplicationController",
        "Desired:integer|Current:integer|Ready:integer|Age|Containers*|Images*|Selector*",
        workloads::replication_controller,
    ),
    ("", "ResourceQuota", "Request|Limit|Age", storage::quota),
    ("", "Secret", "Type|Data|Age", policy::secret),
    ("", "ServiceAccount", "Age", policy::only_age),
    (
        "",
        "Service",
        "Type|Cluster-IP|External-IP|Port(s)|Age|Selector*",
        network::service,
    ),
    (
        "apiregistration.k8s.io",
        "APIService",
        "Service|Available|Age",
        policy::api_service,
    ),
    (
        "apps",
        "ControllerRevision",
        "Controller|Revision|Age",
        workloads::controller_revision,
    ),
    (
        "apps",
        "DaemonSet",
        "Desired:integer|Current:integer|Ready:integer|Up-to-date:integer|Available:integer|Node Selector|Age|Containers*|Images*|\
         Selector*",
        workloads::daemon_set,
    ),
    (
        "apps",
        "Deployment",
        "Ready|Up-to-date|Available|Age|Containers*|Images*|Selector*",
        workloads::deployment,
    ),
    (
        "apps",
        "ReplicaSet",
        "Desired:integer|Current:integer|Ready:integer|Age|Containers*|Images*|Selector*",
        workloads::replica_set,
    ),
    (
        "apps",
        "StatefulSet",
        "Ready|Age|Containers*|Images*",
        workloads::stateful_set,
    ),
    (
        "autoscaling",
        "HorizontalPodAutoscaler",
        "Reference|Targets|MinPods|MaxPods|Replicas|Age",
        workloads::autoscaler,
    ),
    (
        "autoscaling",
        "Scale",
        "Desired:integer|Available:integer|Age",
        workloads::scale,
    ),
    (
        "batch",
        "CronJob",
        "Schedule|Timezone|Suspend:boolean|Active:integer|Last Schedule|Age|Containers*|Images*|Selector*",
        workloads::cron_job,
    ),
    (
        "batch",
        "Job",
        "Status|Completions|Duration|Age|Containers*|Images*|Selector*",
        workloads::job,
    ),
    (
        "certificates.k8s.io",
        "CertificateSigningRequest",
        "Age|SignerName|Requestor|RequestedDuration|Condition",
        policy::signing_request,
    ),
    (
        "networking.k8s.io",
        "IngressClass",
        "Controller|Parameters|Age",
        network::ingress_class,
    ),
    (
        "networking.k8s.io",
        "Ingress",
        "Class|Hosts|Address|Ports|Age",
        network::ingress_rules,
    ),
    ("networking.k8s.io", "IPAddress", "ParentRef", network::ip_address),
    (
        "networking.k8s.io",
        "NetworkPolicy",
        "Pod-Selector|Age",
        network::network_policy,
    ),
    ("networking.k8s.io", "ServiceCIDR", "CIDRs|Age", network::service_cidr),
    (
        "policy",
        "PodDisruptionBudget",
        "Min Available|Max Unavailable|Allowed Disruptions:integer|Age",
        workloads::budget,
    ),
    (
        "rbac.authorization.k8s.io",
        "ClusterRoleBinding",
        "Role|Age|Users*|Groups*|ServiceAccounts*",
        policy::binding,
    ),
    (
        "rbac.authorization.k8s.io",
        "ClusterRole",
        "Created At:date",
        policy::created_at,
    ),
    (
        "rbac.authorization.k8s.io",
        "RoleBinding",
        "Role|Age|Users*|Groups*|ServiceAccounts*",
        policy::binding,
    ),
    (
        "rbac.authorization.k8s.io",
        "Role",
        "Created At:date",
        policy::created_at,
    ),
    (
        "storage.k8s.io",
        "CSIDriver",
        "AttachRequired:boolean|PodInfoOnMount:boolean|StorageCapacity:boolean|TokenRequests|RequiresRepublish:boolean|Modes|Age",
        storage::driver,
    ),
    ("storage.k8s.io", "CSINode", "Drivers:integer|Age", storage::node),
    (
        "storage.k8s.io",
        "CSIStorageCapacity",
        "Created At:date",
        policy::created_at,
    ),
    (
        "storage.k8s.io",
        "StorageClass",
        "Provisioner|ReclaimPolicy|VolumeBindingMode|AllowVolumeExpansion|Age",
        storage::class,
    ),
    (
        "storage.k8s.io",
        "VolumeAttachment",
        "Attacher|PV|Node|Attached:boolean|Age",
        storage::attachment,
    ),
    (
        "storage.k8s.io",
        "VolumeAttributesClass",
        "DriverName|Age",
        storage::attributes_class,
    ),
    (
        "admissionregistration.k8s.io",
        "MutatingAdmissionPolicy",
        "Mutations:integer|ParamKind|Age",
        policy::mutating_policy,
    ),
    (
        "admissionregistration.k8s.io",
        "MutatingAdmissionPolicyBinding",
        "PolicyName|ParamRef|Age",
        policy::policy_binding,
    ),
    (
        "admissionregistration.k8s.io",
        "MutatingWebhookConfiguration",
        "Webhooks:integer|Age",
        policy::webhooks,
    ),
    (
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicy",
        "Validations:integer|ParamKind|Age",
        policy::validating_policy,
    ),
    (
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicyBinding",
        "PolicyName|ParamRef|Age",
        policy::policy_binding,
    ),
    (
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
        "Webhooks:integer|Age",
        policy::webhooks,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "Created At:date",
        policy::created_at,
    ),
    (
        "scheduling.k8s.io",
        "PriorityClass",
        "Value:integer|Global-Default:boolean|Age|PreemptionPolicy",
        policy::priority_class,
    ),
    ("coordination.k8s.io", "Lease", "Holder|Age", policy::lease),
    ("node.k8s.io", "RuntimeClass", "Handler|Age", policy::runtime_class),
    (
        "discovery.k8s.io",
        "EndpointSlice",
        "AddressType|Ports|Endpoints|Age",
        network::endpoint_slice,
    ),
    ("resource.k8s.io", "ResourceClaim", "State|Age", policy::resource_claim),
    (
        "resource.k8s.io",
        "ResourceSlice",
        "Node|Driver|Pool|Age",
        policy::resource_slice,
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        "FlowSchema",
        "PriorityLevel|MatchingPrecedence|DistinguisherMethod|Age|MissingPL",
        policy::flow_schema,
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        "PriorityLevelConfiguration",
        "Type|NominalConcurrencyShares|Queues|HandSize|QueueLengthLimit|Age",
        policy::priority_level,
    ),
];

const EVENT: &str = "Last Seen|Type|Reason|Object|Subobject*|Source*|Message|First Seen*|Count*|Name*";

/// Returns the columns of a kind, and the function for the cells after the name. The name of an event is its last cell.
pub(super) fn columns(group: &str, kind: &str) -> (Vec<Column>, Cells) {
    if kind == "Event" {
        return (EVENT.split('|').map(column).collect(), policy::event);
    }
    let table = TABLES.iter().find(|table| (table.0, table.1) == (group, kind));
    let (words, cells) = table.map_or(("Age", policy::only_age as Cells), |table| (table.2, table.3));
    let columns = std::iter::once("Name").chain(words.split('|'));
    let mut columns: Vec<Column> = columns.map(column).collect();
    if (group, kind) == ("autoscaling", "Scale") {
        // The name is a plain string there.
        for column in &mut columns {
            column.format.clear();
        }
    }
    (columns, cells)
}

/// Returns the first cell, with the name of an object; `None` for events.
pub(super) fn name(group: &str, kind: &str, object: &Value) -> Option<Value> {
    let name = text(object, "/metadata/name");
    match (group, kind) {
        (_, "Event") => None,
        ("storage.k8s.io", "StorageClass") if storage::is_default_class(object) => {
            Some(json!(format!("{name} (default)")))
        }
        _ => Some(json!(name)),
    }
}

fn column(words: &str) -> Column {
    let (words, priority) = words.strip_suffix('*').map_or((words, 0), |words| (words, 1));
    let (name, kind) = words.split_once(':').unwrap_or((words, "string"));
    Column {
        name: name.into(),
        kind: kind.into(),
        // The attacher of a volume has this format too (`pkg/printers/internalversion`).
        format: if matches!(name, "Name" | "Attacher") {
            "name"
        } else {
            ""
        }
        .into(),
        priority,
        description: String::new(),
    }
}
