//! Fetches the files of one commit.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use gix_hash::ObjectId;

use crate::{
    access::{Access, Credentials},
    commit::{ParsedCommit, parse_commit, parse_tag, signed_commit, signed_tag},
    error::{GitError, Stage, nearest},
    http::{Http, Progress, Session},
    object,
    pack::{Objects, PackError},
    path::RepositoryPath,
    protocol::{Server, Wanted},
    revision::{Kind, Revision, VersionRange, short},
    signature::{SignaturePolicy, Signer, VerifyError},
    snapshot::Snapshot,
    url::RepositoryUrl,
    walk::Walk,
};

/// The longest chain of tags of tags.
const MAX_TAGS: usize = 8;
/// How often files are requested for one commit: more than once if symbolic links lead to further ones.
const MAX_ROUNDS: usize = 16;

/// Fetches repositories. One client is used for all that share an [`Access`], so that they share connections.
#[derive(Debug)]
pub struct GitClient {
    http: Http,
}

/// What is fetched.
#[derive(Debug, Clone)]
pub struct FetchRequest {
    /// The URL of the repository.
    pub url: RepositoryUrl,
    /// The branch, tag, reference, range of versions or commit to fetch.
    pub revision: Revision,
    /// Files and folders; at least one. The root of the repository is the path `.`.
    pub paths: Vec<RepositoryPath>,
    /// As whom; without credentials if `None`.
    pub credentials: Option<Credentials>,
    /// What has to be signed; nothing if `None`.
    pub verify: Option<SignaturePolicy>,
}

/// The result of a fetch.
#[derive(Debug, Clone)]
pub enum Fetched {
    /// The revision is the same commit as in the fetch before.
    Unchanged,
    /// There was no fetch before, or the revision is another commit.
    Changed(Box<Snapshot>),
}

/// What a fetch has found out, for the next one with the same request. It has no credentials, and must only be used with the same ones.
#[derive(Clone, PartialEq, Eq)]
pub struct Known {
    url: RepositoryUrl,
    revision: Revision,
    paths: Vec<RepositoryPath>,
    verify: Option<SignaturePolicy>,
    server: Server,
    reference: Option<String>,
    id: ObjectId,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} is {}", self.revision, self.url, self.id)
    }
}

impl Known {
    fn is_of(&self, request: &FetchRequest) -> bool {
        self.url == request.url
            && self.revision == request.revision
            && self.paths == request.paths
            && self.verify == request.verify
    }
}

impl GitClient {
    /// Makes a client. No connection is opened yet.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the certificates.
    pub fn new(access: Access) -> Result<GitClient, GitError> {
        Ok(GitClient {
            http: Http::new(access)?,
        })
    }

    /// Fetches the files of one commit below the named paths. With `known`, the result of an earlier fetch of the same request, one request
    /// is enough to find out that nothing has changed; none for a commit by its id.
    ///
    /// The future can be dropped at any time: connections are closed, and nothing was written anywhere.
    ///
    /// # Errors
    ///
    /// Returns why the files can't be fetched, at the latest at the deadline.
    pub async fn fetch(&self, request: &FetchRequest, known: Option<&Known>) -> Result<Fetched, GitError> {
        let progress = Progress::default();
        let session = Session {
            http: &self.http,
            url: &request.url,
            credentials: request.credentials.as_ref(),
            progress: &progress,
        };
        let known = known.filter(|known| known.is_of(request));
        let limit = self.http.access().limits.deadline;
        let fetch = Fetch {
            session: &session,
            request,
        };
        match tokio::time::timeout(limit, fetch.run(known)).await {
            Ok(result) => result,
            Err(_) => Err(GitError::Deadline {
                url: request.url.to_string(),
                limit,
                stage: progress.stage(),
                received: progress.received(),
            }),
        }
    }
}

/// One fetch under way.
struct Fetch<'a> {
    session: &'a Session<'a>,
    request: &'a FetchRequest,
}

