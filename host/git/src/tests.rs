//! Fetches from real repositories, which real `git http-backend` serves behind a small HTTPS server.

mod access;
mod fetching;
mod hostile;
mod repository;
mod server;
mod signed;
mod trees;

use std::time::Duration;

use self::{repository::Repository, server::Server};
use crate::{
    Access, Credentials, FetchRequest, Fetched, GitClient, GitError, Limits, RepositoryPath, RepositoryUrl, Revision,
    Snapshot,
};

/// A server, the repositories that it serves, and a client that trusts its CA.
struct Setup {
    server: Server,
    repository: Repository,
    access: Access,
}

impl Setup {
    /// Serves a new repository as `/acme/shop.git`.
    async fn new() -> Setup {
        let repository = Repository::new();
        let server = Server::start(repository.root()).await;
        let access = Access {
            ca_certificates: server.ca_pem().into_bytes(),
            allows_local: true,
            limits: Limits {
                deadline: Duration::from_secs(30),
                ..Limits::default()
            },
            ..Access::default()
        };
        Setup {
            server,
            repository,
            access,
        }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/acme/shop.git", self.server.port())
    }

    fn request(&self, revision: Revision, paths: &[&str]) -> FetchRequest {
        FetchRequest {
            url: RepositoryUrl::parse(&self.url()).unwrap(),
            revision,
            paths: paths.iter().map(|path| RepositoryPath::parse(path).unwrap()).collect(),
            credentials: None,
            verify: None,
        }
    }

    fn client(&self) -> GitClient {
        GitClient::new(self.access.clone()).unwrap()
    }

    async fn fetch(&self, request: &FetchRequest) -> Result<Snapshot, GitError> {
        match self.client().fetch(request, None).await? {
            Fetched::Changed(snapshot) => Ok(*snapshot),
            Fetched::Unchanged => panic!("nothing was known"),
        }
    }

    /// Fetches the folder `shop` of the branch `main`.
    async fn fetch_shop(&self) -> Result<Snapshot, GitError> {
        self.fetch(&self.request(main(), &["shop"])).await
    }

    async fn fetch_with_limits(&self, change: impl FnOnce(&mut Limits)) -> Result<Snapshot, GitError> {
        let mut access = self.access.clone();
        change(&mut access.limits);
        let client = GitClient::new(access).unwrap();
        match client.fetch(&self.request(main(), &["shop"]), None).await? {
            Fetched::Changed(snapshot) => Ok(*snapshot),
            Fetched::Unchanged => panic!("nothing was known"),
        }
    }
}

fn main() -> Revision {
    Revision::branch("main").unwrap()
}

fn paths(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.files.iter().map(|file| file.path.as_str()).collect()
}

/// What the user sees of an error, and what may help.
fn shown(result: Result<Snapshot, GitError>) -> String {
    let error = match result {
        Ok(snapshot) => panic!("{:?}", paths(&snapshot)),
        Err(error) => error,
    };
    format!("{error}; hint: {}", error.remedies().free_text())
}

fn alice(password: &str) -> Credentials {
    Credentials::basic("alice", password).unwrap()
}
