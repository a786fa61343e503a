//! The yardstick for hooks, the critical path: each object is sent when the one before is seen to be done, by a watch.

use std::path::PathBuf;

use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
    core::{ApiResource, GroupVersionKind},
    runtime::wait::await_condition,
};
use serde_json::Value;

use crate::{
    ground,
    sets::{self, Hooks},
};

/// Where to do it.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(long)]
    kubeconfig: PathBuf,
    #[arg(long)]
    namespace: String,
}

/// Applies a Job, a Deployment and another Job, and waits for each before the next.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let client = ground::client(&args.kubeconfig).await?;
    let (jobs, deployments) = (("batch", "Job"), ("apps", "Deployment"));
    apply(&client, args, jobs, &sets::job("before", Hooks::ArgoCd), is_complete).await?;
    apply(&client, args, deployments, &sets::deployment(), is_rolled_out).await?;
    apply(&client, args, jobs, &sets::job("after", Hooks::ArgoCd), is_complete).await
}

async fn apply(
    client: &Client,
    args: &Args,
    (group, kind): (&str, &str),
    object: &Value,
    is_done: fn(&Value) -> bool,
) -> anyhow::Result<()> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &args.namespace, &resource);
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    api.patch(name, &PatchParams::apply("by-hand"), &Patch::Apply(object))
        .await?;
    let is_done = |seen: Option<&DynamicObject>| seen.is_some_and(|seen| is_done(&seen.data));
    await_condition(api, name, is_done).await?;
    Ok(())
}

fn is_complete(job: &Value) -> bool {
    let conditions = job.pointer("/status/conditions").and_then(Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Complete" && condition["status"] == "True")
}

fn is_rolled_out(deployment: &Value) -> bool {
    deployment.pointer("/status/availableReplicas") == Some(&1.into())
}
