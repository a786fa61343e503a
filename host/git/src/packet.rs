//! Packet lines: <https://git-scm.com/docs/protocol-common#_pkt_line_format>.

use bytes::{Bytes, BytesMut};
use gix_packetline::{
    PacketLineRef,
    decode::{Stream, streaming},
};

use crate::{
    error::{GitError, remote_text},
    http::Body,
};

/// A packet line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Packet {
    Data(Bytes),
    /// The end of a message.
    Flush,
    /// The end of a section of a message.
    Delimiter,
    /// The end of an answer.
    ResponseEnd,
}

/// Reads packet lines from the body of an answer.
pub(crate) struct PacketReader<'a> {
    body: Body<'a>,
    buffer: BytesMut,
}

impl<'a> PacketReader<'a> {
    pub(crate) fn new(body: Body<'a>) -> PacketReader<'a> {
        PacketReader {
            body,
            buffer: BytesMut::new(),
        }
    }

    pub(crate) fn body(&self) -> &Body<'a> {
        &self.body
    }

    /// Returns the next packet line; `None` at the end of the body.
    ///
    /// # Errors
    ///
    /// Returns an error that the server reports, that the body ends within a line, or what is wrong with it.
    pub(crate) async fn next(&mut self) -> Result<Option<Packet>, GitError> {
        loop {
            if let Some(packet) = self.buffered()? {
                return Ok(Some(packet));
            }
            match self.body.chunk().await? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(self.body.interrupted()),
            }
        }
    }

    /// Returns the next packet line that has data.
    ///
    /// # Errors
    ///
    /// As [`PacketReader::next`], and that the body ends.
    pub(crate) async fn expect(&mut self) -> Result<Packet, GitError> {
        match self.next().await? {
            Some(packet) => Ok(packet),
            None => Err(self.body.interrupted()),
        }
    }

    fn buffered(&mut self) -> Result<Option<Packet>, GitError> {
        let session = self.body.session();
        let decoded = streaming(&self.buffer).map_err(|error| session.malformed("a packet line", error))?;
        let (length, packet) = match decoded {
            Stream::Incomplete { .. } => return Ok(None),
            Stream::Complete { line, bytes_consumed } => match line {
                PacketLineRef::Data(data) => {
                    if let Some(message) = data.strip_prefix(b"ERR ") {
                        return Err(GitError::Remote {
                            url: session.url.to_string(),
                            message: remote_text(message),
                        });
                    }
                    (bytes_consumed, None)
                }
                PacketLineRef::Flush => (bytes_consumed, Some(Packet::Flush)),
                PacketLineRef::Delimiter => (bytes_consumed, Some(Packet::Delimiter)),
                PacketLineRef::ResponseEnd => (bytes_consumed, Some(Packet::ResponseEnd)),
            },
        };
        let line = self.buffer.split_to(length).freeze();
        Ok(Some(packet.unwrap_or_else(|| Packet::Data(line.slice(4..)))))
    }
}

/// Appends a packet line with a text. The texts of this crate are far shorter than a line may be.
pub(crate) fn push_line(command: &mut Vec<u8>, text: &str) {
    command.extend_from_slice(format!("{:04x}{text}\n", text.len() + 5).as_bytes());
}
