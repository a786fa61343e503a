//! Who asks, and what they may do.

use axum::{
    Extension,
    extract::{Query, State},
    response::Response,
};
use capstan_api::{Me, Verb};
use http::HeaderMap;
use serde::Deserialize;

use super::Named;
use crate::{Server, User, answer::json, failure::Failure};

#[derive(Deserialize)]
pub(super) struct Which {
    /// `NS/NAME`.
    application: Option<String>,
}

pub(super) async fn me(
    State(server): State<Server>,
    Extension(user): Extension<User>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let application = match which.application {
        None => None,
        Some(words) => {
            let (namespace, name) = words.split_once('/').unwrap_or_default();
            let named = Named {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                id: String::new(),
            };
            Some(named.application()?)
        }
    };
    let setup = &server.setup;
    let missing = setup.access.missing(&user, application.as_ref(), &Verb::ALL).await?;
    json(
        &headers,
        &Me {
            name: user.name,
            version: setup.version.clone(),
            clusters: vec![setup.cluster.clone()],
            namespace: setup.namespace.clone(),
            now: setup.engine.clock().now(),
            is_read_only: setup.is_read_only,
            missing,
        },
    )
}
