//! The interface `delete-policy`.

use std::marker::PhantomData;

use bindings::exports::capstan::plugin::delete_policy;

use super::{failure, health::bindings::capstan::plugin::types, millis64, propagation};
use crate::{DeletePolicy, Disposal, call};

/// Generated from `wit/`.
#[expect(
    clippy::same_length_and_capacity,
    reason = "generated: how the canonical ABI hands over a list"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "delete-policy-plugin",
        pub_export_macro: true,
        with: {
            "capstan:plugin/types@0.1.0": crate::wasm::health::bindings::capstan::plugin::types,
            "capstan:plugin/host@0.1.0": crate::wasm::health::bindings::capstan::plugin::host,
        },
    });
}

/// Answers the contract's question by asking the plugin.
pub struct Adapter<P>(PhantomData<P>);

impl<P: DeletePolicy> delete_policy::Guest for Adapter<P> {
    fn decide(claim: String, input: String) -> Result<delete_policy::Disposal, types::Failure> {
        call::decide::<P>(&claim, &input).map(disposal).map_err(failure)
    }
}

fn disposal(disposal: Disposal) -> delete_policy::Disposal {
    match disposal {
        Disposal::Keep => delete_policy::Disposal::Keep,
        Disposal::Delete(how) => delete_policy::Disposal::Delete(propagation(how)),
        Disposal::DeleteAt(moment) => delete_policy::Disposal::DeleteAt(millis64(moment)),
        Disposal::AskAgainAt(moment) => delete_policy::Disposal::AskAgainAt(millis64(moment)),
    }
}
