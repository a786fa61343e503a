//! Addresses of the page: `/apps/NS/NAME/plan?open=…`. What changes what is seen is in the address.

use capstan_api::path::encoded;

/// An address: a path in its parts, and a query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    pub path: Vec<String>,
    pub query: Vec<(String, String)>,
}

/// Which page an address shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    Applications,
    Application { namespace: String, name: String, tab: Tab },
    Plugins,
    Unknown,
}

/// The pages of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tab {
    /// Its running operation, else the last, or the one with this number.
    Operation(Option<String>),
    Objects,
    Plan,
    History,
}

impl Address {
    /// Reads a path and a query as the browser has them.
    pub fn parse(path: &str, query: &str) -> Address {
        let parts = path.split('/').filter(|part| !part.is_empty());
        let pairs = query.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty());
        Address {
            path: parts.map(decoded).collect(),
            query: pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decoded(name), decoded(value))
                })
                .collect(),
        }
    }

    /// Returns the path and query of the route.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for part in &self.path {
            text.push('/');
            text.push_str(&encoded(part));
        }
        if text.is_empty() {
            text.push('/');
        }
        for (place, (name, value)) in self.query.iter().enumerate() {
            text.push(if place == 0 { '?' } else { '&' });
            text.push_str(&encoded(name));
            if !value.is_empty() {
                text.push('=');
                text.push_str(&encoded(value));
            }
        }
        text
    }

    /// Returns a value of the query.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Changes a value of the query, or removes it.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<&str>) -> Address {
        self.query.retain(|(known, _)| known != name);
        if let Some(value) = value {
            self.query.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Returns which page it shows.
    pub fn route(&self) -> Route {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let application = |namespace: &str, name: &str, tab| Route::Application {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            tab,
        };
        match path[..] {
            [] | ["apps"] => Route::Applications,
            ["plugins"] => Route::Plugins,
            ["apps", namespace, name] => application(namespace, name, Tab::Operation(None)),
            ["apps", namespace, name, "operations", id] => {
                application(namespace, name, Tab::Operation(Some(id.to_owned())))
            }
            ["apps", namespace, name, "objects"] => application(namespace, name, Tab::Objects),
            ["apps", namespace, name, "plan"] => application(namespace, name, Tab::Plan),
            ["apps", namespace, name, "history"] => application(namespace, name, Tab::History),
            _ => Route::Unknown,
        }
    }
}

/// Returns the address of an application's page, with what follows its name: `/plan`.
pub fn application(namespace: &str, name: &str, rest: &str) -> String {
    format!("/apps/{}/{}{rest}", encoded(namespace), encoded(name))
}

/// Decodes a segment of a path or a value of a query. What is not text is replaced.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let pair = bytes
            .get(at + 1..at + 3)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        match (byte, pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(value)) => {
                decoded.push(value);
                at += 3;
            }
            (b'+', _) => {
                decoded.push(b' ');
                at += 1;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        let text = "/apps/shop/a%2Fb?task=Sync%2F0%2Fx%20y&still";
        let address = Address::parse("/apps/shop/a%2Fb", "?task=Sync%2F0%2Fx%20y&still");
        assert_eq!(address.get("task"), Some("Sync/0/x y"));
        assert_eq!(address.text(), text);
        assert_eq!(
            address.route(),
            Route::Application {
                namespace: "shop".to_owned(),
                name: "a/b".to_owned(),
                tab: Tab::Operation(None)
            }
        );
        assert_eq!(Address::parse("/", "").text(), "/");
    }

    #[test]
    fn the_query_is_changed_and_strange_addresses_are_no_page() {
        let address = Address::parse("/apps", "show=failed&find=a+b");
        assert_eq!(address.get("find"), Some("a b"));
        let changed = address.with("show", None).with("find", Some("c"));
        assert_eq!(changed.text(), "/apps?find=c");
        assert_eq!(Address::parse("/apps/x", "").route(), Route::Unknown);
        assert_eq!(Address::parse("/%zz", "").path, ["%zz"]);
        assert_eq!(
            Address::parse("/apps/a/b/operations/4", "").route(),
            Route::Application {
                namespace: "a".to_owned(),
                name: "b".to_owned(),
                tab: Tab::Operation(Some("4".to_owned()))
            }
        );
    }
}
