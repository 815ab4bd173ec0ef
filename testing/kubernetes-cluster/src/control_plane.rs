//! Starts the programs in order, each when the one before it is ready.
//!
//! They are told their ports, which therefore are free ones found beforehand.
//! Between the finding and the binding another process may take one: then the
//! program says so and ends, and it is started again with another port.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use reqwest::{Client, StatusCode};
use uuid::Uuid;

use crate::Options;
use crate::files::Files;
use crate::process::{PORT_ATTEMPTS, Process};

/// The running programs.
#[derive(Debug)]
pub(crate) struct ControlPlane {
    pub(crate) url: String,
    pub(crate) etcd_url: String,
    // Dropped in this order: what depends on another ends before it.
    controller_manager: Option<Process>,
    api_server: Process,
    etcd: Process,
}

impl ControlPlane {
    pub(crate) async fn start(options: &Options, files: &Files, folder: &Path) -> Result<Self> {
        let client = files.client(Some(&files.admin_token))?;

        // Only by its name can it be told from the etcd of another cluster that
        // has taken the same port in between: nothing here is encrypted.
        let member = Uuid::new_v4().to_string();
        let flags = |port| etcd_flags(options, folder, &member, port);
        let ready = {
            let (client, member) = (client.clone(), member.clone());
            async move |port| has_member(&client, port, &member).await
        };
        let (etcd, etcd_port) = start_ready(options, folder, "etcd", flags, ready).await?;
        let etcd_url = format!("http://127.0.0.1:{etcd_port}");

        let flags = |port| api_server_flags(options, files, &etcd_url, port);
        let ready = {
            let client = client.clone();
            async move |port| answers(&client, &format!("https://127.0.0.1:{port}/readyz")).await
        };
        let (api_server, port) = start_ready(options, folder, "kube-apiserver", flags, ready).await?;
        let url = format!("https://127.0.0.1:{port}");

        files.write_kubeconfigs(&url)?;
        let controller_manager = if options.controller_manager {
            let account = format!("{url}/api/v1/namespaces/default/serviceaccounts/default");
            let ready = async move |_| answers(&client, &account).await;
            let flags = |_| controller_manager_flags(files);
            Some(start_ready(options, folder, "kube-controller-manager", flags, ready).await?.0)
        } else {
            None
        };
        Ok(Self { url, etcd_url, controller_manager, api_server, etcd })
    }

    /// Kills kube-apiserver and starts it again at its port.
    pub(crate) async fn restart_api_server(
        &mut self,
        options: &Options,
        files: &Files,
        folder: &Path,
    ) -> Result<()> {
        let client = files.client(Some(&files.admin_token))?;
        let port = self.url.rsplit(':').next().and_then(|port| port.parse().ok()).context("the port")?;
        let flags = api_server_flags(options, files, &self.etcd_url, port);
        self.api_server.kill();
        let ready = format!("{}/readyz", self.url);
        for _ in 0..PORT_ATTEMPTS {
            self.api_server = Process::start(&options.binaries, folder, "kube-apiserver", &flags)?;
            if self.api_server.until_ready(async || answers(&client, &ready).await).await? {
                return Ok(());
            }
        }
        Err(anyhow!("kube-apiserver found its port taken {PORT_ATTEMPTS} times"))
    }

    fn processes(&self) -> impl Iterator<Item = &Process> {
        [Some(&self.etcd), Some(&self.api_server), self.controller_manager.as_ref()].into_iter().flatten()
    }

    pub(crate) fn process_ids(&self) -> Vec<(&'static str, u32)> {
        self.processes().map(|process| (process.name, process.id())).collect()
    }

    pub(crate) fn log_tails(&self) -> String {
        self.processes().map(Process::log_tail).collect()
    }
}

/// Starts a program on a free port and waits until `ready` says so.
async fn start_ready(
    options: &Options,
    folder: &Path,
    name: &'static str,
    flags: impl Fn(u16) -> Vec<String>,
    ready: impl AsyncFn(u16) -> bool,
) -> Result<(Process, u16)> {
    for _ in 0..PORT_ATTEMPTS {
        let port = free_port()?;
        let mut process = Process::start(&options.binaries, folder, name, &flags(port))?;
        if process.until_ready(|| ready(port)).await? {
            return Ok((process, port));
        }
    }
    Err(anyhow!("{name} found {PORT_ATTEMPTS} ports in a row taken"))
}

async fn answers(client: &Client, url: &str) -> bool {
    client.get(url).send().await.is_ok_and(|response| response.status() == StatusCode::OK)
}

/// Whether the etcd at `port` has a leader and is the one called `member`.
async fn has_member(client: &Client, port: u16, member: &str) -> bool {
    let url = format!("http://127.0.0.1:{port}/v3/cluster/member/list");
    let Ok(response) = client.post(url).body("{}").send().await else { return false };
    response.text().await.is_ok_and(|text| text.contains(member))
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?;
    Ok(listener.local_addr().context("looking for a free port")?.port())
}

fn etcd_flags(options: &Options, folder: &Path, member: &str, port: u16) -> Vec<String> {
    let url = format!("http://127.0.0.1:{port}");
    let mut flags = vec![
        flag("name", member),
        flag("data-dir", folder.join("etcd").display()),
        flag("listen-client-urls", &url),
        flag("advertise-client-urls", &url),
        // It has no peers; port 0 is one that nobody can have taken.
        flag("listen-peer-urls", "http://127.0.0.1:0"),
        flag("log-level", "warn"),
    ];
    if !options.durable {
        flags.push(flag("unsafe-no-fsync", true));
    }
    flags
}

fn api_server_flags(options: &Options, files: &Files, etcd_url: &str, port: u16) -> Vec<String> {
    let mut flags = vec![
        flag("etcd-servers", etcd_url),
        flag("bind-address", "127.0.0.1"),
        flag("secure-port", port),
        // The endpoint of the Service `kubernetes`. It may not be a loopback
        // address; unset, it is that of the default route, and without one the
        // program does not start. This one is reserved for documentation.
        flag("advertise-address", "192.0.2.1"),
        flag("tls-cert-file", files.server_certificate.display()),
        flag("tls-private-key-file", files.server_key.display()),
        flag("client-ca-file", files.authority.display()),
        flag("token-auth-file", files.tokens.display()),
        flag("authorization-mode", "RBAC"),
        flag("service-account-issuer", "https://kubernetes.default.svc"),
        flag("service-account-key-file", files.service_accounts_public_key.display()),
        flag("service-account-signing-key-file", files.service_accounts_key.display()),
        flag("service-cluster-ip-range", "10.96.0.0/16"),
        // As on every cluster that runs virtual machines.
        flag("allow-privileged", true),
    ];
    flags.extend(options.api_server_flags.iter().cloned());
    flags
}

fn controller_manager_flags(files: &Files) -> Vec<String> {
    vec![
        flag("kubeconfig", files.admin_kubeconfig.display()),
        flag("leader-elect", false),
        // Every controller with an account of its own, as distributions do it.
        flag("use-service-account-credentials", true),
        flag("service-account-private-key-file", files.service_accounts_key.display()),
        flag("root-ca-file", files.authority.display()),
        flag("cluster-signing-cert-file", files.authority.display()),
        flag("cluster-signing-key-file", files.authority_key.display()),
        // Serves nothing: one port less, and nobody asks.
        flag("secure-port", 0),
        // What a test waits for should be the work, not the default of 20/s.
        flag("kube-api-qps", 200),
        flag("kube-api-burst", 400),
    ]
}

fn flag(name: &str, value: impl std::fmt::Display) -> String {
    format!("--{name}={value}")
}
