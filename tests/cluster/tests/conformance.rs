//! One body, two arms: what the embedded cluster is trusted for is asked of it and of a real control plane, in the same
//! words, and both must answer alike. A difference is a bug of the embedded one.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod conformance {
    pub mod answer;
    pub mod apply;
    pub mod create;
    pub mod custom;
    pub mod delete;
    pub mod ground;
    pub mod kinds;
    pub mod kubectl;
    pub mod patch;
    pub mod review;
    pub mod stored;
    pub mod tables;
    pub mod update;
    pub mod watch;
    pub mod workloads;
}

use conformance::{
    apply, create, custom, delete, ground, kinds, kubectl, patch, review, stored, tables, update, watch, workloads,
};

/// Names each body once and makes two tests of it.
macro_rules! both {
    ($($part:ident: $($body:ident)+;)+) => {
        mod embedded {
            $($(
                #[test]
                fn $body() {
                    crate::ground::embedded(crate::$part::$body);
                }
            )+)+
        }
        mod real {
            $($(
                #[test]
                fn $body() {
                    crate::ground::real(stringify!($body), crate::$part::$body);
                }
            )+)+
        }
    };
}

both! {
    create:
        an_object_is_made_once
        names_are_checked_and_generated
        a_namespace_must_be_there_and_stay
        a_dry_run_leaves_nothing
        what_is_not_served_is_not_found
        secrets_take_text_and_can_be_frozen;
    update:
        an_update_must_know_the_latest
        an_update_that_changes_nothing_is_none
        generations_follow_the_spec
        the_status_is_its_own_resource
        some_fields_never_change;
    apply:
        an_applied_object_is_made_and_owned
        a_conflict_names_field_and_manager
        what_nobody_applies_any_more_goes
        lists_are_merged_by_their_keys
        an_apply_is_checked
        a_strict_apply_refuses_what_no_schema_has
        a_dry_run_of_an_apply_tells_and_leaves_nothing
        updates_own_fields_too;
    patch:
        a_merge_patch_replaces_lists_and_removes_nulls
        a_json_patch_is_done_whole_or_not_at_all
        a_strategic_patch_knows_its_lists
        a_patch_keeps_to_its_object
        a_patch_of_a_wrong_type_is_refused;
    delete:
        a_deletion_asks_for_the_right_object
        finalizers_hold_an_object
        owners_go_last_in_the_foreground
        what_is_owned_goes_later_in_the_background
        orphans_stay
        many_are_deleted_by_their_labels
        a_namespace_takes_its_objects_along;
    watch:
        a_watch_tells_what_happens_in_order
        a_selector_decides_what_is_seen
        a_watch_begins_with_what_is_there
        a_list_comes_in_pages
        metadata_alone_can_be_asked_for;
    custom:
        a_definition_becomes_established_and_serves
        custom_objects_have_a_generation_and_a_status
        custom_objects_are_pruned_defaulted_and_checked
        rules_of_a_custom_kind_have_the_servers_words
        what_is_defined_can_be_discovered;
    kinds:
        every_built_in_kind_is_served
        fields_that_never_change_are_refused
        a_bound_claim_does_not_shrink
        bad_objects_of_built_in_kinds_are_refused
        an_autoscaler_is_served_in_both_versions;
    tables:
        every_kind_has_its_columns
        cells_say_what_a_printer_says
        a_row_has_as_much_of_its_object_as_is_asked_for
        a_scale_is_a_table_too;
    kubectl:
        unknown_fields_are_warned_about
        a_budget_stops_an_eviction
        what_kubectl_applied_itself_is_no_conflict_for_it
        refusals_have_the_servers_words
        a_job_without_labels_has_those_of_its_pods
        open_api_has_the_fields_of_a_kind;
    stored:
        zero_values_are_left_out
        amounts_times_and_bytes_have_one_form
        lists_and_maps_that_are_empty_go
        defaults_are_those_of_the_kind
        values_of_a_wrong_type_are_refused
        what_is_applied_is_owned_by_its_type;
    review:
        an_administrator_may_do_everything;
    workloads:
        a_job_completes
        a_job_fails_when_its_tries_are_used_up
        a_job_takes_too_long
        a_suspended_job_waits
        a_deployment_rolls_out
        a_new_deployment_adopts_what_the_old_one_left
        a_new_stateful_set_adopts_the_pods_of_the_old_one
        a_pod_prints_and_ends;
}
