//! Warnings, which clients show to their users though the request succeeded (RFC 7234, as `k8s.io/apiserver/pkg/warning` sends them).

use http::{HeaderValue, Response, header};

use crate::{kinds::Resource, service::Body};

/// The most bytes of all warnings in an answer (`k8s.io/apiserver/pkg/endpoints/filters/warning.go`).
const MAX_WARNING_BYTES: usize = 4 * 1024;

/// Adds warnings to an answer, as many as fit.
pub(super) fn add(mut response: Response<Body>, warnings: &[String]) -> Response<Body> {
    let mut left = MAX_WARNING_BYTES;
    for warning in warnings {
        let written = warning_header(warning);
        let Some(rest) = left.checked_sub(written.len()) else {
            break;
        };
        if let Ok(header) = HeaderValue::from_bytes(written.as_bytes()) {
            left = rest;
            response.headers_mut().append(header::WARNING, header);
        }
    }
    response
}

/// Returns the warning about a deprecated kind.
pub(super) fn deprecated(resource: &Resource) -> Option<String> {
    let words = match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Endpoints") => "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
        ("", "ComponentStatus") => "v1 ComponentStatus is deprecated in v1.19+",
        _ => return None,
    };
    Some(words.to_owned())
}

fn warning_header(text: &str) -> String {
    let mut quoted = String::new();
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        if matches!(letter, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    format!("299 - \"{quoted}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::full_body;

    #[test]
    fn warnings_are_quoted_and_bounded() {
        let many = vec!["unknown field \"a\\b\"\n".to_owned(); 1_000];
        let response = add(Response::new(full_body("")), &many);
        let all: Vec<_> = response.headers().get_all(header::WARNING).iter().collect();
        assert_eq!(all[0].to_str().unwrap(), r#"299 - "unknown field \"a\\b\"""#);
        assert!(all.iter().map(|one| one.len()).sum::<usize>() <= MAX_WARNING_BYTES && all.len() > 10);
    }
}
