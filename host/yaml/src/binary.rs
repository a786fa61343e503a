//! `!!binary`: base64 that stands for a text. Rare in manifests, so small rather than fast.

/// Decodes standard base64 with its padding, as Go's `base64.StdEncoding` reads it: ends of lines don't count.
pub(crate) fn decode(text: &str) -> Result<String, String> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let wrong = || "this !!binary value is no base64".to_owned();
    let padding = padding_of(&digits).ok_or_else(wrong)?;
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for digit in digits.iter().take(digits.len() - padding) {
        bits = (bits << 6) | sextet(*digit).ok_or_else(wrong)?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.extend(u8::try_from((bits >> count) & 0xff));
            bits &= (1 << count) - 1;
        }
    }
    String::from_utf8(bytes)
        .map_err(|_| "this !!binary value is no text; put it into `data` or `binaryData` as it is".to_owned())
}

/// Says whether a text is standard base64 with its padding, as Go's `base64.StdEncoding` reads it: ends of lines don't count.
pub fn is_base64(text: &str) -> bool {
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    padding_of(&digits).is_some_and(|padding| {
        let mut digits = digits.iter().take(digits.len() - padding);
        digits.all(|digit| sextet(*digit).is_some())
    })
}

/// Counts the `=` at the end; nothing if base64 can't have this length or this padding.
fn padding_of(digits: &[u8]) -> Option<usize> {
    let padding = digits.iter().rev().take_while(|byte| **byte == b'=').count();
    (digits.len().is_multiple_of(4) && padding <= 2).then_some(padding)
}

/// Returns the six bits of a digit.
fn sextet(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}
