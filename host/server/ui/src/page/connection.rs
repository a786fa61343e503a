//! Requests to the server. The token is a header; it is taken out of the address as soon as the page begins.

use std::cell::RefCell;

use capstan_api::{ApiError, CHANGE_HEADER, CHANGE_HEADER_VALUE, ErrorClass, TOKEN_FRAGMENT, json};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Headers, RequestInit, Response};

use super::dom::*;
use crate::words;

/// Under which name the token of this tab is stored.
const TOKEN: &str = "capstan.token";

thread_local! {
    static KNOWN: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Moves the token from the address into the storage of this tab.
pub fn move_token_to_session() {
    let location = window().location();
    let fragment = location.hash().unwrap_or_default();
    let fragment = fragment.trim_start_matches('#');
    // Other fragments are places of the page: `#main`.
    let given = fragment
        .strip_prefix(TOKEN_FRAGMENT)
        .and_then(|rest| rest.strip_prefix('='))
        .unwrap_or_default();
    let storage = window().session_storage().ok().flatten();
    if given.is_empty() {
        let stored = storage.and_then(|storage| storage.get_item(TOKEN).ok().flatten());
        KNOWN.set(stored);
        return;
    }
    if let Some(storage) = storage {
        let _ = storage.set_item(TOKEN, given);
    }
    KNOWN.set(Some(given.to_owned()));
    let path = format!(
        "{}{}",
        location.pathname().unwrap_or_default(),
        location.search().unwrap_or_default()
    );
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&path));
    }
}

/// Uses another token.
pub fn set_token(token: &str) {
    if let Ok(Some(storage)) = window().session_storage() {
        let _ = storage.set_item(TOKEN, token);
    }
    KNOWN.set(Some(token.to_owned()));
}

/// Sends a GET request with the token, and reads the JSON of the answer.
pub async fn get<T: DeserializeOwned>(path: &str) -> Result<T, ApiError> {
    let text = text(path).await?;
    read(&text)
}

/// Gets a text.
pub async fn text(path: &str) -> Result<String, ApiError> {
    body(fetch(path, "GET", None, None, None).await?).await
}

/// Sends a POST request with the token and the header that changes need.
pub async fn post<B: Serialize, T: DeserializeOwned>(path: &str, what: &B) -> Result<T, ApiError> {
    let json = serde_json::to_string(what).map_err(|error| other(error.to_string()))?;
    let text = body(fetch(path, "POST", Some(&json), None, None).await?).await?;
    read(&text)
}

/// Opens a stream that goes on after a record.
pub async fn open(path: &str, after: Option<&str>, signal: &AbortSignal) -> Result<Response, ApiError> {
    fetch(path, "GET", None, after, Some(signal)).await
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, ApiError> {
    json::from_str(text).map_err(|error| other(format!("{}: {error}", words::STRANGE_ANSWER)))
}

fn other(message: String) -> ApiError {
    ApiError::new(ErrorClass::Other, message)
}

async fn body(response: Response) -> Result<String, ApiError> {
    let promise = response.text().map_err(|_| other(words::NO_ANSWER.to_owned()))?;
    let text = JsFuture::from(promise)
        .await
        .map_err(|_| other(words::NO_ANSWER.to_owned()))?;
    Ok(text.as_string().unwrap_or_default())
}

async fn fetch(
    path: &str,
    method: &str,
    json: Option<&str>,
    after: Option<&str>,
    signal: Option<&AbortSignal>,
) -> Result<Response, ApiError> {
    let no_answer = |_: JsValue| other(words::NO_ANSWER.to_owned());
    let headers = Headers::new().map_err(no_answer)?;
    let set = |name: &str, value: &str| headers.set(name, value).map_err(no_answer);
    if let Some(token) = KNOWN.with_borrow(Clone::clone) {
        set("Authorization", &format!("Bearer {token}"))?;
    }
    if let Some(after) = after {
        set("Last-Event-ID", after)?;
    }
    let options = RequestInit::new();
    options.set_method(method);
    if let Some(json) = json {
        set("Content-Type", "application/json")?;
        set(CHANGE_HEADER, CHANGE_HEADER_VALUE)?;
        options.set_body(&JsValue::from(json));
    }
    options.set_headers(&headers);
    options.set_signal(signal);
    let promise = window().fetch_with_str_and_init(path, &options);
    let response: Response = JsFuture::from(promise).await.map_err(no_answer)?.unchecked_into();
    if response.ok() {
        return Ok(response);
    }
    let status = response.status();
    let text = body(response).await.unwrap_or_default();
    Err(json::from_str(&text).unwrap_or_else(|_| {
        let class = match status {
            401 => ErrorClass::SignIn,
            403 => ErrorClass::Denied,
            404 => ErrorClass::NotFound,
            _ => ErrorClass::Cluster,
        };
        ApiError::new(class, words::status(status))
    }))
}
