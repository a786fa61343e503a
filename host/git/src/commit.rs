//! Commits and tags.

use capstan_core::model::text::truncated_to;
use gix_hash::ObjectId;
use jiff::Timestamp;

use crate::object::Kind;

/// How many bytes of a subject or a name are kept.
const MAX_TEXT_BYTES: usize = 200;

/// A commit with its author and message, as it is shown to users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id, 40 hexadecimal digits.
    pub id: String,
    /// The first line of its message.
    pub subject: String,
    /// Who wrote it: `Alice <alice@example.com>`. Nobody has verified this.
    pub author: String,
    /// When it was committed, by the clock of whoever committed it; `None` if it isn't a time.
    pub time: Option<Timestamp>,
}

/// A commit, with what a fetch needs of it.
pub(crate) struct ParsedCommit {
    pub(crate) commit: Commit,
    pub(crate) tree: ObjectId,
}

/// An annotated tag.
pub(crate) struct ParsedTag {
    pub(crate) target: ObjectId,
    pub(crate) target_kind: Kind,
    pub(crate) name: String,
}

/// The headers of a commit or tag, which come before an empty line: `NAME VALUE`.
struct Headers<'a> {
    rest: &'a [u8],
}

impl<'a> Headers<'a> {
    /// Returns the value of the next header if it has this name.
    fn next(&mut self, name: &str) -> Option<&'a [u8]> {
        let value = self.rest.strip_prefix(name.as_bytes())?.strip_prefix(b" ")?;
        let end = value.iter().position(|byte| *byte == b'\n')?;
        self.rest = value.get(end + 1..)?;
        value.get(..end)
    }

    /// Returns the value of the next header, which has to have this name.
    fn expect(&mut self, name: &str) -> Result<&'a [u8], String> {
        self.next(name).ok_or_else(|| format!("its header `{name}` is missing"))
    }

    fn expect_id(&mut self, name: &str) -> Result<ObjectId, String> {
        let hex = self.expect(name)?;
        let id = ObjectId::from_hex(hex)
            .ok()
            .filter(|id| id.kind() == gix_hash::Kind::Sha1);
        id.ok_or_else(|| format!("its header `{name}` is not an id"))
    }

    /// Returns what follows the empty line.
    fn message(&self) -> &'a [u8] {
        if let Some(message) = self.rest.strip_prefix(b"\n") {
            return message;
        }
        let end = self.rest.windows(2).position(|pair| pair == b"\n\n");
        end.and_then(|end| self.rest.get(end + 2..)).unwrap_or_default()
    }
}

pub(crate) fn parse_commit(id: &ObjectId, data: &[u8]) -> Result<ParsedCommit, String> {
    let mut headers = Headers { rest: data };
    let tree = headers.expect_id("tree")?;
    while headers.next("parent").is_some() {}
    let author = headers.expect("author")?;
    let committer = headers.expect("committer")?;
    let subject = headers
        .message()
        .split(|byte| *byte == b'\n')
        .find(|line| !line.is_empty());
    Ok(ParsedCommit {
        tree,
        commit: Commit {
            id: id.to_string(),
            subject: one_line(subject.unwrap_or_default()),
            author: one_line(split_identity(author).0),
            time: split_identity(committer).1,
        },
    })
}

/// Splits `Alice <alice@example.com> 1700000000 +0000`.
fn split_identity(value: &[u8]) -> (&[u8], Option<Timestamp>) {
    let Some(end) = value.iter().rposition(|byte| *byte == b'>') else {
        return (value, None);
    };
    let (who, when) = value.split_at(end + 1);
    let seconds = String::from_utf8_lossy(when);
    let seconds = seconds
        .split_whitespace()
        .next()
        .and_then(|seconds| seconds.parse().ok());
    (who, seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()))
}

pub(crate) fn parse_tag(data: &[u8]) -> Result<ParsedTag, String> {
    let mut headers = Headers { rest: data };
    let target = headers.expect_id("object")?;
    let kind = headers.expect("type")?;
    let name = headers.expect("tag")?;
    Ok(ParsedTag {
        target,
        target_kind: Kind::from_name(kind).ok_or("it is of an unknown type")?,
        name: String::from_utf8_lossy(name).into_owned(),
    })
}

fn one_line(bytes: &[u8]) -> String {
    truncated_to(String::from_utf8_lossy(bytes).trim().to_owned(), MAX_TEXT_BYTES)
}

/// The name of the header with a commit's signature, for objects with SHA-1 ids.
const SIGNATURE_HEADER: &[u8] = b"gpgsig";
/// The same for SHA-256 ids. A repository that has both ids signs both forms.
const OTHER_SIGNATURE_HEADER: &[u8] = b"gpgsig-sha256";

