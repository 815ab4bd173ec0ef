//! The command line as a person or a script uses it: what it prints where, and how it ends.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use grange_harness::{Api, Kubeconfig, Server, Solo, binary, free_port, import, wait};
use regex::Regex;
use serde_json::Value;

/// How long something that must happen may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// One person at one machine: a home folder that remembers the login.
struct Person {
    home: tempfile::TempDir,
    environment: BTreeMap<&'static str, String>,
    /// What differs from run to run, and what stands for it here.
    known: Vec<(String, &'static str)>,
}

/// How a command ended.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Person {
    /// Somebody at a server of theirs.
    fn at(server: &Server) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let known = vec![
            (server.api.base().to_owned(), "https://SERVER"),
            (home.path().display().to_string(), "HOME"),
        ];
        Ok(Person { home, environment: BTreeMap::new(), known })
    }

    /// The same, logged in.
    fn logged_in(server: &Server) -> Result<Self> {
        let person = Person::at(server)?;
        let checksum = Person::checksum(server)?;
        let login = format!("login {} --password-stdin --ca-checksum {checksum}", server.api.base());
        let ended = person.grange_reading(&login, Server::PASSWORD)?;
        anyhow::ensure!(ended.code == Some(0), "{}", ended.stderr);
        Ok(person)
    }

    /// The checksum of the server's CA as the server itself tells it on its first start.
    fn checksum(server: &Server) -> Result<String> {
        let log = server.process.log();
        let checksum = log.split("--ca-checksum ").nth(1).and_then(|rest| rest.split_whitespace().next());
        Ok(checksum.context("the server tells no checksum")?.to_owned())
    }

    /// Runs `grange <line>`; words are separated by spaces.
    fn grange(&self, line: &str) -> Result<Ended> {
        self.grange_reading(line, "")
    }

    /// The same with something to read on standard input.
    fn grange_reading(&self, line: &str, input: &str) -> Result<Ended> {
        let mut command = Command::new(binary()?);
        command.env_clear().env("HOME", self.home.path()).envs(&self.environment);
        command.current_dir(self.home.path()).args(line.split_whitespace());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("running grange")?;
        // A command that does not read has closed its end, which is no error here.
        let _ = child.stdin.take().context("no input")?.write_all(input.as_bytes());
        let output = child.wait_with_output()?;
        Ok(Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8(output.stderr)?,
        })
    }

    /// Runs a command and shows how it ended: exit code, standard output behind `|`, standard error behind `!`. What
    /// differs from run to run is replaced.
    fn shows(&self, line: &str) -> Result<String> {
        self.shows_reading(line, "")
    }

    fn shows_reading(&self, line: &str, input: &str) -> Result<String> {
        let ended = self.grange_reading(line, input)?;
        let code = ended.code.context("ended by a signal")?;
        let mut text = format!("exit {code}\n");
        for (mark, part) in [("|", &ended.stdout), ("!", &ended.stderr)] {
            for line in part.lines() {
                text.push_str(format!("{mark} {line}").trim_end());
                text.push('\n');
            }
        }
        for (found, name) in &self.known {
            text = text.replace(found, name);
        }
        for (pattern, name) in [
            (r"c-m-[a-z0-9]{8}", "c-m-ID"),
            (r"[bcdfghjklmnpqrstvwxz2-9]{54}", "TOKEN"),
            (r"\b[0-9a-f]{64}\b", "CHECKSUM"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
            (r"\b\d+s\b", "AGE"),
            (r"after \d+ s", "after N s"),
            (r"127\.0\.0\.1:\d+", "ADDRESS"),
        ] {
            text = Regex::new(pattern)?.replace_all(&text, name).into_owned();
        }
        Ok(text)
    }

    fn config(&self) -> PathBuf {
        self.home.path().join(".config/grange/config.json")
    }
}

