use kube::core::Status;

use super::*;

fn of(code: u16, message: &str) -> ClusterError {
    kube::Error::Api(Status::failure(message, "").with_code(code).boxed()).into()
}

#[test]
fn a_500_about_the_object_is_the_objects_mistake() {
    for message in [
        "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.template.spec.containers[name=\"main\"].env: \
             duplicate entries for key [name=\"PATH_A\"]",
        "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.replicas: expected numeric (int or float), \
             got string",
        "failed to create typed live object: .spec.template.spec.containers[name=\"main\"].env: duplicate entries for key [name=\"A\"]",
        ".spec.ports: element 0: associative list with keys has an element that omits key field \"protocol\"",
        "unable to convert unstructured object to apps/v1, Kind=Deployment: cannot convert int64 to string",
        "map: map[value:1] does not contain declared merge key: name",
    ] {
        let error = of(500, message);
        assert!(matches!(error, ClusterError::Invalid(_)), "{error:?}");
        assert!(!error.is_temporary() && !error.is_outage(), "{error:?}");
    }
}

#[test]
fn a_500_of_the_server_itself_is_temporary() {
    for message in [
        "etcdserver: request timed out",
        "etcdserver: leader changed",
        "context deadline exceeded",
        "Internal error occurred: failed calling webhook \"w\": failed to call webhook: failed to create typed patch object",
        "failed to convert new object (shop/w; acme.io/v1, Kind=Widget): conversion webhook for acme.io/v2 failed: connection refused",
        "Internal error occurred",
        "",
    ] {
        assert!(of(500, message).is_temporary(), "{message}");
    }
    // A webhook that isn't there is no outage of the server.
    assert!(!of(500, "Internal error occurred: failed calling webhook \"w\": refused").is_outage());
}

#[test]
fn fields_that_never_change_are_known_by_all_the_words_of_servers() {
    for message in [
        "Secret \"s\" is invalid: type: Invalid value: \"x\": field is immutable",
        "ConfigMap \"c\" is invalid: data: Forbidden: field is immutable when `immutable` is set",
        "PriorityClass.scheduling.k8s.io \"high\" is invalid: value: Forbidden: may not be changed in an update.",
        "StorageClass.storage.k8s.io \"fast\" is invalid: reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.",
        "Service \"s\" is invalid: spec.clusterIPs[0]: Invalid value: [\"None\"]: may not change once set",
        "PersistentVolumeClaim \"p\" is invalid: spec.resources.requests.storage: Forbidden: field can not be less than status.capacity",
        "PersistentVolumeClaim \"p\" is invalid: spec.resources.requests.storage: Forbidden: field can not be less than previous value",
        "Widget.acme.io \"w\" is invalid: spec.size: Invalid value: \"integer\": size is immutable",
    ] {
        assert!(matches!(of(422, message), ClusterError::Immutable(_)), "{message}");
    }
    for message in [
        "Service \"is immutable\" is invalid: spec.ports: Required value",
        "Deployment.apps \"d\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0",
    ] {
        assert!(matches!(of(422, message), ClusterError::Invalid(_)), "{message}");
    }
}

#[test]
fn a_claim_that_is_created_anew_may_lose_its_data_which_is_said() {
    let message = "PersistentVolumeClaim \"p\" is invalid: spec: Forbidden: spec is immutable after creation";
    assert!(
        of(422, message)
            .to_string()
            .contains("its volume may be deleted with it")
    );
    assert!(
        !of(422, "Secret \"p\" is invalid: type: field is immutable")
            .to_string()
            .contains("volume")
    );
}

#[test]
fn a_conflict_over_replicas_names_the_way_of_who_scales() {
    let conflict = |field: &str, manager: &str| {
        let (field, manager) = (field.to_owned(), manager.to_owned());
        ClusterError::FieldConflicts(vec![FieldConflict { manager, field }]).to_string()
    };
    let by_scale = "\"kube-controller-manager\" with subresource \"scale\" using apps/v1";
    assert!(conflict(".spec.replicas", by_scale).contains("HorizontalPodAutoscaler"));
    assert!(!conflict(".spec.replicas", "\"kubectl-edit\" using apps/v1").contains("HorizontalPodAutoscaler"));
    assert!(!conflict(".spec.paused", by_scale).contains("HorizontalPodAutoscaler"));
}
