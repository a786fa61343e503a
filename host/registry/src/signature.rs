//! Signatures in the forms of cosign.
//!
//! There are three forms. Since version 3, cosign writes bundles: for an artifact in a registry an in-toto statement in a DSSE envelope,
//! for a file a signature of the file itself. Earlier versions store the signature of a small JSON text under a tag of its own. A
//! certificate in a bundle is ignored: a signature only counts by a key in a rule.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::{digest::Digest, key::PublicKey};

/// The prefix of a bundle's media type; a version follows.
pub(crate) const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle";
/// The media type of the text that older versions sign.
pub(crate) const SIMPLE_SIGNING_MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The annotation with the signature of that text.
pub(crate) const SIMPLE_SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";
/// The type in such a text.
const SIMPLE_SIGNING_TYPE: &str = "cosign container image signature";
/// The predicate type of a signature; other statements attest something else.
const COSIGN_SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";
/// The payload type of an in-toto statement in an envelope.
const IN_TOTO_MEDIA_TYPE: &str = "application/vnd.in-toto+json";

/// A signature that was found. It proves nothing until a key verifies it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Signature {
    /// A bundle of Sigstore.
    Bundle(String),
    /// A signed text, with its signature in base64.
    Simple {
        /// The signed text.
        payload: String,
        /// The signature of the text, encoded as base64.
        signature: String,
    },
}

/// The content that a signature has to be about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignedContent<'a> {
    /// The manifest in a registry, or the component.
    pub(crate) content: &'a [u8],
    /// The digest of the content.
    pub(crate) digest: Digest,
}

