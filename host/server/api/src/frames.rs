//! Reads and writes `text/event-stream`, as the
//! [HTML standard](https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation) has it.

/// The largest frame that a reader accepts, in bytes. The first event of an operation on 5,000 objects has less than 1 MB.
pub const MAX_FRAME: usize = 64 << 20;

/// One event of the stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// The kind of the record, from the field `event` of the frame.
    pub event: String,
    /// Its id; absent if it has none.
    pub id: Option<String>,
    /// The text of all fields `data`, with line breaks between them.
    pub data: String,
}

impl Frame {
    /// Writes a frame. JSON on one line contains no line break, and so does no kind and no id.
    pub fn write(event: &str, id: Option<&str>, data: &str) -> String {
        let mut frame = String::with_capacity(event.len() + data.len() + 40);
        frame.push_str("event: ");
        frame.push_str(event);
        if let Some(id) = id {
            frame.push_str("\nid: ");
            frame.push_str(id);
        }
        for line in data.split(['\n', '\r']) {
            frame.push_str("\ndata: ");
            frame.push_str(line);
        }
        frame.push_str("\n\n");
        frame
    }
}

/// A frame was larger than [`MAX_FRAME`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// Reads frames from the chunks of a response, wherever these are cut.
#[derive(Debug, Default)]
pub struct FrameReader {
    /// What was read and is not a whole line yet.
    partial: Vec<u8>,
    frame: Frame,
    has_data: bool,
    /// Whether the last line ended with CR, so that an LF right after it belongs to that end.
    ended_with_cr: bool,
}

impl FrameReader {
    /// Makes one for the beginning of a stream.
    pub fn new() -> FrameReader {
        FrameReader::default()
    }

    /// Reads another chunk, and returns the frames that are whole now. Comments, which are heartbeats, are left out.
    ///
    /// # Errors
    ///
    /// Returns that a frame is too large. The stream cannot be read on then.
    pub fn read(&mut self, chunk: &[u8]) -> Result<Vec<Frame>, TooLarge> {
        let mut frames = Vec::new();
        let mut rest = chunk;
        while let Some(&first) = rest.first() {
            if self.ended_with_cr && first == b'\n' {
                rest = &rest[1..];
                self.ended_with_cr = false;
                continue;
            }
            self.ended_with_cr = false;
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.partial.extend_from_slice(rest);
                break;
            };
            self.partial.extend_from_slice(&rest[..end]);
            self.ended_with_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            let line = std::mem::take(&mut self.partial);
            frames.extend(self.line(&String::from_utf8_lossy(&line)));
            if self.frame.data.len() > MAX_FRAME {
                return Err(TooLarge);
            }
        }
        if self.partial.len() > MAX_FRAME {
            return Err(TooLarge);
        }
        Ok(frames)
    }

    fn line(&mut self, line: &str) -> Option<Frame> {
        if line.is_empty() {
            let frame = std::mem::take(&mut self.frame);
            return std::mem::take(&mut self.has_data).then_some(frame);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.frame.event),
            "id" => self.frame.id = Some(value.to_owned()),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.frame.data.push('\n');
                }
                self.frame.data.push_str(value);
            }
            // A comment, or a field that has no meaning here.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(event: &str, id: Option<&str>, data: &str) -> Frame {
        Frame {
            event: event.to_owned(),
            id: id.map(str::to_owned),
            data: data.to_owned(),
        }
    }

    #[test]
    fn frames_are_read_wherever_the_stream_is_cut() {
        let written = [
            Frame::write("past", Some("0"), r#"{"a":"ü: \n"}"#),
            ": heartbeat\n\n".to_owned(),
            "event: line\r\nid: 57.12\r\ndata: one\r\ndata:two\r\n\r\n".to_owned(),
            "event: end\rdata\r\r".to_owned(),
            Frame::write("waiting", None, "first\nsecond"),
        ]
        .concat();
        let expected = [
            frame("past", Some("0"), r#"{"a":"ü: \n"}"#),
            frame("line", Some("57.12"), "one\ntwo"),
            frame("end", None, ""),
            frame("waiting", None, "first\nsecond"),
        ];
        let bytes = written.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let mut reader = FrameReader::new();
                let mut read = Vec::new();
                for chunk in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                    read.extend(reader.read(chunk).unwrap_or_default());
                }
                assert_eq!(read, expected, "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn a_frame_without_an_end_does_not_take_all_memory() {
        let mut reader = FrameReader::new();
        let chunk = vec![b'x'; 1 << 20];
        let chunks = (0..100).take_while(|_| reader.read(&chunk).is_ok()).count();
        assert!(chunks <= 64, "{chunks}");
    }
}
