//! Tables for `kubectl get`: the columns and cells of the API server's printers (`pkg/printers/internalversion/printers.go`;
//! `additionalPrinterColumns` for custom kinds).
//!
//! * `built_in.rs`: the columns of each built-in kind; `workloads.rs`, `pod.rs`, `network.rs`, `storage.rs`, `policy.rs`: their cells;
//! * `custom.rs`, `json_path.rs`: columns that a definition names;
//! * `text.rs`: how durations, selectors and lists are written.

mod built_in;
pub(crate) mod custom;
mod json_path;
mod network;
mod pod;
mod policy;
mod storage;
mod text;
mod workloads;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    kinds::{Resource, Version},
    status::StatusError,
};

/// The definition of one column of a `meta.k8s.io/v1` Table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub name: String,
    /// A type of OpenAPI, such as `integer`.
    pub kind: String,
    /// A format of OpenAPI; `name` for the name of the object.
    pub format: String,
    /// `kubectl get` only shows columns of priority 0, `kubectl get -o wide` shows all.
    pub priority: i64,
    pub description: String,
}

/// What a row has of its object besides the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Include {
    Metadata,
    Object,
    None,
}

impl Include {
    /// Reads the parameter `includeObject`.
    pub fn parse(text: &str) -> Result<Include, StatusError> {
        match text {
            "" | "Metadata" => Ok(Include::Metadata),
            "Object" => Ok(Include::Object),
            "None" => Ok(Include::None),
            other => Err(StatusError::bad_request(format!(
                "unrecognized includeObject value: \"{other}\""
            ))),
        }
    }
}

/// A printer for the objects of one request.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    cells: Cells,
    include: Include,
}

#[derive(Clone, Debug)]
enum Cells {
    BuiltIn {
        group: String,
        kind: String,
        cells: built_in::Cells,
    },
    Custom(Vec<custom::Cell>),
}

/// Says whether a request prefers a table.
pub(crate) fn is_wanted(accept: &str) -> bool {
    let first = accept.split(',').next().unwrap_or_default();
    first.contains("as=Table") && first.contains("application/json")
}

impl Table {
    /// Returns the printer for the objects of a kind.
    pub fn new(resource: &Resource, version: &Version, include: Include) -> Table {
        if !resource.is_custom {
            return Table::built_in(&resource.group, &resource.kind, include);
        }
        let (columns, cells) = custom::columns(&version.columns);
        Table {
            columns,
            cells: Cells::Custom(cells),
            include,
        }
    }

    /// Returns the printer for `Scale` objects.
    pub fn of_scales(include: Include) -> Table {
        Table::built_in("autoscaling", "Scale", include)
    }

    fn built_in(group: &str, kind: &str, include: Include) -> Table {
        let (columns, cells) = built_in::columns(group, kind);
        let (group, kind) = (group.to_owned(), kind.to_owned());
        Table {
            columns,
            cells: Cells::BuiltIn { group, kind, cells },
            include,
        }
    }

    /// Returns objects as a table.
    pub fn print(&self, objects: &[&Value], metadata: Value, now: Timestamp) -> Value {
        let definitions: Vec<Value> = self
            .columns
            .iter()
            .map(|column| {
                json!({
                    "name": column.name, "type": column.kind, "format": column.format,
                    "description": column.description, "priority": column.priority,
                })
            })
            .collect();
        let rows: Vec<Value> = objects.iter().map(|object| self.row(object, now)).collect();
        let mut metadata = metadata;
        if metadata["resourceVersion"].is_null()
            && let Some(object) = objects.first()
        {
            metadata["resourceVersion"] = object["metadata"]["resourceVersion"].clone();
        }
        json!({
            "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": definitions,
            "rows": rows,
        })
    }

    fn row(&self, object: &Value, now: Timestamp) -> Value {
        let cells = match &self.cells {
            Cells::BuiltIn { group, kind, cells } => {
                let name = built_in::name(group, kind, object);
                name.into_iter().chain(cells(object, now)).collect()
            }
            Cells::Custom(cells) => {
                let name = object["metadata"]["name"].clone();
                let others = cells.iter().map(|cell| cell.of(object, now));
                std::iter::once(name).chain(others).collect::<Vec<Value>>()
            }
        };
        let included = match self.include {
            Include::Object => object.clone(),
            Include::None => Value::Null,
            Include::Metadata => json!({
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": object["metadata"],
            }),
        };
        json!({ "cells": cells, "object": included })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;

    /// Clients take cells by the place of their column.
    #[test]
    fn every_row_has_a_cell_for_each_column() {
        let kinds = kinds::built_in();
        let now = Timestamp::from_second(1_000_000).unwrap();
        let odd = json!({ "metadata": [], "spec": 7, "status": { "conditions": "x", "containerStatuses": [1, {}] } });
        for resource in kinds.values() {
            let table = Table::new(resource, &resource.versions[0], Include::Metadata);
            for object in [&json!({}), &odd] {
                let printed = table.print(&[object], json!({}), now);
                let columns = printed["columnDefinitions"].as_array().unwrap().len();
                let cells = printed["rows"][0]["cells"].as_array().unwrap();
                assert_eq!(cells.len(), columns, "{}/{}", resource.group, resource.kind);
            }
        }
    }
}