/// A signature, and the bytes that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) signature: String,
    pub(crate) content: Vec<u8>,
}

/// Splits a commit into its signature and the signed rest, as git does (`parse_buffer_signed_by_header` in `commit.c`).
///
/// # Errors
///
/// Returns that there are several signatures. git would join them, and a verifier could judge another one than it shows.
pub(crate) fn signed_commit(data: &[u8]) -> Result<Option<Signed>, String> {
    let mut content = Vec::with_capacity(data.len());
    let mut signature: Option<Vec<u8>> = None;
    let mut rest = data;
    let mut continues = None;
    while !rest.is_empty() {
        let end = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at(end);
        if line == b"\n" {
            break;
        }
        rest = after;
        let header = line
            .split(|byte| *byte == b' ' || *byte == b'\n')
            .next()
            .unwrap_or_default();
        continues = match (line.first(), continues) {
            (Some(b' '), header) => header,
            _ if header == SIGNATURE_HEADER && signature.is_some() => {
                return Err("it has more than one signature".to_owned());
            }
            _ if header == SIGNATURE_HEADER => Some(true),
            _ if header == OTHER_SIGNATURE_HEADER => Some(false),
            _ => None,
        };
        match continues {
            // The value begins after the name and a space, or after the space of a further line.
            Some(true) => {
                let name = if line.starts_with(b" ") {
                    1
                } else {
                    SIGNATURE_HEADER.len() + 1
                };
                signature
                    .get_or_insert_default()
                    .extend_from_slice(line.get(name..).unwrap_or_default());
            }
            Some(false) => {}
            None => content.extend_from_slice(line),
        }
    }
    content.extend_from_slice(rest);
    Ok(signature.map(|signature| Signed {
        signature: String::from_utf8_lossy(&signature).into_owned(),
        content,
    }))
}

/// How signatures begin. git takes the last such line for the beginning of a tag's signature (`parse_signed_buffer` in
/// `gpg-interface.c`).
const SIGNATURE_HEADERS: [&[u8]; 4] = [
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"-----BEGIN SIGNED MESSAGE-----",
    b"-----BEGIN SSH SIGNATURE-----",
];

/// Splits an annotated tag into its signature, which is at its end, and the signed rest.
pub(crate) fn signed_tag(data: &[u8]) -> Option<Signed> {
    let mut start = None;
    let mut at = 0;
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        if SIGNATURE_HEADERS.iter().any(|header| line.starts_with(header)) {
            start = Some(at);
        }
        at += line.len();
    }
    let (content, signature) = data.split_at_checked(start?)?;
    Some(Signed {
        signature: String::from_utf8_lossy(signature).into_owned(),
        content: content.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n";

    #[test]
    fn a_commit_is_signed_without_its_signatures() {
        let data = format!(
            "{HEAD}gpgsig one\n two\n three\ngpgsig-sha256 x\n y\nencoding UTF-8\n\ngpgsig in the text\n more\n"
        );
        let signed = signed_commit(data.as_bytes()).unwrap().unwrap();
        assert_eq!(signed.signature, "one\ntwo\nthree\n");
        let content = String::from_utf8(signed.content).unwrap();
        assert_eq!(content, format!("{HEAD}encoding UTF-8\n\ngpgsig in the text\n more\n"));
        let unsigned = format!("{HEAD}mergetag object 1\n gpgsig two\n\nsubject\n");
        assert_eq!(signed_commit(unsigned.as_bytes()).unwrap(), None);
        let twice = format!("{HEAD}gpgsig one\nencoding x\ngpgsig two\n\nsubject\n");
        assert!(signed_commit(twice.as_bytes()).is_err());
        let empty_then = format!("{HEAD}gpgsig \ngpgsig two\n\nsubject\n");
        assert!(signed_commit(empty_then.as_bytes()).is_err());
    }

    #[test]
    fn a_commit_says_who_when_and_what() {
        let data = format!("{HEAD}\n\n{}\n\nbody\n", "s".repeat(300));
        let parsed = parse_commit(&ObjectId::null(gix_hash::Kind::Sha1), data.as_bytes())
            .unwrap()
            .commit;
        assert_eq!(parsed.author, "A <a@b>");
        assert_eq!(parsed.time, Timestamp::from_second(1).ok());
        assert!(parsed.subject.starts_with("sss") && parsed.subject.len() <= MAX_TEXT_BYTES);
        assert!(parse_commit(&ObjectId::null(gix_hash::Kind::Sha1), b"tree x\n").is_err());
    }
}
