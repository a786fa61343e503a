//! The credentials for a registry: those that were given for it, else those in docker's `config.json` or from docker's credential
//! helpers.

use std::{collections::BTreeMap, fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use capstan_process::{Command, Environment, Program};
use serde::Deserialize;

use crate::{access::Access, error::RegistryError};

/// How long a helper may run: one that asks the user something would never end.
const HELPER_TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes of a helper's answer: tokens of clouds have a few thousand.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Docker's name of Docker Hub.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// The user name in a helper's answer whose secret is a token.
const TOKEN_USER: &str = "<token>";

/// The credentials for a registry.
#[derive(PartialEq, Eq)]
pub(crate) enum Auth {
    /// No credentials.
    Anonymous,
    /// A user name, and a password or an equivalent.
    Password(String, String),
    /// A token for the registry itself.
    Token(String),
    /// An identity token, for the registry's token server.
    IdentityToken(String),
}

/// Without the secrets, for logs.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Auth::Anonymous => "nobody",
            Auth::Password(user, _) => user,
            Auth::Token(_) => "a token",
            Auth::IdentityToken(_) => "an identity token",
        })
    }
}

/// Credentials, with a description for people.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) auth: Auth,
    /// The user name, and where the credentials come from.
    pub(crate) description: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct DockerConfig {
    auths: BTreeMap<String, DockerAuth>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "lowercase")]
struct DockerAuth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    username: String,
    secret: String,
}

/// Finds the credentials for a registry.
pub(crate) async fn find(access: &Access, registry: &str) -> Result<Credentials, RegistryError> {
    if let Some(login) = access.login.as_ref().filter(|login| login.registry == registry) {
        return Ok(Credentials {
            auth: Auth::Password(login.user.clone(), login.password.clone()),
            description: Some(format!("`{}` of CAPSTAN_REGISTRY_USER", login.user)),
        });
    }
    let nobody = Credentials {
        auth: Auth::Anonymous,
        description: None,
    };
    let Some(path) = access
        .docker_config_folder
        .as_ref()
        .map(|folder| folder.join("config.json"))
    else {
        return Ok(nobody);
    };
    let wrong = |reason: String| RegistryError::Credentials {
        host: registry.to_owned(),
        reason: format!("{}: {reason}", path.display()),
    };
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(nobody),
        Err(error) => return Err(wrong(error.to_string())),
    };
    let config: DockerConfig = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    let names = docker_config_keys(registry);
    let named = |map: &BTreeMap<String, String>| {
        names
            .iter()
            .find_map(|name| map.get(name).map(|found| (name.clone(), found.clone())))
    };
    if let Some((server, helper)) = named(&config.cred_helpers) {
        let found = ask_helper(&helper, &server).await.map_err(wrong)?;
        return Ok(found.map_or(nobody, |answer| credentials_from_helper(answer, &helper)));
    }
    let entry = names.iter().find_map(|name| config.auths.get(name));
    if let Some(found) = entry.map(auth_from_entry).transpose().map_err(wrong)?.flatten() {
        let user = match &found {
            Auth::Password(user, _) => format!("`{user}`"),
            Auth::Token(_) | Auth::IdentityToken(_) | Auth::Anonymous => "the token".to_owned(),
        };
        return Ok(Credentials {
            auth: found,
            description: Some(format!("{user} of {}", path.display())),
        });
    }
    let Some(helper) = config.creds_store.filter(|helper| !helper.is_empty()) else {
        return Ok(nobody);
    };
    for server in names {
        if let Some(answer) = ask_helper(&helper, &server).await.map_err(wrong)? {
            return Ok(credentials_from_helper(answer, &helper));
        }
    }
    Ok(nobody)
}

/// Lists the names of a registry in docker's configuration.
fn docker_config_keys(registry: &str) -> Vec<String> {
    let mut names = vec![
        registry.to_owned(),
        format!("https://{registry}"),
        format!("https://{registry}/"),
    ];
    if ["docker.io", "index.docker.io"].contains(&registry) {
        names.push(DOCKER_HUB.to_owned());
    }
    names
}

fn auth_from_entry(entry: &DockerAuth) -> Result<Option<Auth>, String> {
    if let Some(token) = entry.registrytoken.as_ref().filter(|token| !token.is_empty()) {
        return Ok(Some(Auth::Token(token.clone())));
    }
    if let Some(token) = entry.identitytoken.as_ref().filter(|token| !token.is_empty()) {
        return Ok(Some(Auth::IdentityToken(token.clone())));
    }
    if let (Some(user), Some(password)) = (&entry.username, &entry.password) {
        return Ok(Some(Auth::Password(user.clone(), password.clone())));
    }
    let Some(auth) = entry.auth.as_ref().filter(|auth| !auth.is_empty()) else {
        return Ok(None);
    };
    let decoded = STANDARD
        .decode(auth)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded
        .as_deref()
        .and_then(|text| text.trim_end_matches('\0').split_once(':'))
    {
        Some((user, password)) => Ok(Some(Auth::Password(user.to_owned(), password.to_owned()))),
        None => Err("its `auth` is not the base64 of USER:PASSWORD".to_owned()),
    }
}

fn credentials_from_helper(answer: HelperAnswer, helper: &str) -> Credentials {
    let of_helper = |who: &str| Some(format!("{who} of docker-credential-{helper}"));
    if answer.username == TOKEN_USER {
        return Credentials {
            auth: Auth::IdentityToken(answer.secret),
            description: of_helper("the token"),
        };
    }
    Credentials {
        description: of_helper(&format!("`{}`", answer.username)),
        auth: Auth::Password(answer.username, answer.secret),
    }
}

