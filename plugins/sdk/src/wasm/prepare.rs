//! The function that an importer calls once.

use std::marker::PhantomData;

use crate::Prepare;

/// Generated from `wit/prepare.wit`.
#[expect(
    clippy::same_length_and_capacity,
    reason = "generated: how the canonical ABI hands over a list"
)]
pub mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "preparable", pub_export_macro: true });
}

/// Passes the importer's text on.
pub struct Adapter<P>(PhantomData<P>);

impl<P: Prepare> bindings::Guest for Adapter<P> {
    fn prepare(text: String) -> Result<String, String> {
        P::prepare(&text)
    }
}
