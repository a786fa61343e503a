//! The live objects of an application.

use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};
use capstan_api::{ObjectRow, Verb, application::HealthSummary};
use capstan_core::model::health::Health;
use http::HeaderMap;

use super::Named;
use crate::{Server, User, answer::json_with_tag, failure::Failure};

pub(super) async fn list(
    State(server): State<Server>,
    Extension(user): Extension<User>,
    Path(named): Path<Named>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let application = server.permitted(&user, &named, Verb::Objects).await?;
    let setup = &server.setup;
    let assessed = setup.engine.health(&application, None, &setup.plugin_settings).await?;
    let rows: Vec<ObjectRow> = assessed
        .into_iter()
        .map(|one| ObjectRow {
            key: one.object,
            health: one.assessment.health,
            message: one.assessment.message,
            rule: one.assessment.rule,
            by: one.plugin.map(|by| by.to_string()).unwrap_or_default(),
        })
        .collect();
    let is_well = |health: Health| matches!(health, Health::Healthy | Health::Suspended);
    let worst = rows.iter().map(|row| row.health).max().unwrap_or(Health::Healthy);
    let first = rows.iter().find(|row| row.health == worst && !is_well(worst));
    server.list.saw_health(
        &application,
        HealthSummary {
            worst,
            object: first.map(|row| row.key.clone()),
            message: first.map(|row| row.message.clone()).unwrap_or_default(),
            healthy: rows.iter().filter(|row| is_well(row.health)).count(),
            total: rows.len(),
            at: setup.engine.clock().now(),
        },
    );
    json_with_tag(&headers, &rows)
}
