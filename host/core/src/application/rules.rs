//! The rules that the schema has as CEL expressions, for objects that the API server stored before it had them, and rules that CEL can't
//! express.

use super::{
    ApplicationSpec,
    options::Options,
    origin::{BucketOrigin, GitOrigin, Origin},
    source::Source,
    values::{RelativePath, Timeout},
    window::Window,
};

/// The maximum length of an application's name: it becomes a label, with a suffix.
pub const MAX_NAME_BYTES: usize = 50;

/// The rule for the name, as a CEL expression, and its message.
pub(super) const NAME_RULE: (&str, &str) = (
    "self.metadata.name.size() <= 50 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
    "the name becomes a label: at most 50 characters of a-z, 0-9 and -",
);

/// Returns whether a name can be an application's.
pub fn is_valid_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name.bytes().all(is_allowed)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Collects what a spec violates, each with the path of the value.
pub(super) struct Violations(pub Vec<String>);

impl Violations {
    /// Notes a violation unless a rule holds.
    fn require(&mut self, holds: bool, path: &str, message: &str) {
        if !holds {
            self.0.push(format!("{path}: {message}"));
        }
    }

    /// Checks all rules of a spec.
    pub fn check(&mut self, name: &str, spec: &ApplicationSpec) {
        self.require(is_valid_name(name), "metadata.name", NAME_RULE.1);
        let message = "origin, or sources with charts, is required: it says where the manifests come from";
        self.require(spec.origin.is_some() || !spec.sources.is_empty(), "spec", message);
        if let Some(origin) = &spec.origin {
            self.origin(origin, "spec.origin");
        }
        for (name, origin) in &spec.origins {
            self.origin(origin, &format!("spec.origins[{name}]"));
        }
        for (index, source) in spec.sources.iter().enumerate() {
            self.source(spec, source, &format!("spec.sources[{index}]"));
        }
        let message = "must be between 15s and 168h";
        self.require(spec.interval.get().is_some(), "spec.interval", message);
        self.options(&spec.options);
        self.timeout(Some(&spec.deletion.timeout), "spec.deletion.timeout");
        for (index, window) in spec.sync.windows.iter().enumerate() {
            if let Err(error) = Window::new(window) {
                self.0.push(format!("spec.sync.windows[{index}].{error}"));
            }
        }
    }

    fn origin(&mut self, origin: &Origin, path: &str) {
        let kinds = [origin.git.is_some(), origin.oci.is_some(), origin.bucket.is_some()];
        self.require(
            count(&kinds) == 1,
            path,
            "exactly one of git, oci and bucket is required",
        );
        self.relative(origin.path.as_ref(), &format!("{path}.path"));
        if let Some(git) = &origin.git {
            self.git(git, &format!("{path}.git"));
        }
        if let Some(oci) = &origin.oci {
            let versions = [oci.tag.is_some(), oci.semver.is_some(), oci.digest.is_some()];
            let message = "at most one of tag, semver and digest is allowed";
            self.require(count(&versions) <= 1, &format!("{path}.oci"), message);
        }
        if let Some(BucketOrigin { prefix, .. }) = &origin.bucket {
            self.relative(prefix.as_ref(), &format!("{path}.bucket.prefix"));
        }
    }

    fn git(&mut self, git: &GitOrigin, path: &str) {
        let revisions = [
            git.branch.is_some(),
            git.tag.is_some(),
            git.semver.is_some(),
            git.commit.is_some(),
            git.reference.is_some(),
        ];
        let message = "at most one of branch, tag, semver, commit and ref is allowed";
        self.require(count(&revisions) <= 1, path, message);
    }

    fn source(&mut self, spec: &ApplicationSpec, source: &Source, path: &str) {
        let kinds = [
            source.path.is_some(),
            source.kustomization.is_some(),
            source.chart.is_some(),
        ];
        let message = "exactly one of path, kustomization and chart is required";
        self.require(count(&kinds) == 1, path, message);
        self.relative(source.path.as_ref(), &format!("{path}.path"));
        self.relative(source.kustomization.as_ref(), &format!("{path}.kustomization"));
        for (index, file) in source.value_files.iter().enumerate() {
            self.relative(Some(file), &format!("{path}.valueFiles[{index}]"));
        }
        if let Some(origin) = &source.origin {
            self.known_origin(spec, origin, &format!("{path}.origin"));
        }
        for (index, values) in source.values_from.iter().enumerate() {
            let path = format!("{path}.valuesFrom[{index}]");
            let kinds = [
                values.config_map.is_some(),
                values.secret.is_some(),
                values.origin.is_some(),
            ];
            let message = "exactly one of configMap, secret and origin is required";
            self.require(count(&kinds) == 1, &path, message);
            if let Some(origin) = &values.origin {
                self.known_origin(spec, &origin.0, &format!("{path}.origin"));
            }
        }
    }

    fn known_origin(&mut self, spec: &ApplicationSpec, name: &str, path: &str) {
        let message = format!("`{name}` isn't one of spec.origins");
        self.require(spec.origins.contains_key(name), path, &message);
    }

    fn options(&mut self, options: &Options) {
        let timeouts = [
            ("timeout", &options.timeout),
            ("phaseTimeout", &options.phase_timeout),
            ("waveTimeout", &options.wave_timeout),
            ("retryPause", &options.retry_pause),
            ("retryLongestPause", &options.retry_longest_pause),
        ];
        for (name, timeout) in timeouts {
            self.timeout(timeout.as_ref(), &format!("spec.options.{name}"));
        }
    }

    fn timeout(&mut self, timeout: Option<&Timeout>, path: &str) {
        let holds = timeout.is_none_or(|timeout| timeout.get().is_some());
        self.require(holds, path, "must be longer than 0s");
    }

    fn relative(&mut self, value: Option<&RelativePath>, path: &str) {
        let holds = value.is_none_or(RelativePath::stays_inside);
        self.require(holds, path, "a path must be relative and stay inside its origin");
    }
}

fn count(present: &[bool]) -> usize {
    present.iter().filter(|is_present| **is_present).count()
}
