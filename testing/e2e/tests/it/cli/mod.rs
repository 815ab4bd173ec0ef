//! The command line as a person or a script uses it: what it prints where, and how it ends.

use std::{
    collections::BTreeMap,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use grange_harness::{Server, binary, free_port};
use regex::Regex;

mod clusters;
mod login;

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
