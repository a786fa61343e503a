//! Base64 as Go's `base64.StdEncoding` decodes it: with padding, ignoring line breaks and unused bits.

use base64::{
    DecodeError, Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

const GO: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

fn bytes(text: &str) -> Result<Vec<u8>, DecodeError> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    GO.decode(digits)
}

/// Decodes a `!!binary` value, which stands for a text; `None` if it isn't UTF-8. Fails if it is not a base64.
pub(crate) fn decode(text: &str) -> Result<Option<String>, String> {
    let bytes = bytes(text).map_err(|_| "this !!binary value is not base64".to_owned())?;
    Ok(String::from_utf8(bytes).ok())
}

/// Returns whether a text is valid base64.
pub fn is_base64(text: &str) -> bool {
    bytes(text).is_ok()
}
