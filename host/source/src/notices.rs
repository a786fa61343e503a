//! Reads manifests from texts, and collects notices about how they were read: one line for each kind of notice.

use capstan_core::{
    model::{
        error::Diagnostic,
        remedy::{Notice, Setting},
        text::join_names,
    },
    read::manifest::{self, Manifest, RemovedFields},
};

use super::Rendered;

/// Says whether an object is an Argo CD Application.
pub fn is_argocd_application(manifest: &Manifest) -> bool {
    manifest.object.group() == "argoproj.io" && manifest.object.kind() == "Application"
}

/// Notices about how sources were read.
#[derive(Debug, Default)]
pub(super) struct Notices {
    notices: Vec<Notice>,
    left_out: Vec<RemovedFields>,
    repeated_keys: Vec<Diagnostic>,
}

impl Notices {
    /// Reads the manifests of rendered texts.
    ///
    /// # Errors
    ///
    /// Returns the mistakes of all texts.
    pub fn decode(
        &mut self,
        rendered: Rendered,
        last_key_counts: bool,
        is_applied: bool,
    ) -> Result<Vec<Manifest>, Vec<Diagnostic>> {
        let (mut manifests, mut mistakes) = (Vec::new(), Vec::new());
        for text in rendered.texts {
            let text = manifest::ManifestText {
                file: &text.name,
                text: &text.text,
                shows_lines: !text.is_outside,
                last_key_counts,
                is_applied,
            };
            match manifest::read(&text) {
                Ok(decoded) => {
                    manifests.extend(decoded.manifests);
                    self.left_out.extend(decoded.left_out);
                    self.repeated_keys.extend(decoded.repeated_keys);
                }
                Err(wrong) => mistakes.extend(wrong),
            }
        }
        self.notices.extend(rendered.notices.into_iter().map(Notice::from));
        for application in manifests.iter().filter(|manifest| is_argocd_application(manifest)) {
            let place = application
                .place("")
                .map(|place| format!(" ({place})"))
                .unwrap_or_default();
            let text = format!("{}{place} is applied like any other object", application.key());
            self.notices.push(Notice::new(text, Setting::ArgoCdApplication));
        }
        if mistakes.is_empty() {
            Ok(manifests)
        } else {
            Err(mistakes)
        }
    }

    /// Returns the notices as lines.
    pub fn notices(self) -> Vec<Notice> {
        let mut notices = self.notices;
        if let Some(first) = self.left_out.first() {
            let place = first
                .place
                .as_ref()
                .map(|place| format!(" ({place})"))
                .unwrap_or_default();
            let (others, were) = match self.left_out.len() {
                1 => (String::new(), "was"),
                2 => (" and 1 other object".to_owned(), "were"),
                count => (format!(" and {} other objects", count - 1), "were"),
            };
            let mut names: Vec<String> = Vec::new();
            for name in self.left_out.iter().flat_map(|one| &one.names) {
                let name = format!("`{name}`");
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            notices.push(
                format!(
                    "{}{place}{others} {were} exported from a cluster; fields that the cluster set are left out: {}",
                    first.key,
                    join_names(&names)
                )
                .into(),
            );
        }
        if let Some(first) = self.repeated_keys.first() {
            let place = first
                .place
                .as_ref()
                .map(|place| format!("{place}: "))
                .unwrap_or_default();
            let others = match self.repeated_keys.len() {
                1 => String::new(),
                2 => ", and so is 1 other key".to_owned(),
                count => format!(", and so are {} other keys", count - 1),
            };
            notices.push(format!("{place}{}{others}: the last one counts", first.message).into());
        }
        notices
    }
}
