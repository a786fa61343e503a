//! A question as the contract asks it, in JSON text and bytes: read the input, ask the plugin, write its state.
//! The generated bindings and the test kit both go through here, so that a native test sees what the host would.

use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    Assessment, DeletePolicy, Disposal, Failure, Health, HookInput, HookType, Placement, PolicyInput, Seen, Step,
};

/// Reads an input of the host.
fn read<'a, T: Deserialize<'a>>(input: &'a str) -> Result<T, Failure> {
    serde_json::from_str(input).map_err(|error| Failure::failed(format!("failed to read the host's input: {error}")))
}

/// Asks how an object is.
pub fn assess<P: Health>(claim: &str, input: &str) -> Result<Assessment, Failure> {
    P::assess(claim, &read(input)?)
}

/// Asks where a manifest goes.
pub fn place<P: HookType>(claim: &str, input: &str) -> Result<Placement, Failure> {
    P::place(claim, &read(input)?)
}

/// Begins a run. Returns the step and the state to store.
pub fn start<P: HookType>(claim: &str, input: &str) -> Result<(Step, Vec<u8>), Failure> {
    let mut state = P::State::default();
    let step = P::start(claim, &read(input)?, &mut state)?;
    Ok((step, pack::<P>(&state)?))
}

/// Goes on with a run.
pub fn advance<P: HookType>(claim: &str, input: &str, state: &[u8]) -> Result<(Step, Vec<u8>), Failure> {
    let mut state = unpack::<P::State>(state)?;
    let mut input: HookInput<'_> = read(input)?;
    let seen: Seen<'_> = input
        .observation
        .take()
        .ok_or_else(|| Failure::failed("the host passed no observation"))?;
    let step = P::advance(claim, &input, &seen, &mut state)?;
    Ok((step, pack::<P>(&state)?))
}

/// Stops a run.
pub fn abort<P: HookType>(claim: &str, input: &str, state: &[u8]) -> Result<(Step, Vec<u8>), Failure> {
    let mut state = unpack::<P::State>(state)?;
    let step = P::abort(claim, &read(input)?, &mut state)?;
    Ok((step, pack::<P>(&state)?))
}

/// Asks what becomes of a hook's object.
pub fn decide<P: DeletePolicy>(claim: &str, input: &str) -> Result<Disposal, Failure> {
    P::decide(claim, &read::<PolicyInput<'_>>(input)?)
}

fn pack<P: HookType>(state: &P::State) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(state).map_err(|error| Failure::failed(format!("failed to write the state: {error}")))
}

/// Reads a stored state. A plugin may have been updated between two steps: then its new version must cope or say no.
fn unpack<T: DeserializeOwned + Default>(state: &[u8]) -> Result<T, Failure> {
    if state.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(state).map_err(|error| Failure::failed(format!("failed to read the stored state: {error}")))
}
