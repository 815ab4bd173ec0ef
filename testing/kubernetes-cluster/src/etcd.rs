//! An etcd of one or more members for tests, which can be killed and started again on the same data.
//!
//! Unlike the one in a [`crate::Cluster`] it can have members, TLS with client certificates, and users.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::Options;
use crate::certificates::{self, Certificates};
use crate::process::{POLL_INTERVAL, PORT_ATTEMPTS, Process, READY_DEADLINE};

/// How long a request of a test may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What to start.
#[derive(Clone, Debug)]
pub struct EtcdOptions {
    options: Options,
    members: usize,
    tls: bool,
    flags: Vec<String>,
}

impl EtcdOptions {
    /// One member, without TLS, of the programs of `GRANGE_KUBERNETES_BIN`; if that is not set, says `skipped: …` on
    /// standard output and gives `None`.
    pub fn from_environment() -> Option<Self> {
        let options = Options::from_environment()?;
        Some(Self { options, members: 1, tls: false, flags: Vec::new() })
    }

    /// Several members.
    #[must_use]
    pub fn members(mut self, count: usize) -> Self {
        self.members = count;
        self
    }

    /// TLS, and clients must show a certificate.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Keeps what it acknowledged (fsync).
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.options = self.options.durable();
        self
    }

    /// A further flag.
    #[must_use]
    pub fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }
}

/// What clients of an etcd with TLS need, all PEM.
#[derive(Clone)]
pub struct EtcdCredentials {
    /// The authority that signed the members' certificates.
    pub ca_pem: String,
    /// A client's certificate.
    pub certificate_pem: String,
    /// Its key.
    pub key_pem: String,
}

/// A running etcd, ended when this is dropped.
#[derive(Debug)]
pub struct Etcd {
    // Before the folder: fields are dropped in this order.
    members: Vec<Member>,
    options: EtcdOptions,
    client: reqwest::Client,
    folder: TempDir,
}

#[derive(Debug)]
struct Member {
    process: Option<Process>,
    url: String,
    folder: PathBuf,
    flags: Vec<String>,
}

