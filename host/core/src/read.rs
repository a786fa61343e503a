//! From text to directives: manifests, annotations, sync options, ignored fields.

pub mod directive;
pub mod ignore;
pub mod lint_rules;
pub mod manifest;
pub mod sync_options;
