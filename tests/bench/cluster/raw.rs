//! The yardstick: nothing but server-side-apply requests, sixteen at once, whose answers nobody reads.

use std::path::PathBuf;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use http_body_util::BodyExt as _;
use kube::client::Body;

use crate::{ground, sets};

/// How many requests are under way at once.
const AT_ONCE: usize = 16;

/// What to apply, and where.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(long)]
    kubeconfig: PathBuf,
    #[arg(long)]
    namespace: String,
    /// How many `ConfigMap`s
    #[arg(long)]
    count: usize,
    /// The number of the first
    #[arg(long, default_value_t = 0)]
    first: usize,
}

/// Applies them.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let client = ground::client(&args.kubeconfig).await?;
    let requests = (args.first..args.first + args.count).map(|number| {
        let (client, namespace) = (client.clone(), &args.namespace);
        async move {
            let object = sets::config_map(number);
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let path = format!("/api/v1/namespaces/{namespace}/configmaps/{name}?fieldManager=raw&force=true");
            let request = http::Request::patch(path)
                .header(http::header::CONTENT_TYPE, "application/apply-patch+yaml")
                .header(http::header::ACCEPT, "application/json")
                .body(Body::from(object.to_string().into_bytes()))?;
            let answer = client.send(request).await?;
            let status = answer.status();
            answer.into_body().collect().await?;
            anyhow::ensure!(status.is_success(), "the server answered {status}");
            Ok::<(), anyhow::Error>(())
        }
    });
    stream::iter(requests).buffer_unordered(AT_ONCE).try_collect().await
}