impl Etcd {
    /// Starts the members and waits until they are ready.
    ///
    /// # Errors
    /// When a program cannot be started, ends by itself or is not ready within two minutes; with the end of its log.
    pub async fn start(options: EtcdOptions) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("grange-etcd-").tempdir().context("making a folder")?;
        let mut builder = reqwest::Client::builder().no_proxy().timeout(REQUEST_TIMEOUT);
        if options.tls {
            let made = certificates::generate()?;
            write_certificates(folder.path(), &made)?;
            let authority = reqwest::Certificate::from_pem(made.authority.certificate_pem.as_bytes())?;
            let identity = format!("{}{}", made.admin.certificate_pem, made.admin.key_pem);
            let identity = reqwest::Identity::from_pem(identity.as_bytes())?;
            builder = builder.tls_certs_only([authority]).identity(identity);
        }
        let client = builder.build().context("making a client")?;
        let mut etcd = Self { members: Vec::new(), options, client, folder };
        for attempt in 0..PORT_ATTEMPTS {
            etcd.members = etcd.plan(attempt)?;
            if etcd.run_all().await? {
                return Ok(etcd);
            }
        }
        bail!("etcd found {PORT_ATTEMPTS} times in a row a port taken")
    }

    /// The members' client addresses.
    pub fn urls(&self) -> Vec<String> {
        self.members.iter().map(|member| member.url.clone()).collect()
    }

    /// What clients need if it has TLS.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn credentials(&self) -> Result<EtcdCredentials> {
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).context("a PEM file");
        Ok(EtcdCredentials {
            ca_pem: read("ca.crt")?,
            certificate_pem: read("client.crt")?,
            key_pem: read("client.key")?,
        })
    }

    /// Kills a member with SIGKILL.
    pub fn kill(&mut self, member: usize) {
        self.members[member].process = None;
    }

    /// Starts a killed member on the data it left, at the same address.
    ///
    /// # Errors
    /// As [`Etcd::start`].
    pub async fn restart(&mut self, member: usize) -> Result<()> {
        let deadline = Instant::now() + READY_DEADLINE;
        loop {
            self.members[member].run(&self.options.options.binaries)?;
            if self.wait_until_ready(member).await? {
                return Ok(());
            }
            // Somebody had the port for a moment: an outgoing connection, most likely.
            if Instant::now() > deadline {
                bail!("the member's port is taken");
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Deletes what a killed member stored.
    ///
    /// # Errors
    /// When the folder cannot be deleted.
    pub fn wipe(&self, member: usize) -> Result<()> {
        fs::remove_dir_all(self.members[member].folder.join("data")).context("deleting a member's data")
    }

    /// Calls a method of the JSON gateway, such as `kv/deleterange`; without TLS only.
    ///
    /// # Errors
    /// When etcd refuses.
    pub async fn post(&self, method: &str, body: &Value) -> Result<Value> {
        let url = format!("{}/v3/{method}", self.members[0].url);
        let answer = self.client.post(url).body(body.to_string()).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("etcd answers {method} with {status}: {text}");
        }
        serde_json::from_str(&text).with_context(|| format!("etcd's answer to {method}: {text}"))
    }

    /// Makes the user `root` with a password, and asks everybody for one from now on.
    ///
    /// # Errors
    /// When etcd refuses.
    pub async fn require_password(&self, password: &str) -> Result<()> {
        self.post("auth/user/add", &json!({"name": "root", "password": password})).await?;
        self.post("auth/role/add", &json!({"name": "root"})).await?;
        self.post("auth/user/grant", &json!({"user": "root", "role": "root"})).await?;
        self.post("auth/enable", &json!({})).await?;
        Ok(())
    }

    /// Chooses ports and, with them, everything that the members are told.
    fn plan(&self, attempt: usize) -> Result<Vec<Member>> {
        let count = self.options.members;
        // All held until all are found, so that they differ.
        let listeners: Vec<TcpListener> =
            (0..count * 2).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<_, _>>()?;
        let ports: Vec<u16> = listeners
            .iter()
            .map(|listener| Ok(listener.local_addr()?.port()))
            .collect::<Result<_>>()
            .context("looking for free ports")?;
        let peer_url = |member: usize| format!("http://127.0.0.1:{}", ports[member * 2 + 1]);
        let peers: Vec<String> =
            (0..count).map(|member| format!("member-{member}={}", peer_url(member))).collect();
        let scheme = if self.options.tls { "https" } else { "http" };
        let member = |index: usize| {
            let folder = self.folder.path().join(format!("attempt-{attempt}-member-{index}"));
            let url = format!("{scheme}://127.0.0.1:{}", ports[index * 2]);
            let mut flags = vec![
                format!("--name=member-{index}"),
                format!("--data-dir={}", folder.join("data").display()),
                format!("--listen-client-urls={url}"),
                format!("--advertise-client-urls={url}"),
                format!("--listen-peer-urls={}", peer_url(index)),
                format!("--initial-advertise-peer-urls={}", peer_url(index)),
                format!("--initial-cluster={}", peers.join(",")),
                "--log-level=warn".to_owned(),
            ];
            if !self.options.options.durable {
                flags.push("--unsafe-no-fsync=true".to_owned());
            }
            if self.options.tls {
                let file = |name: &str| self.folder.path().join(name).display().to_string();
                flags.extend([
                    format!("--cert-file={}", file("server.crt")),
                    format!("--key-file={}", file("server.key")),
                    format!("--trusted-ca-file={}", file("ca.crt")),
                    "--client-cert-auth=true".to_owned(),
                    // It would show clients the server's certificate as its own, which is good for servers only.
                    "--enable-grpc-gateway=false".to_owned(),
                ]);
            }
            flags.extend(self.options.flags.iter().cloned());
            Member { process: None, url, folder, flags }
        };
        Ok((0..count).map(member).collect())
    }

    /// Starts all and waits for all; `false` says that a port was taken.
    async fn run_all(&mut self) -> Result<bool> {
        for member in &mut self.members {
            fs::create_dir_all(&member.folder).context("making a member's folder")?;
            member.run(&self.options.options.binaries)?;
        }
        for member in 0..self.members.len() {
            if !self.wait_until_ready(member).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn wait_until_ready(&mut self, member: usize) -> Result<bool> {
        let client = self.client.clone();
        let Member { process: Some(process), url, .. } = &mut self.members[member] else {
            bail!("member {member} does not run");
        };
        // Ready is who can serve a read that a majority confirmed.
        let url = format!("{url}/health");
        let ready = || {
            let health = client.get(&url).send();
            async { health.await.is_ok_and(|answer| answer.status().is_success()) }
        };
        process.until_ready(ready).await
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let processes = self.members.iter().filter_map(|member| member.process.as_ref());
            eprintln!("{}", processes.map(Process::log_tail).collect::<String>());
        }
    }
}

impl Member {
    fn run(&mut self, binaries: &Path) -> Result<()> {
        // The log is read for what this process says, not the one before.
        let _ = fs::remove_file(self.folder.join("etcd.log"));
        self.process = Some(Process::start(binaries, &self.folder, "etcd", &self.flags)?);
        Ok(())
    }
}

fn write_certificates(folder: &Path, made: &Certificates) -> Result<()> {
    let files = [
        ("ca.crt", &made.authority.certificate_pem),
        ("server.crt", &made.server.certificate_pem),
        ("server.key", &made.server.key_pem),
        ("client.crt", &made.admin.certificate_pem),
        ("client.key", &made.admin.key_pem),
    ];
    for (name, content) in files {
        fs::write(folder.join(name), content).with_context(|| format!("writing {name}"))?;
    }
    Ok(())
}
