//! `grange server`: validates, opens, builds, runs, stops.
use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use grange_apiserver::UserInfo;
use grange_clusters::{Directory, HooksConfig, Peers};
use grange_gateway::{Bound, CaBundle, Console, Limits, Parts, TlsSource};
use grange_identity::{BootstrapOutcome, Index, Secret};
use grange_settings::{Given, ServerUrl, Settings};
use grange_tunnel::Registry;
use kube::Client;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::{
    arguments::{self, default_data_folder},
    authority,
    exit::Refusal,
    kubeconfig_file,
    leader::Candidate,
    peers::Member,
    service_accounts, shutdown,
    store::Engine,
};

/// What the API server says its version is: kubectl compares it with its own.
const KUBERNETES_VERSION: &str = concat!("v1.36.0+grange", env!("CARGO_PKG_VERSION_MAJOR"));

/// The agent's image: served by this server, in this server's version.
const AGENT_IMAGE: &str = concat!("grange/agent:", env!("CARGO_PKG_VERSION"));

/// How often a server looks whether another has done the first start.
const FIRST_START_POLL: Duration = Duration::from_millis(500);

/// What was asked for, checked before anything is touched.
struct Plan {
    data_dir: PathBuf,
    listen: SocketAddr,
    server_url: ServerUrl,
    is_server_url_chosen: bool,
    bootstrap_password: Option<Secret>,
    kubeconfig_out: PathBuf,
    tls: TlsSource,
    engine: Engine,
}

pub(crate) async fn run(arguments: arguments::Server) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let plan = plan(arguments)?;
    let shutdown = shutdown::on_signal()?;
    prepare(&plan.data_dir)?;
    kubeconfig_file::check(&plan.kubeconfig_out)?;
    let is_shared = plan.engine.is_shared();
    let store = plan.engine.open(&plan.data_dir).await?;
    if let TlsSource::SelfSigned { folder } = &plan.tls {
        authority::share(&*store, folder).await?;
    }

    let service_account_key = service_accounts::key(&*store).await?;

    let bound = Bound::bind(grange_gateway::Config {
        listen: plan.listen,
        server_url: plan.server_url.clone(),
        tls: plan.tls.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        console: Console::default(),
        limits: Limits::default(),
    })
    .await?;

    let tasks = TaskTracker::new();
    let stop_parts = tokio_util::sync::CancellationToken::new();
    let index = Arc::new(Index::default());
    let (leads, leading) = watch::channel(false);
    let mut api_config = grange_apiserver::Config::new(store, index.clone());
    api_config.leading = is_shared.then(|| leading.clone());
    api_config.version = KUBERNETES_VERSION.to_owned();
    api_config.service_account_key = Some(service_account_key);
    let settings = Settings::new(Given {
        server_url: plan.server_url,
        is_server_url_chosen: plan.is_server_url_chosen,
        ca_pem: bound.ca().pem().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    });
    let hooks = HooksConfig {
        settings: settings.clone(),
        ca_checksum: bound.ca().checksum(),
        directory: Directory::default(),
    };
    api_config.definitions = definitions(&hooks, &index)?;
    api_config.ca_pem = (!bound.ca().is_public()).then(|| bound.ca().pem().to_owned());
    let (api_service, apiserver) = grange_apiserver::Service::new(api_config);
    tasks.spawn(api_service.run(stop_parts.clone()));
    apiserver.ready().await;

    let client = Client::new(apiserver.loopback(UserInfo::loopback()), "default");
    let peers = if is_shared {
        let id = uuid::Uuid::new_v4();
        let identity = format!("{}_{id}", host_name());
        let mut member = Member::new(client.clone(), &id, identity.clone());
        // Who lives is known before anybody is held to be gone.
        member.look().await.context("the leases of servers")?;
        let alive = member.alive();
        tasks.spawn(member.run(stop_parts.clone()));
        let candidate = Candidate::new(client.clone(), identity.clone(), leads);
        tasks.spawn(candidate.run(stop_parts.clone()));
        Some(Peers { identity, leading: leading.clone(), alive })
    } else {
        None
    };
    let (setting_service, mut are_settings_known) =
        grange_settings::Service::new(client.clone(), settings.clone());
    tasks.spawn(setting_service.run(stop_parts.clone()));
    are_settings_known.wait_for(|known| *known).await.context("the settings")?;
    let (identity_service, identity) = grange_identity::Service::new(grange_identity::Config {
        client: client.clone(),
        index,
        settings: settings.clone(),
    });
    let stop_identity = stop_parts.clone();
    tasks.spawn(async move { identity_service.run(stop_identity.cancelled_owned()).await });
    identity.ready().await;
    if is_shared {
        wait_for_first_start(&identity, leading).await?;
    }
    let outcome = identity.bootstrap(plan.bootstrap_password).await.context("the first start")?;
    let server_url = settings.server_url();
    // At once: whatever fails from here on, the password is not told again.
    announce(&outcome, &server_url, bound.ca());

    let registry = Registry::new(env!("CARGO_PKG_VERSION"));
    let (cluster_service, clusters) = grange_clusters::Service::new(grange_clusters::Config {
        client,
        registry: registry.clone(),
        directory: hooks.directory,
        settings: settings.clone(),
        ca_checksum: hooks.ca_checksum,
        agent_image: AGENT_IMAGE.to_owned(),
        peers,
    });
    tasks.spawn(cluster_service.run(stop_parts.clone()));
    let (ready, ready_seen) = watch::channel(false);
    let ca = bound.ca().clone();
    if let Some(warning) = server_url.reach().warning() {
        tracing::warn!(
            url = server_url.as_str(),
            warning,
            "the address people and clusters reach the server by"
        );
    }
    let (gateway, handle) = bound.serve(Parts {
        settings,
        identity: identity.clone(),
        apiserver,
        imports: Arc::new(clusters),
        registry,
        ready: ready_seen,
    });
    if let Some(admin) = identity.bootstrap_admin() {
        kubeconfig_file::write(&plan.kubeconfig_out, &server_url, &ca, &identity, &admin).await?;
        if matches!(outcome, BootstrapOutcome::Created { .. }) {
            eprintln!("hint: kubectl --kubeconfig {} get namespaces", plan.kubeconfig_out.display());
        }
    }
    let serving = tokio::spawn(gateway.run(shutdown.clone()));
    ready.send_replace(true);
    eprintln!(
        "grange server is ready on {} after {} ms: {}",
        handle.address(),
        began.elapsed().as_millis(),
        server_url.as_str()
    );
    if !ca.is_public() {
        eprintln!("its CA has the SHA-256 {}", ca.checksum());
    }
    serving.await.context("the gateway")?;
    stop_parts.cancel();
    tasks.close();
    tasks.wait().await;
    Ok(ExitCode::SUCCESS)
}