impl<'a> SignedContent<'a> {
    pub(crate) fn new(content: &'a [u8]) -> SignedContent<'a> {
        SignedContent {
            content,
            digest: Digest::from_bytes(content),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    #[serde(default)]
    message_signature: Option<MessageSignature>,
    #[serde(default)]
    dsse_envelope: Option<Envelope>,
}

#[derive(Deserialize)]
struct MessageSignature {
    signature: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Deserialize)]
struct EnvelopeSignature {
    sig: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    predicate_type: String,
    subject: Vec<StatementSubject>,
}

#[derive(Deserialize)]
struct StatementSubject {
    digest: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct SimpleSigning {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: String,
}

impl Signature {
    /// Says whether a key made this signature of the content. A signature that can't be parsed doesn't count.
    pub(crate) fn is_signed_by(&self, key: &PublicKey, subject: SignedContent<'_>) -> bool {
        match self {
            Signature::Simple { payload, signature } => {
                verify_simple(payload, signature, key, subject).unwrap_or(false)
            }
            Signature::Bundle(text) => verify_bundle(text, key, subject).unwrap_or(false),
        }
    }

    /// Returns the predicate type of a statement that isn't a signature. It isn't verified.
    pub(crate) fn attestation_type(&self) -> Option<String> {
        let Signature::Bundle(text) = self else {
            return None;
        };
        let bundle: Bundle = serde_json::from_str(text).ok()?;
        let kind = statement(&bundle.dsse_envelope?)?.predicate_type;
        Some(kind).filter(|kind| kind != COSIGN_SIGN_PREDICATE)
    }
}

fn verify_simple(payload: &str, signature: &str, key: &PublicKey, subject: SignedContent<'_>) -> Option<bool> {
    if !key.verifies(payload.as_bytes(), &STANDARD.decode(signature).ok()?) {
        return None;
    }
    let SimpleSigning { critical } = serde_json::from_str(payload).ok()?;
    Some(critical.kind == SIMPLE_SIGNING_TYPE && critical.image.docker_manifest_digest == subject.digest.to_string())
}

fn verify_bundle(text: &str, key: &PublicKey, subject: SignedContent<'_>) -> Option<bool> {
    let bundle: Bundle = serde_json::from_str(text).ok()?;
    if !bundle.media_type.starts_with(BUNDLE_MEDIA_TYPE) {
        return None;
    }
    if let Some(MessageSignature { signature }) = bundle.message_signature {
        return Some(key.verifies(subject.content, &STANDARD.decode(signature).ok()?));
    }
    let envelope = bundle.dsse_envelope?;
    let message = pre_authentication_encoding(&envelope)?;
    let by_key = |one: &EnvelopeSignature| STANDARD.decode(&one.sig).is_ok_and(|sig| key.verifies(&message, &sig));
    if !envelope.signatures.iter().any(by_key) {
        return None;
    }
    let statement = statement(&envelope)?;
    let is_subject = |one: &StatementSubject| one.digest.get("sha256") == Some(&subject.digest.hex());
    Some(statement.predicate_type == COSIGN_SIGN_PREDICATE && statement.subject.iter().any(is_subject))
}

fn statement(envelope: &Envelope) -> Option<Statement> {
    if envelope.payload_type != IN_TOTO_MEDIA_TYPE {
        return None;
    }
    serde_json::from_slice(&STANDARD.decode(&envelope.payload).ok()?).ok()
}

/// Returns the signed bytes of an envelope, by DSSE's rules: payload type and payload, each with its length.
fn pre_authentication_encoding(envelope: &Envelope) -> Option<Vec<u8>> {
    let (kind, payload) = (&envelope.payload_type, STANDARD.decode(&envelope.payload).ok()?);
    let mut text = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    text.extend(payload);
    Some(text)
}

#[cfg(test)]
pub(crate) mod tests {
    use rcgen::{KeyPair, SigningKey as _};
    use serde_json::json;

    use super::*;

    pub(crate) fn key(pair: &KeyPair) -> PublicKey {
        PublicKey::from_pem(pair.public_key_pem().as_bytes()).unwrap()
    }

    fn encoded(pair: &KeyPair, message: &[u8]) -> String {
        STANDARD.encode(pair.sign(message).unwrap())
    }

    fn envelope(pair: &KeyPair, kind: &str, digest: &str) -> Signature {
        let statement = json!({"_type": "https://in-toto.io/Statement/v1", "predicateType": kind,
            "subject": [{"digest": {"sha256": digest}}], "predicate": {}});
        let payload = statement.to_string();
        let mut envelope = Envelope {
            payload: STANDARD.encode(&payload),
            payload_type: IN_TOTO_MEDIA_TYPE.to_owned(),
            signatures: Vec::new(),
        };
        envelope.signatures.push(EnvelopeSignature {
            sig: encoded(pair, &pre_authentication_encoding(&envelope).unwrap()),
        });
        let bundle = json!({"mediaType": format!("{BUNDLE_MEDIA_TYPE}.v0.3+json"), "dsseEnvelope": {
            "payload": envelope.payload, "payloadType": IN_TOTO_MEDIA_TYPE, "signatures": [{"sig": envelope.signatures[0].sig}]}});
        Signature::Bundle(bundle.to_string())
    }

    pub(crate) fn signed(pair: &KeyPair, subject: SignedContent<'_>) -> Signature {
        envelope(pair, COSIGN_SIGN_PREDICATE, &subject.digest.hex())
    }

    fn simple(pair: &KeyPair, kind: &str, digest: Digest) -> Signature {
        let payload = json!({"critical": {"identity": {"docker-reference": "a"}, "image": {"docker-manifest-digest": digest},
            "type": kind}, "optional": null});
        let payload = payload.to_string();
        Signature::Simple {
            signature: encoded(pair, payload.as_bytes()),
            payload,
        }
    }

    #[test]
    fn every_form_is_of_its_key_and_its_subject_only() {
        let (ours, theirs) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let (subject, other) = (SignedContent::new(b"manifest"), SignedContent::new(b"another"));
        let message = json!({"mediaType": format!("{BUNDLE_MEDIA_TYPE}.v0.3+json"), "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": ""}, "signature": encoded(&ours, b"manifest")}});
        for signature in [
            signed(&ours, subject),
            simple(&ours, SIMPLE_SIGNING_TYPE, subject.digest),
            Signature::Bundle(message.to_string()),
        ] {
            assert!(signature.is_signed_by(&key(&ours), subject), "{signature:?}");
            assert!(
                !signature.is_signed_by(&key(&theirs), subject),
                "another key: {signature:?}"
            );
            assert!(
                !signature.is_signed_by(&key(&ours), other),
                "another subject: {signature:?}"
            );
        }
    }

    #[test]
    fn what_signs_something_else_is_no_signature() {
        let pair = KeyPair::generate().unwrap();
        let subject = SignedContent::new(b"manifest");
        let provenance = envelope(&pair, "https://slsa.dev/provenance/v1", &subject.digest.hex());
        assert!(!provenance.is_signed_by(&key(&pair), subject), "it attests");
        assert_eq!(
            provenance.attestation_type().as_deref(),
            Some("https://slsa.dev/provenance/v1")
        );
        assert_eq!(signed(&pair, subject).attestation_type(), None);
        assert!(!simple(&pair, "some other text", subject.digest).is_signed_by(&key(&pair), subject));
        for text in [
            "",
            "{}",
            r#"{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}"#,
        ] {
            assert!(!Signature::Bundle(text.to_owned()).is_signed_by(&key(&pair), subject));
        }
    }
}
