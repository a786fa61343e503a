//! The digest of a request: whether a command asks for what an unfinished operation already does.

use serde::Serialize;

use crate::planning::PlanRequest;

impl PlanRequest {
    /// Returns a digest of the request: of every manifest, in any order, and of the options that decide what the operation does.
    /// Timeouts, the number of retries and whether dry runs come first are left out, as a resumed operation keeps its own.
    pub fn digest(&self) -> String {
        let mut manifests: Vec<String> = self
            .manifests
            .iter()
            .map(|manifest| capstan_core::plan::diff::digest(&manifest.object))
            .collect();
        manifests.sort();
        let parts = [
            to_json(&self.application),
            to_json(&(self.operation_kind, self.purpose, self.options.mode)),
            to_json(&manifests),
            to_json(&self.options.selection),
            to_json(&[
                self.options.prune,
                self.options.force_conflicts,
                self.options.create_namespace,
                self.options.adopt,
                self.options.confirmed.all,
            ]),
            to_json(&self.options.sync_options),
            to_json(&self.options.namespace_metadata),
            to_json(&self.options.confirmed.only),
            to_json(&self.options.on_timeout),
            to_json(&self.options.ignore_differences),
            to_json(&self.grants),
            to_json(&self.plugin_settings),
        ];
        capstan_core::model::hook::short_hash(&parts.each_ref().map(String::as_str))
    }
}

/// Returns a value as JSON. All of these types can be written as JSON; a value that can't would differ from every other one.
fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use capstan_core::{
        model::{object::Object, plugins::Application},
        read::manifest::Manifest,
    };
    use serde_json::json;

    use super::*;

    fn request(names: &[&str]) -> PlanRequest {
        let application = Application {
            name: "shop".to_owned(),
            namespace: "apps".to_owned(),
        };
        let manifests = names.iter().map(|name| {
            let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name } });
            Manifest::new(Object(object))
        });
        PlanRequest::sync(application, manifests.collect())
    }

    #[test]
    fn the_order_of_manifests_and_limits_do_not_count() {
        let one = request(&["a", "b"]);
        let mut other = request(&["b", "a"]);
        other.options.limits.operation = std::time::Duration::from_secs(7);
        other.options.dry_run_first = false;
        assert_eq!(one.digest(), other.digest());
    }

    #[test]
    fn manifests_and_what_decides_what_is_done_count() {
        let one = request(&["a"]).digest();
        let with = |change: fn(&mut PlanRequest)| {
            let mut request = request(&["a"]);
            change(&mut request);
            request.digest()
        };
        let others = [
            request(&["b"]).digest(),
            request(&["a", "b"]).digest(),
            with(|request| request.options.prune = true),
            with(|request| request.options.force_conflicts = true),
            with(|request| request.purpose = capstan_core::model::operation_kind::Purpose::Rollback),
            with(|request| request.options.selection.skipped_hooks.push("migrate".to_owned())),
            with(|request| request.application.namespace = "other".to_owned()),
            with(|request| request.options.sync_options.create_namespace = Some(true)),
            with(|request| {
                let settings = serde_json::Map::from_iter([("maxAge".to_owned(), json!("24h"))]);
                request.plugin_settings.0.insert("queue".to_owned(), settings);
            }),
        ];
        for (number, other) in others.iter().enumerate() {
            assert_ne!(one, *other, "{number}");
        }
    }
}
