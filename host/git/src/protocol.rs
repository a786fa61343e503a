//! Git's protocol, version 2: <https://git-scm.com/docs/protocol-v2>. Its commands are packet lines in the body of a POST.

use gix_hash::ObjectId;
use reqwest::Url;

use crate::{
    error::{GitError, Stage, remote_text},
    http::Session,
    limits::Bound,
    packet::{Packet, PacketReader, push_line},
};

/// What a server can do, and where it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// The repository's URL after redirects.
    base: Url,
    /// Whether it names the hash function in its capabilities.
    names_object_format: bool,
    /// Whether it leaves out objects on request (`uploadpack.allowFilter`).
    pub(crate) can_filter: bool,
}

/// A reference, as `ls-refs` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteReference {
    pub(crate) name: String,
    pub(crate) id: ObjectId,
}

/// What a pack has to contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A commit without its ancestors, and with all its files.
    Commit,
    /// A commit without its ancestors, with its folders, but without the contents of files.
    CommitWithoutFiles,
    /// Only the objects that are named, without what they refer to.
    Objects,
}

impl Server {
    /// Requests the capabilities.
    pub(crate) async fn discover(session: &Session<'_>) -> Result<Server, GitError> {
        session.progress.begin(Stage::Capabilities);
        let (base, body) = session.get_capabilities().await?;
        let mut packets = PacketReader::new(body);
        let mut lines = Vec::new();
        loop {
            match packets.next().await? {
                Some(Packet::Data(line)) => {
                    let line = line.strip_suffix(b"\n").unwrap_or(&line);
                    // The first message of an answer over HTTP names the service.
                    if !line.starts_with(b"# service=") {
                        lines.push(String::from_utf8_lossy(line).into_owned());
                    }
                }
                Some(Packet::Flush) if lines.is_empty() => {}
                Some(_) => break,
                None if lines.is_empty() => break,
                None => return Err(packets.body().interrupted()),
            }
        }
        Server::from_lines(session, base, &lines)
    }

    fn from_lines(session: &Session<'_>, base: Url, lines: &[String]) -> Result<Server, GitError> {
        let url = || session.url.to_string();
        if lines.first().map(String::as_str) != Some("version 2") {
            let first = lines
                .first()
                .map_or("nothing", |line| line.split('\0').next().unwrap_or_default());
            return Err(GitError::NotGit {
                url: url(),
                answer: remote_text(format!("`{first}`").as_bytes()),
            });
        }
        let value = |name: &str| {
            let mut found = lines.iter().filter_map(|line| line.strip_prefix(name));
            found.find_map(|rest| {
                if rest.is_empty() {
                    Some("")
                } else {
                    rest.strip_prefix('=')
                }
            })
        };
        if let Some(format) = value("object-format").filter(|format| *format != "sha1") {
            return Err(GitError::ObjectFormat {
                url: url(),
                format: remote_text(format.as_bytes()),
            });
        }
        let fetch = value("fetch").unwrap_or_default();
        let has = |feature: &str| fetch.split(' ').any(|known| known == feature);
        if value("ls-refs").is_none() || !has("shallow") {
            return Err(GitError::NotGit {
                url: url(),
                answer: "capabilities without `ls-refs` or `fetch=shallow`".to_owned(),
            });
        }
        Ok(Server {
            base,
            names_object_format: value("object-format").is_some(),
            can_filter: has("filter"),
        })
    }

    /// Lists the references whose names begin with a prefix.
    pub(crate) async fn references(
        &self,
        session: &Session<'_>,
        prefix: &str,
    ) -> Result<Vec<RemoteReference>, GitError> {
        session.progress.begin(Stage::References);
        let mut command = self.command("ls-refs");
        push_line(&mut command, &format!("ref-prefix {prefix}"));
        command.extend_from_slice(b"0000");
        let body = session.post(&self.base, command, Bound::ReferenceBytes).await?;
        let mut packets = PacketReader::new(body);
        let mut references = Vec::new();
        while let Packet::Data(line) = packets.expect().await? {
            if references.len() as u64 >= Bound::References.of(&session.http.access().limits) {
                return Err(session.limit_error(Bound::References));
            }
            let wrong = || session.malformed("a reference", remote_text(&line));
            let text = std::str::from_utf8(&line).map_err(|_| wrong())?.trim_end_matches('\n');
            let (id, rest) = text.split_once(' ').ok_or_else(wrong)?;
            let name = rest.split(' ').next().unwrap_or_default().to_owned();
            let id = ObjectId::from_hex(id.as_bytes()).map_err(|_| wrong())?;
            references.push(RemoteReference { name, id });
        }
        Ok(references)
    }

    /// Fetches a pack with objects.
    pub(crate) async fn pack(
        &self,
        session: &Session<'_>,
        wanted: Wanted,
        ids: &[ObjectId],
        bytes_before: u64,
    ) -> Result<Vec<u8>, GitError> {
        session.progress.begin(if wanted == Wanted::Objects {
            Stage::Files
        } else {
            Stage::Commit
        });
        let mut command = self.command("fetch");
        push_line(&mut command, "no-progress");
        push_line(&mut command, "ofs-delta");
        if wanted != Wanted::Objects {
            push_line(&mut command, "deepen 1");
        }
        if wanted == Wanted::CommitWithoutFiles {
            push_line(&mut command, "filter blob:none");
        }
        for id in ids {
            push_line(&mut command, &format!("want {id}"));
        }
        push_line(&mut command, "done");
        command.extend_from_slice(b"0000");
        let mut body = session.post(&self.base, command, Bound::PackBytes).await?;
        body.reduce_limit(bytes_before);
        let mut packets = PacketReader::new(body);
        // Other sections, such as `shallow-info`, come before the pack.
        loop {
            match packets.expect().await? {
                Packet::Data(line) if line.strip_suffix(b"\n").unwrap_or(&line) == b"packfile" => break,
                Packet::Data(_) | Packet::Delimiter => {}
                Packet::Flush | Packet::ResponseEnd => {
                    return Err(session.malformed("an answer", "there is no pack in it"));
                }
            }
        }
        let mut pack = Vec::new();
        loop {
            let line = match packets.expect().await? {
                Packet::Data(line) => line,
                Packet::Flush => return Ok(pack),
                other => return Err(session.malformed("a pack", format!("there is {other:?} in it"))),
            };
            match line.split_first() {
                Some((1, data)) => pack.extend_from_slice(data),
                // Progress.
                Some((2, _)) => {}
                Some((3, message)) => {
                    return Err(GitError::Remote {
                        url: session.url.to_string(),
                        message: remote_text(message),
                    });
                }
                _ => return Err(session.malformed("a pack", "there is a line of an unknown band in it")),
            }
        }
    }

    /// Begins a command, up to its arguments.
    fn command(&self, name: &str) -> Vec<u8> {
        let mut command = Vec::new();
        push_line(&mut command, &format!("command={name}"));
        push_line(&mut command, concat!("agent=capstan/", env!("CARGO_PKG_VERSION")));
        if self.names_object_format {
            push_line(&mut command, "object-format=sha1");
        }
        command.extend_from_slice(b"0001");
        command
    }
}
