//! A repository in a registry, with our credentials. `oci-client` pushes; downloads and tokens go through [`Http`](crate::http::Http),
//! which limits every answer.

use bytes::Bytes;
use oci_client::{
    Client, Reference, RegistryOperation,
    client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol},
    errors::OciDistributionError,
    secrets::RegistryAuth,
};
use reqwest::header::HeaderValue;
use tokio::time::timeout;

use crate::{
    credentials::{self, Credentials},
    digest::Digest,
    error::RegistryError,
    http::{self, Http, HttpRequest},
    layout,
    source::OciSource,
    token::{self, Authorization, TokenRequest},
};

/// The header in which a registry says what a manifest's digest is.
const DIGEST_HEADER: &str = "docker-content-digest";

/// A repository, with our credentials for it.
pub(crate) struct RemoteRepository<'a> {
    http: &'a Http,
    client: Client,
    reference: Reference,
    host: String,
    base: String,
    credentials: Credentials,
    authorization: Option<HeaderValue>,
}

impl<'a> RemoteRepository<'a> {
    /// Logs in to the registry of a source.
    pub(crate) async fn connect(
        http: &'a Http,
        source: &OciSource,
        operation: RegistryOperation,
    ) -> Result<RemoteRepository<'a>, RegistryError> {
        let access = http.access();
        let reference = source.reference();
        let host = reference.resolve_registry().to_owned();
        let credentials = credentials::find(access, &source.registry).await?;
        let scheme = if access.is_plain(&source.registry) {
            "http"
        } else {
            "https"
        };
        let token_request = TokenRequest {
            registry: &format!("{scheme}://{host}"),
            repository: &source.repository,
            operation,
        };
        let granted = token::authorize(http, &token_request, &credentials).await?;
        let authorization = granted.to_header().map_err(|reason| RegistryError::Credentials {
            host: host.clone(),
            reason,
        })?;
        let client = client(http)?;
        // With this authorization it doesn't request a token of its own.
        let auth = match granted {
            Authorization::None => RegistryAuth::Anonymous,
            Authorization::Basic(user, password) => RegistryAuth::Basic(user, password),
            Authorization::Bearer(token) => RegistryAuth::Bearer(token),
        };
        client.store_auth_if_needed(&host, &auth).await;
        Ok(RemoteRepository {
            base: format!("{scheme}://{host}/v2/{}", source.repository),
            client,
            reference,
            host,
            http,
            credentials,
            authorization,
        })
    }

    /// Downloads a manifest by its tag or digest, and returns it with its digest.
    pub(crate) async fn manifest(&self, name: &str, accept: &[&str]) -> Result<(Vec<u8>, Digest), RegistryError> {
        let separator = if name.contains(':') { '@' } else { ':' };
        let what = format!("{}/{}{separator}{name}", self.host, self.reference.repository());
        let limit = self.http.access().limits.max_document_bytes;
        let got = self.get(&format!("manifests/{name}"), accept, &what, limit).await?;
        let found = Digest::from_bytes(&got.body);
        let promised = got.headers.get(DIGEST_HEADER).and_then(|value| value.to_str().ok());
        for expected in [promised, Some(name)]
            .into_iter()
            .flatten()
            .filter_map(|text| text.parse().ok())
        {
            if expected != found {
                return Err(RegistryError::WrongDigest { what, expected, found });
            }
        }
        Ok((got.body, found))
    }

    /// Downloads a blob.
    pub(crate) async fn blob(&self, digest: Digest, what: &str, limit: u64) -> Result<Vec<u8>, RegistryError> {
        let got = self.get(&format!("blobs/{digest}"), &[], what, limit).await?;
        let found = Digest::from_bytes(&got.body);
        if found != digest {
            return Err(RegistryError::WrongDigest {
                what: what.to_owned(),
                expected: digest,
                found,
            });
        }
        Ok(got.body)
    }

    /// Lists the manifests that refer to a manifest. A registry without such lists has them under a tag.
    pub(crate) async fn referrers(&self, subject: Digest) -> Result<layout::Index, RegistryError> {
        let what = format!("what refers to {}@{subject}", self.reference.repository());
        let limit = self.http.access().limits.max_document_bytes;
        let path = format!("referrers/{subject}");
        let listed =
            not_found_as_none(self.get(&path, &[layout::INDEX_MEDIA_TYPE], &what, limit).await)?.map(|got| got.body);
        let listed = if listed.is_some() {
            listed
        } else {
            let tag = format!("sha256-{}", subject.hex());
            not_found_as_none(self.manifest(&tag, &[layout::INDEX_MEDIA_TYPE]).await)?.map(|(body, _)| body)
        };
        let Some(body) = listed else {
            return Ok(layout::Index::default());
        };
        serde_json::from_slice(&body).map_err(|error| RegistryError::UnexpectedAnswer {
            host: self.host.clone(),
            what,
            answer: format!("something that is not a list: {error}"),
        })
    }

    async fn get(
        &self,
        path: &str,
        accept: &[&str],
        what: &str,
        limit: u64,
    ) -> Result<http::HttpAnswer, RegistryError> {
        let request = HttpRequest {
            url: &format!("{}/{path}", self.base),
            accept,
            authorization: self.authorization.as_ref(),
            form: None,
            credentials_description: self.credentials.description.as_deref(),
            description: what,
            max_bytes: limit,
        };
        self.http.get(&request).await
    }

    /// Uploads a blob, unless it is there.
    pub(crate) async fn push_blob(&self, content: Bytes, digest: Digest) -> Result<(), RegistryError> {
        let what = format!("an upload to {}", self.reference.repository());
        let digest = digest.to_string();
        if self
            .with_timeout(self.client.blob_exists(&self.reference, &digest), &what)
            .await?
        {
            return Ok(());
        }
        let pushed = self.client.push_blob(&self.reference, content, &digest);
        self.with_timeout(pushed, &what).await.map(|_| ())
    }

    /// Uploads a manifest under the source's tag.
    pub(crate) async fn push_manifest(&self, content: Vec<u8>) -> Result<(), RegistryError> {
        let what = format!("an upload to {}", self.reference.repository());
        let media_type = HeaderValue::from_static(layout::MANIFEST_MEDIA_TYPE);
        let pushed = self.client.push_manifest_raw(&self.reference, content, media_type);
        self.with_timeout(pushed, &what).await.map(|_| ())
    }

    /// Runs a call of `oci-client` with a deadline, and converts its error.
    async fn with_timeout<T>(
        &self,
        work: impl Future<Output = Result<T, OciDistributionError>>,
        what: &str,
    ) -> Result<T, RegistryError> {
        let whole = self.http.access().limits.total_timeout;
        match timeout(whole, work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(self.convert_error(error, what)),
            Err(_) => Err(http::timeout_error(self.host.clone(), whole)),
        }
    }

    fn convert_error(&self, error: OciDistributionError, what: &str) -> RegistryError {
        let denied = || RegistryError::Denied {
            host: self.host.clone(),
            what: what.to_owned(),
            who: self.credentials.description.clone(),
        };
        match error {
            OciDistributionError::AuthenticationFailure(_)
            | OciDistributionError::UnauthorizedError { .. }
            | OciDistributionError::ServerError { code: 401 | 403, .. } => denied(),
            OciDistributionError::RequestError(error) => match error.status() {
                Some(status) if [401, 403].contains(&status.as_u16()) => denied(),
                Some(status) => RegistryError::UnexpectedAnswer {
                    host: self.host.clone(),
                    what: what.to_owned(),
                    answer: status.to_string(),
                },
                None => http::unreachable_error(self.host.clone(), &error),
            },
            other => RegistryError::UnexpectedAnswer {
                host: self.host.clone(),
                what: what.to_owned(),
                answer: other.to_string(),
            },
        }
    }
}

