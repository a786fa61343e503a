//! A registry for tests: CNCF distribution on a free port of loopback, with a login and with TLS by a CA of its own, as it is asked for.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use serde_json::json;

use crate::port::Port;
use crate::process::Process;
use crate::watchdog::Watchdog;
use crate::{Error, programs, users};

/// Who may log in to a registry with a login.
pub const USER: &str = "dev";

/// With which password.
pub const PASSWORD: &str = "let me in";

/// The bcrypt of the password, of the least cost that there is.
const HTPASSWD: &str = "dev:$2b$04$SR9M85MnRXbEaSMAdW1mJucbKuLekWeeLyG2vo5VkJyZON3Vjd7ZG\n";

const START: Duration = Duration::from_secs(20);

/// What a registry asks of who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Nothing: anybody may read and write, without TLS.
    Open,
    /// Nothing but to be spoken to with TLS.
    Tls,
    /// TLS, and a login for everything.
    TlsAndLogin,
}

/// A registry that is gone with this process, however that ends; dropping it ends it sooner.
#[derive(Debug)]
pub struct Registry {
    _process: Process,
    port: Port,
    dir: PathBuf,
    _watchdog: Watchdog,
}

impl Registry {
    /// Starts a registry that is empty; it answers when this returns. It is built at the first call on a machine.
    pub fn start(guard: Guard) -> Result<Self, Error> {
        let program = programs::distribution()?;
        let name = format!("capstan-registry-{}", users::random_hex(3)?);
        let dir = std::env::temp_dir().join(&name);
        fs::create_dir(&dir).with_context(|| format!("failed to create {}", dir.display()))?;
        let watchdog = Watchdog::start(&dir, &name)?;
        let port = Port::reserve()?;
        let config = dir.join("config.json");
        let text = configuration(&dir, port.number, guard)?;
        fs::write(&config, text).context("failed to write the registry's configuration")?;
        let mut command = Command::new(program);
        command.arg("serve").arg(&config).env("OTEL_TRACES_EXPORTER", "none");
        let mut process = Process::start("registry", command, &dir, watchdog.group())?;
        let deadline = Instant::now() + START;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port.number)).is_err() {
            process.check()?;
            if Instant::now() > deadline {
                return Err(anyhow::anyhow!("the registry does not answer; {}", process.last_words()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self {
            _process: process,
            port,
            dir,
            _watchdog: watchdog,
        })
    }

    /// Returns its address, as HOST:PORT.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port.number)
    }

    /// Returns the file with the certificate of its CA, in PEM; it is there with TLS only.
    pub fn ca(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// Returns the folder in which it keeps what was pushed: `docker/registry/v2` in it, by the storage's own layout.
    pub fn storage(&self) -> PathBuf {
        self.dir.join("storage")
    }
}

/// JSON is YAML, and needs no writer of its own.
fn configuration(dir: &Path, port: u16, guard: Guard) -> anyhow::Result<String> {
    let mut config = json!({
        "version": "0.1",
        "log": { "level": "warn" },
        "storage": { "filesystem": { "rootdirectory": dir.join("storage") } },
        "http": { "addr": format!("127.0.0.1:{port}"), "secret": "one process, one secret" },
    });
    if guard != Guard::Open {
        let (certificate, key) = certify(dir)?;
        config["http"]["tls"] = json!({ "certificate": certificate, "key": key });
    }
    if guard == Guard::TlsAndLogin {
        let htpasswd = dir.join("htpasswd");
        fs::write(&htpasswd, HTPASSWD)?;
        config["auth"] = json!({ "htpasswd": { "realm": "test", "path": htpasswd } });
    }
    Ok(config.to_string())
}

/// Makes a CA and a certificate by it for loopback.
fn certify(dir: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let mut of_ca = CertificateParams::new(Vec::new())?;
    of_ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    of_ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca = CertifiedIssuer::self_signed(of_ca, KeyPair::generate()?)?;
    let mut of_server = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    of_server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = of_server.signed_by(&key, &ca)?;
    let (certificate_file, key_file) = (dir.join("server.pem"), dir.join("server.key"));
    fs::write(dir.join("ca.pem"), ca.pem())?;
    fs::write(&certificate_file, certificate.pem())?;
    fs::write(&key_file, key.serialize_pem())?;
    Ok((certificate_file, key_file))
}
