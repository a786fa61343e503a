//! Splits what a container writes into lines.

use futures::{AsyncBufRead, AsyncBufReadExt as _};

/// A longer line is cut.
pub(super) const LONGEST: usize = 16 * 1024;

/// Splits a stream into lines, whatever bytes it has; a line that is too long is cut, and its rest left out.
pub(super) fn lines_of(stream: impl AsyncBufRead) -> impl futures::Stream<Item = std::io::Result<String>> {
    let stream = Box::pin(stream);
    futures::stream::unfold(stream, |mut stream| async move {
        let mut line = Vec::new();
        let mut is_cut = false;
        loop {
            let available = match stream.fill_buf().await {
                Ok(available) => available,
                Err(error) => return Some((Err(error), stream)),
            };
            if available.is_empty() {
                if line.is_empty() {
                    return None;
                }
                break;
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(available.len());
            let room = LONGEST.saturating_sub(line.len());
            is_cut |= taken > room;
            line.extend(available.iter().take(taken.min(room)));
            let consumed = end.map_or(taken, |end| end + 1);
            stream.as_mut().consume(consumed);
            if end.is_some() {
                break;
            }
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let mut text = String::from_utf8_lossy(&line).into_owned();
        if is_cut {
            text.push_str(" [cut]");
        }
        Some((Ok(text), stream))
    })
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;

    use super::*;

    async fn split(text: &[u8]) -> Vec<String> {
        lines_of(text).map(Result::unwrap).collect().await
    }

    #[tokio::test]
    async fn lines_are_split_whatever_they_hold() {
        assert_eq!(
            split(b"one\r\n\ntwo\xff\nthree").await,
            ["one", "", "two\u{fffd}", "three"]
        );
        assert_eq!(split(b"").await, Vec::<String>::new());
        let long = split(&[vec![b'x'; LONGEST + 5], b"\nnext".to_vec()].concat()).await;
        assert_eq!(long[0].len(), LONGEST + " [cut]".len());
        assert_eq!(long[1], "next");
    }
}
