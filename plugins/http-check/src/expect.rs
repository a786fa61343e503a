//! Is an answer as expected?

use capstan_sdk::Failure;
use serde::Deserialize;
use serde_json::Value;

/// What an answer must be like; all of it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Expect {
    /// The status: a number, `2xx`, or a list of such; `2xx` when absent.
    status: Option<Statuses>,
    /// A text that the body has.
    contains: Option<String>,
    /// Values in a body of JSON.
    json: Vec<Member>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Statuses {
    One(Status),
    Any(Vec<Status>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Status {
    Code(u16),
    Class(String),
}

/// A value in the body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    /// Where: a JSON pointer.
    pointer: String,
    /// The value that has to be there.
    equals: Value,
}

impl Status {
    fn fits(&self, status: u16) -> bool {
        match self {
            Self::Code(code) => *code == status,
            Self::Class(class) => class
                .chars()
                .zip(status.to_string().chars())
                .all(|(a, b)| a == 'x' || a == b),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Code(code) => code.to_string(),
            Self::Class(class) => class.clone(),
        }
    }
}

impl Expect {
    fn statuses(&self) -> Vec<&Status> {
        match &self.status {
            None => Vec::new(),
            Some(Statuses::One(one)) => vec![one],
            Some(Statuses::Any(any)) => any.iter().collect(),
        }
    }

    /// Says what can never be.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        for status in self.statuses() {
            let text = status.text();
            let is_status = text.len() == 3
                && text.starts_with(|first: char| ('1'..='5').contains(&first))
                && text
                    .chars()
                    .skip(1)
                    .all(|letter| letter == 'x' || letter.is_ascii_digit());
            if !is_status {
                return Err(Failure::invalid(format!(
                    "`status: {text}` is none: write 200, 2xx or a list of such"
                )));
            }
        }
        match self
            .json
            .iter()
            .find(|member| !member.pointer.starts_with('/') && !member.pointer.is_empty())
        {
            Some(member) => Err(Failure::invalid(format!(
                "`pointer: {}` is not a JSON pointer, like `/status`",
                member.pointer
            ))),
            None => Ok(()),
        }
    }

    /// Says what is not as expected.
    pub(crate) fn check_answer(&self, status: u16, body: &[u8]) -> Result<(), String> {
        let expected = self.statuses();
        let fits = if expected.is_empty() {
            (200..300).contains(&status)
        } else {
            expected.iter().any(|one| one.fits(status))
        };
        if !fits {
            let texts: Vec<String> = expected.iter().map(|one| one.text()).collect();
            let texts = if texts.is_empty() {
                "2xx".to_owned()
            } else {
                texts.join(" or ")
            };
            return Err(format!("status {status}, not {texts}"));
        }
        if let Some(text) = &self.contains
            && !String::from_utf8_lossy(body).contains(text)
        {
            return Err(format!("status {status}, but the body doesn't contain `{text}`"));
        }
        if self.json.is_empty() {
            return Ok(());
        }
        let value: Value = serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
        for Member { pointer, equals } in &self.json {
            match value.pointer(pointer) {
                Some(found) if found == equals => {}
                Some(found) => return Err(format!("`{pointer}` in the body is {found}, not {equals}")),
                None => return Err(format!("there is no `{pointer}` in the body")),
            }
        }
        Ok(())
    }
}