/// What the server says of the revision.
struct Resolved {
    /// The whole name of the reference; `None` for a commit.
    reference: Option<String>,
    /// A commit or an annotated tag.
    id: ObjectId,
}

/// The commit that the revision leads to.
struct Peeled {
    id: ObjectId,
    parsed: ParsedCommit,
    signed_by: Vec<Signer>,
}

impl Fetch<'_> {
    async fn run(&self, known: Option<&Known>) -> Result<Fetched, GitError> {
        self.session.http.access().check(self.request.url.url())?;
        let (server, resolved) = match known {
            Some(_) if matches!(self.request.revision.0, Kind::Commit(_)) => return Ok(Fetched::Unchanged),
            Some(known) => match self.resolve(&known.server).await {
                Ok(resolved) => (known.server.clone(), resolved),
                Err(error) if is_of_another_server(&error) => self.discover().await?,
                Err(error) => return Err(error),
            },
            None => self.discover().await?,
        };
        if known.is_some_and(|known| known.id == resolved.id && known.reference == resolved.reference) {
            return Ok(Fetched::Unchanged);
        }
        let snapshot = self.snapshot(server, resolved).await?;
        Ok(Fetched::Changed(Box::new(snapshot)))
    }

    async fn discover(&self) -> Result<(Server, Resolved), GitError> {
        let server = Server::discover(self.session).await?;
        let resolved = self.resolve(&server).await?;
        Ok((server, resolved))
    }

    async fn resolve(&self, server: &Server) -> Result<Resolved, GitError> {
        let name = match &self.request.revision.0 {
            Kind::Commit(id) => {
                return Ok(Resolved {
                    reference: None,
                    id: *id,
                });
            }
            Kind::Versions(range) => return self.resolve_version(server, range).await,
            _ => self.request.revision.full_name().unwrap_or_default(),
        };
        let references = server.references(self.session, &name).await?;
        if let Some(reference) = references.into_iter().find(|reference| reference.name == name) {
            return Ok(Resolved {
                reference: Some(name),
                id: reference.id,
            });
        }
        let namespace = self.request.revision.namespace().unwrap_or("refs/heads/");
        let names = match server.references(self.session, namespace).await {
            Ok(references) => references,
            // There are too many to look for the nearest one.
            Err(GitError::Limit { .. }) => return Err(self.unknown_revision(Vec::new(), 0)),
            Err(error) => return Err(error),
        };
        if names.is_empty() && namespace == "refs/heads/" {
            return Err(GitError::Empty {
                url: self.request.url.to_string(),
            });
        }
        let count = names.len();
        let valid = names
            .into_iter()
            .filter(|reference| gix_validate::reference::name(reference.name.as_str().into()).is_ok());
        // The whole name of a reference is what its user wrote.
        let shown = if namespace == "refs/" { "" } else { namespace };
        let names = valid.filter_map(|reference| reference.name.strip_prefix(shown).map(str::to_owned));
        let wanted = name.strip_prefix(shown).unwrap_or(&name);
        Err(self.unknown_revision(nearest(wanted, names.collect()), count))
    }

    async fn resolve_version(&self, server: &Server, range: &VersionRange) -> Result<Resolved, GitError> {
        const TAGS: &str = "refs/tags/";
        let references = server.references(self.session, TAGS).await?;
        let tags = references
            .iter()
            .filter_map(|reference| reference.name.strip_prefix(TAGS));
        let Some(tag) = range.highest(tags) else {
            return Err(self.unknown_revision(Vec::new(), references.len()));
        };
        let name = format!("{TAGS}{tag}");
        match references.iter().find(|reference| reference.name == name) {
            Some(reference) => Ok(Resolved {
                reference: Some(name),
                id: reference.id,
            }),
            None => Err(self.unknown_revision(Vec::new(), references.len())),
        }
    }

    fn unknown_revision(&self, near: Vec<String>, count: usize) -> GitError {
        GitError::UnknownRevision {
            url: self.request.url.to_string(),
            revision: self.request.revision.to_string(),
            near,
            count,
        }
    }

    async fn snapshot(&self, server: Server, resolved: Resolved) -> Result<Snapshot, GitError> {
        let Resolved { reference, id } = resolved;
        let wants_all = self.request.paths.iter().any(|path| path.as_str().is_empty());
        let wanted = if server.can_filter && !wants_all {
            Wanted::CommitWithoutFiles
        } else {
            Wanted::Commit
        };
        let pack = match server.pack(self.session, wanted, &[id], 0).await {
            Err(GitError::Remote { message, .. })
                if matches!(self.request.revision.0, Kind::Commit(_)) && message.contains("not our ref") =>
            {
                return Err(self.unknown_revision(Vec::new(), 0));
            }
            result => result?,
        };
        let mut bytes = pack.len() as u64;
        let mut objects = self.unpack(Objects::default(), pack).await?;
        // Before anything else of the commit is read.
        let Peeled {
            id: commit,
            parsed,
            signed_by,
        } = self.peel(&objects, id, reference.as_deref())?;
        let mut walk = Walk::new(self.session, commit, parsed.tree, &self.request.paths);
        let mut requested = BTreeSet::new();
        for round in 0.. {
            let missing = walk.advance(&objects)?;
            if missing.is_empty() {
                break;
            }
            if round == MAX_ROUNDS || missing.iter().any(|id| !requested.insert(*id)) {
                let reason = format!("{} requested objects are missing in it", missing.len());
                return Err(self.session.malformed("a pack", reason));
            }
            let pack = server.pack(self.session, Wanted::Objects, &missing, bytes).await?;
            bytes += pack.len() as u64;
            objects = self.unpack(objects, pack).await?;
        }
        let (files, skipped) = walk.finish(&objects)?;
        Ok(Snapshot {
            commit: parsed.commit,
            reference: reference.clone(),
            files,
            skipped,
            signed_by,
            known: Known {
                url: self.request.url.clone(),
                revision: self.request.revision.clone(),
                paths: self.request.paths.clone(),
                verify: self.request.verify.clone(),
                server,
                reference,
                id,
            },
        })
    }

    /// Unpacks on a thread where that may take its time. The thread ends soon after the future is dropped.
    async fn unpack(&self, mut objects: Objects, pack: Vec<u8>) -> Result<Objects, GitError> {
        self.session.progress.begin(Stage::Unpacking);
        let limits = self.session.http.access().limits.clone();
        let cancelled = Arc::new(AtomicBool::new(false));
        let _guard = CancelOnDrop(Arc::clone(&cancelled));
        let unpacked = tokio::task::spawn_blocking(move || objects.add(&pack, &limits, &cancelled).map(|()| objects));
        match unpacked.await {
            Ok(Ok(objects)) => Ok(objects),
            Ok(Err(PackError::Limit(bound))) => Err(self.session.limit_error(bound)),
            Ok(Err(PackError::Corrupt(reason))) => Err(self.session.malformed("a pack", reason)),
            Ok(Err(PackError::Cancelled)) | Err(_) => Err(self.session.malformed("a pack", "unpacking it ended early")),
        }
    }

    /// Follows annotated tags to their commit, and verifies what has to be signed.
    fn peel(&self, objects: &Objects, id: ObjectId, reference: Option<&str>) -> Result<Peeled, GitError> {
        let mut at = id;
        let mut signed_by = Vec::new();
        for depth in 0..=MAX_TAGS {
            let Some(object) = objects.get(&at) else {
                return Err(self.session.malformed("a pack", format!("{at} is missing in it")));
            };
            match object.kind {
                object::Kind::Commit => {
                    let parsed = parse_commit(&at, &object.data);
                    let parsed = parsed.map_err(|reason| self.session.malformed("a commit", reason))?;
                    if depth == 0 {
                        self.verify_no_tag(&at)?;
                    }
                    if self
                        .request
                        .verify
                        .as_ref()
                        .is_some_and(|policy| policy.of.has_commit())
                    {
                        let what = format!("commit {}", short(&at));
                        let signed = signed_commit(&object.data).map_err(VerifyError::Ambiguous);
                        signed_by.extend(self.verify(&what, signed)?);
                    }
                    return Ok(Peeled {
                        id: at,
                        parsed,
                        signed_by,
                    });
                }
                object::Kind::Tag => {
                    if matches!(self.request.revision.0, Kind::Commit(_)) {
                        return Err(self.wrong_revision("is an annotated tag"));
                    }
                    let tag = parse_tag(&object.data).map_err(|reason| self.session.malformed("a tag", reason))?;
                    if depth == 0 && self.request.verify.as_ref().is_some_and(|policy| policy.of.has_tag()) {
                        let what = format!("tag `{}` {}", tag.name.escape_debug(), short(&at));
                        signed_by.extend(self.verify(&what, Ok(signed_tag(&object.data)))?);
                        self.verify_tag_name(&what, &tag.name, reference)?;
                    }
                    if !matches!(tag.target_kind, object::Kind::Commit | object::Kind::Tag) {
                        return Err(self.wrong_revision(&format!("is a tag of a {}, not of a commit", tag.target_kind)));
                    }
                    at = tag.target;
                }
                other => return Err(self.wrong_revision(&format!("is a {other}, not a commit"))),
            }
        }
        Err(self.wrong_revision(&format!("is a tag of more than {MAX_TAGS} tags")))
    }

    fn verify(
        &self,
        what: &str,
        signed: Result<Option<crate::commit::Signed>, VerifyError>,
    ) -> Result<Option<Signer>, GitError> {
        let Some(policy) = &self.request.verify else {
            return Ok(None);
        };
        let verified = signed.and_then(|signed| policy.keys.verify(signed.as_ref(), jiff::Timestamp::now()));
        match verified {
            Ok(signer) => Ok(Some(signer)),
            Err(error) => Err(self.signature_error(what, error)),
        }
    }

    /// Refuses a commit where a tag has to be signed.
    fn verify_no_tag(&self, commit: &ObjectId) -> Result<(), GitError> {
        if self.request.verify.as_ref().is_some_and(|policy| policy.of.has_tag()) {
            let what = format!("{} (commit {})", self.request.revision, short(commit));
            return Err(self.signature_error(&what, VerifyError::NoTag));
        }
        Ok(())
    }

    /// A signed tag must have the name of the reference that leads to it: a reference can be made to lead to the signed tag of another version.
    fn verify_tag_name(&self, what: &str, name: &str, reference: Option<&str>) -> Result<(), GitError> {
        let requested = reference.unwrap_or_default().to_owned();
        if requested != format!("refs/tags/{name}") {
            return Err(self.signature_error(what, VerifyError::OtherTag(requested)));
        }
        Ok(())
    }

    fn signature_error(&self, what: &str, error: VerifyError) -> GitError {
        let expected = self.request.verify.as_ref().map(|policy| policy.keys.descriptions());
        GitError::Signature {
            url: self.request.url.to_string(),
            error: error.about(what, expected.unwrap_or_default()),
        }
    }

    fn wrong_revision(&self, reason: &str) -> GitError {
        GitError::WrongRevision {
            url: self.request.url.to_string(),
            revision: self.request.revision.to_string(),
            reason: reason.to_owned(),
        }
    }
}

/// Says whether an error could come from using what was known of a server that has changed since.
fn is_of_another_server(error: &GitError) -> bool {
    matches!(
        error,
        GitError::NotFound { .. }
            | GitError::NotGit { .. }
            | GitError::Redirect { .. }
            | GitError::Remote { .. }
            | GitError::Malformed { .. }
            | GitError::NotAllowed { .. }
    )
}

/// Tells a thread that nobody waits for it any more.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