/// Converts `NotFound` to `None`.
pub(crate) fn not_found_as_none<T>(result: Result<T, RegistryError>) -> Result<Option<T>, RegistryError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(RegistryError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn client(http: &Http) -> Result<Client, RegistryError> {
    let access = http.access();
    let certificates = match &access.ca_file {
        Some(path) => vec![Certificate {
            encoding: CertificateEncoding::Pem,
            data: std::fs::read(path).map_err(|error| RegistryError::from_io(path, &error))?,
        }],
        None => Vec::new(),
    };
    let config = ClientConfig {
        protocol: ClientProtocol::HttpsExcept(access.plain_http.clone()),
        extra_root_certificates: certificates,
        use_monolithic_push: true,
        read_timeout: Some(access.limits.read_timeout),
        connect_timeout: Some(access.limits.connect_timeout),
        user_agent: concat!("capstan/", env!("CARGO_PKG_VERSION")),
        https_proxy: access.proxy.as_ref().map(|proxy| proxy.url.clone()),
        no_proxy: access
            .proxy
            .as_ref()
            .map(|proxy| http::no_proxy_list(&proxy.exceptions)),
        ..ClientConfig::default()
    };
    Client::try_from(config).map_err(|error| RegistryError::Unreachable {
        host: "the network".to_owned(),
        reason: error.to_string(),
    })
}