fn plan(arguments: arguments::Server) -> anyhow::Result<Plan> {
    let engine = Engine::parse(&arguments.store, &arguments.etcd)?;
    let server_url = match &arguments.server_url {
        Some(text) => {
            ServerUrl::parse(text).map_err(|error| Refusal::usage(format!("--server-url: {error}")))?
        }
        None => derived_url(arguments.listen)?,
    };
    let tls = match (arguments.tls_cert, arguments.tls_key) {
        (Some(certificate), Some(key)) => TlsSource::Files { certificate, key },
        (None, None) => TlsSource::SelfSigned { folder: PathBuf::new() },
        _ => return Err(Refusal::usage("--tls-cert and --tls-key go together")),
    };
    let bootstrap_password = arguments.bootstrap_password.filter(|text| !text.is_empty()).map(Secret::new);
    if bootstrap_password.as_ref().is_some_and(|text| text.expose().len() > 1024) {
        return Err(Refusal::usage("--bootstrap-password is longer than 1024 bytes"));
    }
    let data_dir = arguments.data_dir.unwrap_or_else(|| default_data_folder("grange"));
    let tls = match tls {
        TlsSource::SelfSigned { .. } => TlsSource::SelfSigned { folder: data_dir.join("tls") },
        files => files,
    };
    Ok(Plan {
        listen: arguments.listen,
        server_url,
        is_server_url_chosen: arguments.server_url.is_some(),
        bootstrap_password,
        kubeconfig_out: arguments.kubeconfig_out.unwrap_or_else(|| data_dir.join("admin.kubeconfig")),
        tls,
        engine,
        data_dir,
    })
}

/// The address others reach this machine by, as far as it can be guessed.
fn derived_url(listen: SocketAddr) -> anyhow::Result<ServerUrl> {
    if listen.port() == 0 {
        return Err(Refusal::usage("--listen with port 0 needs --server-url"));
    }
    let address = if listen.ip().is_unspecified() { outbound_address() } else { listen.ip() };
    let url = format!("https://{}", SocketAddr::new(address, listen.port()));
    ServerUrl::parse(&url).map_err(|error| Refusal::usage(error.to_string()))
}

/// The address of the interface that leads outside; connecting a UDP socket sends nothing.
fn outbound_address() -> IpAddr {
    let probe = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    probe.map_or(IpAddr::from([127, 0, 0, 1]), |address| address.ip())
}

pub(crate) fn prepare(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("--data-dir: making {}", folder.display()))
}

/// Of several servers that start on an empty store, one makes the administrator: the one that leads. Returns when that
/// is this server, or when it is done.
async fn wait_for_first_start(
    identity: &grange_identity::Handle,
    mut leading: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    loop {
        if *leading.borrow_and_update() || identity.is_bootstrapped().await.context("the first start")? {
            return Ok(());
        }
        // Whichever comes first: another server may lead for ever.
        let _ = tokio::time::timeout(FIRST_START_POLL, leading.changed()).await;
    }
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "server" } else { name }.to_owned()
}

/// What the management API serves beside Kubernetes' own kinds.
fn definitions(
    hooks: &HooksConfig,
    index: &Arc<Index>,
) -> anyhow::Result<Vec<grange_apiserver::OwnDefinition>> {
    let refused =
        |error: grange_apimachinery::FieldError| anyhow::anyhow!("{}: {}", error.field, error.detail);
    let mut definitions = grange_clusters::definitions(hooks).map_err(refused)?;
    definitions.extend(grange_identity::resources::definitions(index).map_err(refused)?);
    definitions.extend(grange_settings::definitions(&hooks.settings).map_err(refused)?);
    Ok(definitions)
}

fn announce(outcome: &BootstrapOutcome, server_url: &ServerUrl, ca: &CaBundle) {
    let BootstrapOutcome::Created { username, generated_password } = outcome else { return };
    let url = server_url.as_str();
    let trust = if ca.is_public() { String::new() } else { format!(" --ca-checksum {}", ca.checksum()) };
    match generated_password {
        Some(password) => eprintln!(
            "This is the first start. Log in as {username:?} with the one-time password\n\n    {}\n\n\
             It is not shown again; change it after the first login.\n\
             hint: grange login {url} --username {username}{trust}",
            password.expose()
        ),
        None => eprintln!(
            "This is the first start. Log in as {username:?} with the bootstrap password.\n\
             hint: grange login {url} --username {username}{trust}"
        ),
    }
}