/// Runs a credential helper of docker; returns `None` if it has no credentials for the server.
async fn ask_helper(helper: &str, server: &str) -> Result<Option<HelperAnswer>, String> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if !helper.chars().all(is_name) {
        return Err(format!("`{helper}` is not the name of a helper"));
    }
    let name = format!("docker-credential-{helper}");
    let program = Program::find(&name).ok_or_else(|| format!("{name} can't be run: it is not in PATH"))?;
    run_helper(&program, server).await
}

async fn run_helper(program: &Program, server: &str) -> Result<Option<HelperAnswer>, String> {
    let name = program.name();
    // The helper is the user's own program, which may need their session. It works in the root folder, away from the deployed files.
    let mut command = Command::new(program, Environment::Inherited);
    command
        .constant("get")
        .input(server.as_bytes().to_vec())
        .deadline(HELPER_TIMEOUT)
        .max_output_bytes(MAX_ANSWER_BYTES);
    // Dropping this future ends the helper.
    let _guard = command.canceller().guard();
    let output = match tokio::task::spawn_blocking(move || command.run()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("{name} can't be run: {error}")),
        Err(error) => return Err(format!("{name} can't be run: {error}")),
    };
    let output_text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        let answer = serde_json::from_slice(&output.stdout);
        return answer
            .map(Some)
            .map_err(|_| format!("{name} printed output that can't be read"));
    }
    if output_text.contains("credentials not found") {
        return Ok(None);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let why = [output_text.trim(), errors.trim()].join(" ");
    Err(format!("{name} failed: {}", why.trim()))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn access(folder: &std::path::Path, config: &str) -> Access {
        fs::write(folder.join("config.json"), config).unwrap();
        Access {
            docker_config_folder: Some(folder.to_owned()),
            ..Access::from_environment(&|_| None)
        }
    }

    fn found(config: &str, registry: &str) -> Result<Credentials, RegistryError> {
        let folder = tempfile::tempdir().unwrap();
        let access = access(folder.path(), config);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(find(&access, registry))
    }

    fn basic(user: &str, password: &str) -> Auth {
        Auth::Password(user.to_owned(), password.to_owned())
    }

    #[test]
    fn dockers_file_is_read_as_docker_writes_it() {
        let config = r#"{"auths": {
            "a.io": {"auth": "bWU6c2VjcmV0OndpdGg6Y29sb25z"},
            "https://b.io": {"username": "you", "password": "word"},
            "https://index.docker.io/v1/": {"auth": "aHViOmh1Yg=="},
            "c.io": {"registrytoken": "token"},
            "d.io": {},
            "e.io": {"auth": "PHRva2VuPjo=", "identitytoken": "identity"}
        }}"#;
        let auth = |registry| found(config, registry).unwrap().auth;
        assert_eq!(auth("a.io"), basic("me", "secret:with:colons"));
        assert_eq!(auth("b.io"), basic("you", "word"));
        assert_eq!(auth("docker.io"), basic("hub", "hub"));
        assert_eq!(auth("c.io"), Auth::Token("token".to_owned()));
        assert_eq!(auth("d.io"), Auth::Anonymous);
        assert_eq!(auth("e.io"), Auth::IdentityToken("identity".to_owned()));
        assert_eq!(auth("a.io.evil.org"), Auth::Anonymous, "nobody else is told");
        for (config, reason) in [
            ("{", "EOF"),
            (r#"{"auths": {"a.io": {"auth": "!"}}}"#, "is not the base64"),
            (
                r#"{"credHelpers": {"a.io": "no-such-helper"}}"#,
                "docker-credential-no-such-helper can't be run",
            ),
            (r#"{"credsStore": "../a"}"#, "`../a` is not the name of a helper"),
            (r#"{"credsStore": "a b"}"#, "`a b` is not the name of a helper"),
        ] {
            let error = found(config, "a.io").unwrap_err().to_string();
            assert!(error.contains(reason), "{config}: {error}");
        }
    }

    #[test]
    fn a_helper_is_asked_as_docker_asks_it() {
        let folder = tempfile::tempdir().unwrap();
        let helper = folder.path().join("docker-credential-capstan-test");
        let script = "#!/bin/sh\nread -r server\ncase $server in\n\
            a.io) echo '{\"Username\": \"me\", \"Secret\": \"of a helper\"}';;\n\
            b.io) echo '{\"Username\": \"<token>\", \"Secret\": \"t\"}';;\n\
            c.io) echo 'the keychain is locked'; exit 1;;\n\
            *) echo 'credentials not found in native keychain'; exit 1;;\nesac\n";
        fs::write(&helper, script).unwrap();
        fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        // By its path: the search path of this process belongs to all its tests.
        let helper = Program::at(&helper).unwrap();
        let ask = |server: &str| runtime.block_on(run_helper(&helper, server));
        assert_eq!(ask("a.io").unwrap().unwrap().secret, "of a helper");
        let identity = credentials_from_helper(ask("b.io").unwrap().unwrap(), "x");
        assert_eq!(identity.auth, Auth::IdentityToken("t".to_owned()));
        assert!(ask("c.io").err().unwrap().ends_with("failed: the keychain is locked"));
        assert!(ask("d.io").unwrap().is_none());
    }
}
