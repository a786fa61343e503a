//! What is in the bodies of webhooks. Everything is optional, because services leave out what they don't know.

use serde::{Deserialize, de::DeserializeOwned};

use super::{Change, Event, MAX_CHANGES, Provider, Push, WebhookError};

/// The longest name of an event that is repeated.
const MAX_EVENT_CHARACTERS: usize = 100;

pub(super) fn read(provider: Provider, event: &str, body: &[u8]) -> Result<Event, WebhookError> {
    let is_push = match (provider, event) {
        (Provider::GitHub, "ping") | (Provider::Bitbucket, "diagnostics:ping") => return Ok(Event::Ping),
        (Provider::GitHub | Provider::Gitea | Provider::Generic, name) => name == "push",
        (Provider::GitLab, name) => matches!(name, "Push Hook" | "Tag Push Hook" | "System Hook"),
        (Provider::Bitbucket, name) => matches!(name, "repo:push" | "repo:refs_changed"),
    };
    if !is_push {
        let shown = event.chars().filter(|letter| !letter.is_control());
        return Ok(Event::Other(shown.take(MAX_EVENT_CHARACTERS).collect()));
    }
    let push = match (provider, event) {
        (Provider::GitHub | Provider::Gitea, _) => parse::<GitHubPush>(body)?.into_push(),
        (Provider::GitLab, _) => {
            let push: GitLabPush = parse(body)?;
            // System hooks are about everything that happens.
            if push
                .object_kind
                .as_deref()
                .is_some_and(|kind| !matches!(kind, "push" | "tag_push"))
            {
                return Ok(Event::Other("System Hook".to_owned()));
            }
            push.into_push()
        }
        (Provider::Bitbucket, "repo:push") => parse::<BitbucketCloudPush>(body)?.into_push(),
        (Provider::Bitbucket, _) => parse::<BitbucketServerPush>(body)?.into_push(),
        (Provider::Generic, _) => parse::<GenericPush>(body)?.into_push(),
    };
    if push.addresses.is_empty() {
        return Err(WebhookError::Body {
            reason: "it names no repository".to_owned(),
        });
    }
    Ok(Event::Push(push))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, WebhookError> {
    serde_json::from_slice(body).map_err(|error| {
        let reason = if body.starts_with(b"payload=") {
            "it is a form; set the content type `application/json` at the service".to_owned()
        } else {
            // The message of the parser could repeat a value.
            let what = if error.is_data() {
                "something has another type than expected"
            } else {
                "it is not JSON"
            };
            format!("{what}, in line {}, column {}", error.line(), error.column())
        };
        WebhookError::Body { reason }
    })
}

fn push(addresses: impl IntoIterator<Item = Option<String>>, changes: impl IntoIterator<Item = Change>) -> Push {
    Push {
        addresses: addresses
            .into_iter()
            .flatten()
            .filter(|address| !address.is_empty())
            .take(MAX_CHANGES)
            .collect(),
        changes: changes.into_iter().take(MAX_CHANGES).collect(),
    }
}

fn change(reference: Option<String>, commit: Option<String>) -> Option<Change> {
    // A deleted reference has an id of zeros.
    let commit = commit.filter(|id| !id.is_empty() && id.bytes().any(|digit| digit != b'0'));
    Some(Change {
        reference: reference?,
        commit,
    })
}

#[derive(Deserialize)]
struct GitHubPush {
    #[serde(rename = "ref")]
    reference: Option<String>,
    after: Option<String>,
    repository: Option<GitHubRepository>,
}

#[derive(Deserialize)]
struct GitHubRepository {
    clone_url: Option<String>,
    ssh_url: Option<String>,
    html_url: Option<String>,
}

impl GitHubPush {
    fn into_push(self) -> Push {
        let addresses = self
            .repository
            .map(|known| [known.clone_url, known.ssh_url, known.html_url]);
        push(addresses.into_iter().flatten(), change(self.reference, self.after))
    }
}

#[derive(Deserialize)]
struct GitLabPush {
    object_kind: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    after: Option<String>,
    project: Option<GitLabProject>,
}

#[derive(Deserialize)]
struct GitLabProject {
    git_http_url: Option<String>,
    git_ssh_url: Option<String>,
    web_url: Option<String>,
}

impl GitLabPush {
    fn into_push(self) -> Push {
        let addresses = self
            .project
            .map(|known| [known.git_http_url, known.git_ssh_url, known.web_url]);
        push(addresses.into_iter().flatten(), change(self.reference, self.after))
    }
}

#[derive(Deserialize)]
struct BitbucketCloudPush {
    push: Option<BitbucketCloudChanges>,
    repository: Option<BitbucketCloudRepository>,
}

#[derive(Deserialize)]
struct BitbucketCloudChanges {
    #[serde(default)]
    changes: Vec<BitbucketCloudChange>,
}

#[derive(Deserialize)]
struct BitbucketCloudChange {
    new: Option<BitbucketCloudReference>,
    old: Option<BitbucketCloudReference>,
}

#[derive(Deserialize)]
struct BitbucketCloudReference {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    target: Option<BitbucketCloudTarget>,
}

#[derive(Deserialize)]
struct BitbucketCloudTarget {
    hash: Option<String>,
}

#[derive(Deserialize)]
struct BitbucketCloudRepository {
    links: Option<BitbucketCloudLinks>,
}

#[derive(Deserialize)]
struct BitbucketCloudLinks {
    html: Option<Link>,
}

#[derive(Deserialize)]
struct Link {
    href: Option<String>,
}

impl BitbucketCloudReference {
    fn full_name(&self) -> Option<String> {
        let folder = if self.kind.as_deref() == Some("tag") {
            "tags"
        } else {
            "heads"
        };
        Some(format!("refs/{folder}/{}", self.name.as_deref()?))
    }
}

impl BitbucketCloudPush {
    fn into_push(self) -> Push {
        let address = self.repository.and_then(|known| known.links?.html?.href);
        let changes = self.push.map(|push| push.changes).unwrap_or_default();
        let changes = changes.into_iter().filter_map(|one| {
            let name = one.new.as_ref().or(one.old.as_ref())?.full_name();
            change(name, one.new.and_then(|new| new.target?.hash))
        });
        push([address], changes)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BitbucketServerPush {
    #[serde(default)]
    changes: Vec<BitbucketServerChange>,
    repository: Option<BitbucketServerRepository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BitbucketServerChange {
    #[serde(rename = "ref")]
    reference: Option<BitbucketServerReference>,
    to_hash: Option<String>,
}

#[derive(Deserialize)]
struct BitbucketServerReference {
    id: Option<String>,
}

#[derive(Deserialize)]
struct BitbucketServerRepository {
    links: Option<BitbucketServerLinks>,
}

#[derive(Deserialize)]
struct BitbucketServerLinks {
    #[serde(default)]
    clone: Vec<Link>,
}

impl BitbucketServerPush {
    fn into_push(self) -> Push {
        let clones = self.repository.and_then(|known| known.links).map(|links| links.clone);
        let addresses = clones.unwrap_or_default().into_iter().map(|link| link.href);
        let changes = self.changes.into_iter();
        push(
            addresses,
            changes.filter_map(|one| change(one.reference?.id, one.to_hash)),
        )
    }
}

#[derive(Deserialize)]
struct GenericPush {
    url: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    commit: Option<String>,
}

impl GenericPush {
    fn into_push(self) -> Push {
        push([self.url], change(self.reference, self.commit))
    }
}
