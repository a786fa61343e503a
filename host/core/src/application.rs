//! The custom resource `Application` (`capstan.dev/v1alpha1`): its types, its definition, and how an object is decoded.
//!
//! * [`spec`]: what is wanted, with [`origin`], [`source`], [`options`] and the texts in [`values`];
//! * [`status`]: what is reported;
//! * [`definition`]: the `CustomResourceDefinition`, generated from these types. Doc comments are its descriptions;
//! * [`window`], with [`schedule`]: when operations may begin;
//! * [`rules`]: what the definition checks with CEL, and what CEL can't check;
//! * [`decode`]: from an object of the API server to these types.

pub mod decode;
pub mod definition;
pub mod options;
pub mod origin;
pub mod rules;
pub mod schedule;
pub mod source;
pub mod spec;
pub mod status;
pub mod values;
pub mod window;

pub use self::{
    decode::{Decoder, InvalidApplication},
    spec::ApplicationSpec,
    status::ApplicationStatus,
};

/// The API group.
pub const GROUP: &str = "capstan.dev";
/// The version of the API of `Application`.
pub const VERSION: &str = "v1alpha1";
/// The kind of the custom resource.
pub const KIND: &str = "Application";
/// The plural of the kind, as in paths of requests.
pub const PLURAL: &str = "applications";

/// The finalizer that keeps an Application until its objects are deleted.
pub const FINALIZER: &str = "capstan.dev/application";
/// The annotation with which a person triggers an operation.
pub const TRIGGER_ANNOTATION: &str = "capstan.dev/trigger";
/// The annotation that names this person.
pub const TRIGGERED_BY_ANNOTATION: &str = "capstan.dev/triggered-by";
/// The annotation that ends a deletion that is stuck: `skip-hooks` or `abandon`.
pub const DELETION_ANNOTATION: &str = "capstan.dev/deletion";

/// An Application that was decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Application {
    /// The name of the Application object.
    pub name: String,
    /// The namespace of the Application object.
    pub namespace: String,
    /// The generation of its spec.
    pub generation: i64,
    /// What is wanted of it.
    pub spec: ApplicationSpec,
}
