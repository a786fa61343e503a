//! Messages of the API server about a webhook that didn't answer.
//!
//! The server returns a 500 with these texts (`k8s.io/apiserver/pkg/admission/plugin/webhook/*/dispatcher.go`,
//! `k8s.io/apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go`). A webhook that answers with a refusal isn't meant.

/// A webhook that didn't answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnansweredWebhook {
    /// Its Service, as namespace and name, if it is one of the cluster.
    pub service: Option<(String, String)>,
}

/// Returns the webhook if a request failed because it didn't answer.
pub fn find_unanswered(message: &str) -> Option<UnansweredWebhook> {
    let is_admission = ["failed calling webhook", "failed to call webhook"]
        .iter()
        .any(|words| message.contains(words));
    let is_conversion = message.contains("conversion webhook for") && message.contains("failed");
    (is_admission || is_conversion).then(|| UnansweredWebhook {
        service: service(message),
    })
}

/// Returns the Service in the URL that was called (`https://NAME.NAMESPACE.svc:443/PATH`), or in the text about a missing one.
fn service(message: &str) -> Option<(String, String)> {
    let of_url = message.split("https://").nth(1).and_then(|rest| {
        let end = rest.find([':', '/', '"', '?', ' ']).unwrap_or(rest.len());
        let (name, namespace) = rest.get(..end)?.strip_suffix(".svc")?.split_once('.')?;
        Some((namespace.to_owned(), name.to_owned()))
    });
    of_url.filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_that_do_not_answer_are_known_with_their_service() {
        let named = Some(("rf".to_owned(), "hook".to_owned()));
        for (message, service) in [
            (
                "Internal error occurred: failed calling webhook \"things.example.com\": failed to call webhook: Post \
                 \"https://hook.rf.svc:443/?timeout=10s\": dial tcp 10.96.0.7:443: connect: connection refused",
                named.clone(),
            ),
            (
                "conversion webhook for example.com/v1, Kind=Thing failed: Post \"https://hook.rf.svc/convert?timeout=30s\": no endpoints \
                 available for service \"hook\"",
                named,
            ),
            (
                "failed calling webhook \"slow.acme.io\": context deadline exceeded",
                None,
            ),
            (
                "failed calling webhook \"far.acme.io\": failed to call webhook: Post \"https://acme.example.org/x\": EOF",
                None,
            ),
        ] {
            assert_eq!(
                find_unanswered(message),
                Some(UnansweredWebhook { service }),
                "{message}"
            );
        }
    }

    #[test]
    fn what_a_webhook_answers_is_no_missing_answer() {
        for message in [
            "admission webhook \"policy.acme.io\" denied the request: no Services on Fridays",
            "etcdserver: request timed out",
            "",
        ] {
            assert_eq!(find_unanswered(message), None, "{message}");
        }
    }
}