#[tokio::test]
async fn who_the_server_is_comes_before_who_the_person_is() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let url = server.api.base();
    let checksum = Person::checksum(&server)?;
    let person = Person::at(&server)?;
    let login = |flags: &str| person.shows_reading(&format!("login {url} {flags}"), Server::PASSWORD);

    insta::assert_snapshot!(person.shows("cluster list")?, @r#"
    exit 3
    ! error: not logged in
    ! hint: grange login https://HOST:8443
    "#);
    insta::assert_snapshot!(login("--password-stdin")?, @r#"
    exit 3
    ! error: the CA of https://SERVER is not known here; its SHA-256 is CHECKSUM
    ! hint: if that is what the server prints when it starts: grange login https://SERVER --ca-checksum CHECKSUM
    "#);
    insta::assert_snapshot!(login(&format!("--password-stdin --ca-checksum {}", "0".repeat(64)))?, @r#"
    exit 3
    ! error: the CA of https://SERVER has the checksum CHECKSUM, not CHECKSUM: somebody may be in between
    "#);
    insta::assert_snapshot!(login(&format!("--ca-checksum {checksum}"))?, @r#"
    exit 2
    ! error: no terminal to ask for the password: use --password-stdin
    "#);
    let wrong = format!("login {url} --password-stdin --ca-checksum {checksum}");
    insta::assert_snapshot!(person.shows_reading(&wrong, "wrong")?, @r#"
    exit 3
    ! error: authentication failed
    "#);
    assert!(!person.config().exists(), "nothing is remembered of a refused login");
    insta::assert_snapshot!(login(&format!("--password-stdin --ca-checksum {checksum}"))?, @r#"
    exit 0
    ! Logged in to https://SERVER as admin until TIME.
    ! hint: grange cluster list
    "#);
    // Known by now: neither checksum nor question.
    insta::assert_snapshot!(login("--password-stdin")?, @r#"
    exit 0
    ! Logged in to https://SERVER as admin until TIME.
    ! hint: grange cluster list
    "#);

    let config = fs::read_to_string(person.config())?;
    assert!(!config.contains(Server::PASSWORD), "the password is not kept");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(person.config())?.permissions());
    assert_eq!(mode & 0o777, 0o600, "the token is for its owner only");
    Ok(())
}

#[tokio::test]
async fn a_session_that_ended_says_what_to_do() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let person = Person::logged_in(&server)?;
    let config: Value = serde_json::from_str(&fs::read_to_string(person.config())?)?;
    let token = config["token"].as_str().and_then(|token| token.split(':').next()).context("a token")?;
    server.api.delete(&format!("/apis/management.cattle.io/v3/tokens/{token}")).await?;
    wait::until("the session to end", LIMIT, async || {
        Ok((person.grange("cluster list")?.code != Some(0)).then_some(()))
    })
    .await?;
    insta::assert_snapshot!(person.shows("cluster list")?, @r#"
    exit 3
    ! error: https://SERVER does not accept the session
    ! hint: grange login https://SERVER
    "#);
    fs::write(person.config(), "{")?;
    insta::assert_snapshot!(person.shows("cluster list")?, @r#"
    exit 3
    ! error: the login kept in HOME/.config/grange/config.json cannot be read: EOF while parsing an object at line 1 column 1
    ! hint: grange login https://HOST:8443
    "#);
    server.process.stop().await?;
    fs::write(person.config(), config.to_string())?;
    insta::assert_snapshot!(person.shows("cluster list")?, @r#"
    exit 1
    ! error: https://SERVER cannot be reached: client error (Connect): tcp connect error: Connection refused (os error 111)
    ! hint: curl -k https://SERVER/ping should print pong
    "#);
    Ok(())
}

#[tokio::test]
async fn a_cluster_is_imported_listed_reached_and_deleted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let cluster = Solo::start(folder.path(), "paddock", free_port()?, &[]).await?;
    let person = Person::logged_in(&server)?;
    insta::assert_snapshot!(person.shows("cluster list")?, @r#"
    exit 0
    ! There are no clusters that you may see.
    ! hint: grange cluster import NAME
    "#);
    insta::assert_snapshot!(person.shows("cluster list -o json")?, @r#"
    exit 0
    | []
    "#);
    insta::assert_snapshot!(person.shows("cluster import paddock --no-wait --description barn")?, @r#"
    exit 0
    | Cluster paddock is c-m-ID. To connect it:
    |
    | 1. In the Harvester, open Advanced, Settings, and edit cluster-registration-url.
    |
    | 2. Set it to this value.
    |    Harvester 1.7.2 and later (the form of 1.8):
    |      {"insecureSkipTLSVerify":true,"url":"https://SERVER/v3/import/TOKEN_c-m-ID.yaml"}
    |    Harvester 1.7.1 and earlier:
    |      https://SERVER/v3/import/TOKEN_c-m-ID.yaml
    |
    |    This server has a CA of its own, so the Harvester fetches the manifest unverified; the agent that
    |    the manifest starts pins the CA. Add the CA to the Harvester's additional-ca setting to verify the
    |    fetch too, and then write false.
    |
    | 3. Save. The checklist turns true step by step.
    |
    | Instead of 1 to 3, with kubectl against the Harvester, any version:
    |      kubectl patch settings.harvesterhci.io cluster-registration-url --type merge -p '{"value":"https://SERVER/v3/import/TOKEN_c-m-ID.yaml"}'
    |
    | Any other Kubernetes cluster:
    |      kubectl create namespace cattle-system --dry-run=client -o yaml | kubectl apply -f - && curl --insecure -sfL https://SERVER/v3/import/TOKEN_c-m-ID.yaml | kubectl apply -f -
    |
    | Keep the address secret: whoever has it can join as this cluster until it is connected.
    "#);
    insta::assert_snapshot!(person.shows("cluster import paddock --no-wait -o yaml")?, @r#"
    exit 0
    | command: kubectl create namespace cattle-system --dry-run=client -o yaml | kubectl apply -f - && kubectl apply -f https://SERVER/v3/import/TOKEN_c-m-ID.yaml
    | id: c-m-ID
    | insecureCommand: kubectl create namespace cattle-system --dry-run=client -o yaml | kubectl apply -f - && curl --insecure -sfL https://SERVER/v3/import/TOKEN_c-m-ID.yaml | kubectl apply -f -
    | manifestUrl: https://SERVER/v3/import/TOKEN_c-m-ID.yaml
    | name: paddock
    | settingValue: "{\"insecureSkipTLSVerify\":true,\"url\":\"https://SERVER/v3/import/TOKEN_c-m-ID.yaml\"}"
    ! Cluster paddock exists already.
    "#);
    insta::assert_snapshot!(person.shows("cluster list")?, @r#"
    exit 0
    | NAME      ID             STATE     PROVIDER    KUBERNETES   AGE
    | paddock   c-m-ID   Pending   harvester   -            AGE
    "#);
    settled(&server).await?;
    insta::assert_snapshot!(person.shows("cluster import paddock --timeout 0s -o json")?, @r#"
    exit 4
    | {
    |   "command": "kubectl create namespace cattle-system --dry-run=client -o yaml | kubectl apply -f - && kubectl apply -f https://SERVER/v3/import/TOKEN_c-m-ID.yaml",
    |   "id": "c-m-ID",
    |   "insecureCommand": "kubectl create namespace cattle-system --dry-run=client -o yaml | kubectl apply -f - && curl --insecure -sfL https://SERVER/v3/import/TOKEN_c-m-ID.yaml | kubectl apply -f -",
    |   "manifestUrl": "https://SERVER/v3/import/TOKEN_c-m-ID.yaml",
    |   "name": "paddock",
    |   "settingValue": "{\"insecureSkipTLSVerify\":true,\"url\":\"https://SERVER/v3/import/TOKEN_c-m-ID.yaml\"}"
    | }
    ! Cluster paddock exists already.
    ! [x] CreatorMadeOwner
    ! [x] BackingNamespaceCreated
    ! [x] DefaultProjectCreated
    ! [x] SystemProjectCreated
    ! [x] InitialRolesPopulated
    ! [ ] ManifestFetched: Waiting for the cluster to fetch its manifest: set the Harvester's cluster-registration-url to status.manifestUrl of ClusterRegistrationToken c-m-ID/default-token, or run its status.command
    ! [ ] AgentEnrolled: Waiting for the agent of c-m-ID to be started by the manifest
    ! [ ] AgentDeployed: Waiting for the agent of c-m-ID to be started by the manifest
    ! [ ] Connected: Waiting for the agent of c-m-ID to be started by the manifest
    ! [ ] Pending: Waiting for the agent's first connection
    ! [ ] Provisioned: Waiting for the agent's first connection
    ! [ ] Waiting: Waiting for API to be available
    ! [ ] Updated: Waiting for the cluster's version and nodes
    ! [ ] Ready: Waiting for the agent of c-m-ID to be started by the manifest
    ! error: paddock is not ready after N s; it waits for ManifestFetched (Waiting for the cluster to fetch its manifest: set the Harvester's cluster-registration-url to status.manifestUrl of ClusterRegistrationToken c-m-ID/default-token, or run its status.command)
    "#);

    let steps: Value =
        serde_json::from_str(&person.grange("cluster import paddock --no-wait -o json")?.stdout)?;
    let value = steps["settingValue"].as_str().context("a value")?;
    import::register(&cluster.api, value).await?;
    let ended = person.grange("cluster import paddock -o json --timeout 60s")?;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("[x] Ready\nCluster paddock is ready after"), "{}", ended.stderr);
    assert_eq!(serde_json::from_str::<Value>(&ended.stdout)?, steps, "standard output is for data");

    let listed: Value = serde_json::from_str(&person.grange("cluster list -o json")?.stdout)?;
    assert_eq!(listed[0]["spec"]["displayName"], "paddock");
    let yaml: Vec<Value> = serde_saphyr::from_str(&person.grange("cluster list -o yaml")?.stdout)?;
    assert_eq!(yaml[0]["metadata"]["name"], listed[0]["metadata"]["name"]);
    insta::assert_snapshot!(person.shows("cluster list")?, @r#"
    exit 0
    | NAME      ID             STATE   PROVIDER    KUBERNETES       AGE
    | paddock   c-m-ID   Ready   harvester   v1.33.5+rke2r1   AGE
    "#);

    let id = steps["id"].as_str().context("an id")?;
    for name in ["paddock", id] {
        let kubeconfig = Kubeconfig::parse(&person.grange(&format!("cluster kubeconfig {name}"))?.stdout)?;
        assert_eq!(kubeconfig.server, format!("{}/k8s/clusters/{id}", server.api.base()));
        Api::new(&kubeconfig)?.get("/api/v1/nodes").await?;
    }
    let local = Kubeconfig::parse(&person.grange("cluster kubeconfig local")?.stdout)?;
    Api::new(&local)?.get("/apis/management.cattle.io/v3/clusters").await?;
    insta::assert_snapshot!(person.shows("cluster kubeconfig paddock --output-file paddock.kubeconfig")?, @r#"
    exit 0
    ! Wrote paddock.kubeconfig.
    "#);
    Kubeconfig::read(&person.home.path().join("paddock.kubeconfig"))?;
    insta::assert_snapshot!(person.shows("cluster kubeconfig meadow")?, @r#"
    exit 1
    ! error: there is no cluster "meadow"
    ! hint: grange cluster list shows the clusters you may see
    "#);

    insta::assert_snapshot!(person.shows("cluster delete paddock")?, @r#"
    exit 2
    ! error: deleting paddock has to be confirmed: use --yes
    "#);
    insta::assert_snapshot!(person.shows_reading("cluster delete meadow --yes", "")?, @r#"
    exit 1
    ! error: there is no cluster "meadow"
    ! hint: grange cluster list shows the clusters you may see
    "#);
    insta::assert_snapshot!(person.shows("cluster delete paddock --yes --wait")?, @r#"
    exit 0
    ! Cluster paddock is gone.
    "#);
    insta::assert_snapshot!(person.shows("cluster list")?, @r#"
    exit 0
    ! There are no clusters that you may see.
    ! hint: grange cluster import NAME
    "#);
    Ok(())
}

/// Waits until all that a new cluster brings is there: from then on it waits for its agent.
async fn settled(server: &Server) -> Result<()> {
    wait::until("the cluster to be furnished", LIMIT, async || {
        let clusters = server.api.get(import::MANAGEMENT_CLUSTERS).await?;
        let cluster = &clusters["items"][0];
        let is = |kind: &str, status: &str| import::condition(cluster, kind) == Some(status);
        let furnished =
            ["CreatorMadeOwner", "DefaultProjectCreated", "SystemProjectCreated", "InitialRolesPopulated"];
        Ok((furnished.iter().all(|kind| is(kind, "True")) && import::condition(cluster, "Ready").is_some())
            .then_some(()))
    })
    .await
}

#[tokio::test]
async fn wrong_input_names_the_fault() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let person = Person::logged_in(&server)?;
    insta::assert_snapshot!(person.shows("cluster import Upper_Case")?, @r#"
    exit 2
    ! error: Cluster.provisioning.cattle.io "Upper_Case" is invalid: metadata.name: Invalid value: "Upper_Case": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
    "#);
    insta::assert_snapshot!(person.shows("cluster import paddock --timeout 1d")?, @r#"
    exit 2
    ! error: invalid value '1d' for '--timeout <TIME>': use a number and s, m or h, such as AGE
    !
    ! For more information, try '--help'.
    "#);
    insta::assert_snapshot!(person.shows("cluster list -o xml")?, @r#"
    exit 2
    ! error: invalid value 'xml' for '--output <FORMAT>'
    !   [possible values: table, json, yaml]
    !
    !   tip: a similar value exists: 'yaml'
    !
    ! For more information, try '--help'.
    "#);
    insta::assert_snapshot!(person.shows("cluster lst")?, @r#"
    exit 2
    ! error: unrecognized subcommand 'lst'
    !
    !   tip: a similar subcommand exists: 'list'
    !
    ! Usage: grange cluster <COMMAND>
    !
    ! For more information, try '--help'.
    "#);
    insta::assert_snapshot!(person.shows("login http://grange.example.org")?, @r#"
    exit 2
    ! error: "http://grange.example.org": only https is spoken
    "#);
    insta::assert_snapshot!(person.shows("login https://grange.example.org/dashboard")?, @r#"
    exit 2
    ! error: "https://grange.example.org/dashboard": give scheme, host and port only
    "#);
    insta::assert_snapshot!(person.shows("login https://127.0.0.1:1 --ca-checksum abc")?, @r#"
    exit 2
    ! error: --ca-checksum: 64 hexadecimal digits
    "#);
    insta::assert_snapshot!(person.shows("login https://127.0.0.1:1 --password-stdin")?, @r#"
    exit 1
    ! error: https://ADDRESS cannot be reached: client error (Connect): tcp connect error: Connection refused (os error 111)
    ! hint: curl -k https://ADDRESS/ping should print pong
    "#);
    insta::assert_snapshot!(person.shows("cluster kubeconfig local --output-file nowhere/file")?, @r#"
    exit 1
    ! error: nowhere/file: No such file or directory (os error 2)
    "#);
    Ok(())
}

#[tokio::test]
async fn no_escape_sequences_where_nobody_looks() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let mut person = Person::logged_in(&server)?;
    for variables in [&[][..], &[("NO_COLOR", "1")], &[("TERM", "xterm-256color"), ("GRANGE_LOG", "debug")]] {
        person.environment = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        for line in [
            "cluster list",
            "cluster import a --timeout 0s",
            "cluster list -o xml",
            "help",
            "cluster kubeconfig x",
        ] {
            let ended = person.grange(line)?;
            assert!(
                !ended.stdout.contains('\u{1b}') && !ended.stderr.contains('\u{1b}'),
                "{line} with {variables:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn help_names_every_command_flag_and_exit_code() -> Result<()> {
    let help = |line: &str| -> Result<String> {
        let output = Command::new(binary()?).env_clear().args(line.split_whitespace()).output()?;
        assert!(output.status.success(), "{line}");
        Ok(String::from_utf8(output.stdout)?)
    };
    let whole = help("--help")?;
    for word in ["server", "agent", "solo", "login", "cluster", "Exit codes", "GRANGE_LOG"] {
        assert!(whole.contains(word), "{word} is missing: {whole}");
    }
    for (command, flags) in [
        (
            "server",
            &[
                "--data-dir",
                "--listen",
                "--server-url",
                "--bootstrap-password",
                "--kubeconfig-out",
                "--tls-cert",
                "--tls-key",
                "--store",
            ][..],
        ),
        ("agent", &["--server-url", "--token", "--kubeconfig", "--ca-checksum"]),
        (
            "solo",
            &[
                "--data-dir",
                "--listen",
                "--name",
                "--hypervisor",
                "--kubeconfig-out",
                "--harvester-version",
                "--clusters",
                "--vms",
                "--api-delay-ms",
            ],
        ),
        ("login", &["--username", "--password-stdin", "--ca-checksum", "--insecure-skip-tls-verify"]),
        ("cluster list", &["--output"]),
        ("cluster import", &["--description", "--no-wait", "--timeout", "--output"]),
        ("cluster kubeconfig", &["--output-file"]),
        ("cluster delete", &["--yes", "--wait", "--timeout"]),
    ] {
        let text = help(&format!("help {command}"))?;
        for flag in flags {
            assert!(text.contains(flag), "{command}: {flag} is missing: {text}");
        }
    }
    Ok(())
}
