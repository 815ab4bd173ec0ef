//! A start that cannot work says so in one line, with a documented exit code, and leaves what runs alone.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
};

use anyhow::{Context, Result};
use grange_harness::{Server, binary, free_port};

/// Failed.
const FAILED: i32 = 1;
/// Wrong arguments.
const USAGE: i32 = 2;

/// Runs `grange` to its end, with nothing of this machine's environment but what it needs.
fn grange(folder: &Path, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(binary()?);
    command.env_clear().env("HOME", folder).args(arguments);
    command.output().context("running grange")
}

/// What a failed start prints beside its logs.
fn error_lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines()
        .filter(|line| !line.contains(" INFO ") && !line.contains(" WARN "))
        .map(str::to_owned)
        .collect()
}

/// Checks the exit code, that there is exactly one line, and that it names everything in `names`.
fn refused(what: &str, output: &Output, code: i32, names: &[&str]) {
    let lines = error_lines(output);
    assert_eq!(output.status.code(), Some(code), "{what}: {lines:?}");
    let [line] = lines.as_slice() else { panic!("{what}: one line is enough: {lines:?}") };
    assert!(line.starts_with("error: "), "{what}: {line}");
    for name in names {
        assert!(line.contains(name), "{what} does not name {name}: {line}");
    }
    assert!(output.stdout.is_empty(), "{what}: standard output is for data");
}

#[test]
fn a_server_that_cannot_start_says_why_in_one_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("file"), "not a folder")?;
    fs::write(path("garbage.pem"), "not a certificate")?;
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    fs::write(path("cert.pem"), made.cert.pem())?;
    fs::write(path("key.pem"), made.signing_key.serialize_pem())?;
    fs::write(path("other-key.pem"), other.signing_key.serialize_pem())?;
    fs::create_dir(path("foreign"))?;
    fs::write(path("foreign/grange.db"), "this is somebody's diary, not a database of ours")?;
    let busy = TcpListener::bind("127.0.0.1:0")?;
    let busy = busy.local_addr()?.to_string();
    let (data, below_file) = (path("data"), path("file/data"));
    let (garbage, certificate, key) = (path("garbage.pem"), path("cert.pem"), path("key.pem"));
    let (other_key, foreign, missing) = (path("other-key.pem"), path("foreign"), path("missing.pem"));
    let long = "x".repeat(2000);

    let url = ["--server-url", "https://127.0.0.1:1"];
    let here = ["--listen", "127.0.0.1:0"];
    let data_dir = ["--data-dir", data.as_str()];
    let cases: Vec<(&str, Vec<&str>, i32, Vec<&str>)> = vec![
        (
            "a data folder below a file",
            [&["--data-dir", &below_file], &url[..], &here].concat(),
            FAILED,
            vec!["--data-dir", &below_file],
        ),
        (
            "a folder with somebody else's file",
            [&["--data-dir", &foreign], &url[..], &here].concat(),
            FAILED,
            vec!["grange.db", "not a Grange store"],
        ),
        (
            "a busy port",
            [&data_dir[..], &url, &["--listen", &busy]].concat(),
            FAILED,
            vec!["listening on", &busy, "in use"],
        ),
        (
            "an address of another machine",
            [&data_dir[..], &url, &["--listen", "192.0.2.1:8443"]].concat(),
            FAILED,
            vec!["192.0.2.1:8443"],
        ),
        (
            "no certificate",
            [&data_dir[..], &url, &here, &["--tls-cert", &missing, "--tls-key", &key]].concat(),
            FAILED,
            vec![&missing],
        ),
        (
            "garbage for a certificate",
            [&data_dir[..], &url, &here, &["--tls-cert", &garbage, "--tls-key", &key]].concat(),
            FAILED,
            vec![&garbage, "no PEM certificate"],
        ),
        (
            "garbage for a key",
            [&data_dir[..], &url, &here, &["--tls-cert", &certificate, "--tls-key", &garbage]].concat(),
            FAILED,
            vec![&garbage],
        ),
        (
            "another certificate's key",
            [&data_dir[..], &url, &here, &["--tls-cert", &certificate, "--tls-key", &other_key]].concat(),
            FAILED,
            vec![&other_key, &certificate],
        ),
        (
            "a kubeconfig where none can be",
            [&data_dir[..], &url, &here, &["--kubeconfig-out", &below_file]].concat(),
            FAILED,
            vec!["--kubeconfig-out", &below_file],
        ),
        (
            "http",
            [&data_dir[..], &here, &["--server-url", "http://grange.example.org"]].concat(),
            USAGE,
            vec!["--server-url", "http://grange.example.org", "https://"],
        ),
        (
            "a path in the address",
            [&data_dir[..], &here, &["--server-url", "https://grange.example.org/grange"]].concat(),
            USAGE,
            vec!["--server-url", "https://grange.example.org/grange"],
        ),
        (
            "a port of chance without address",
            [&data_dir[..], &here].concat(),
            USAGE,
            vec!["--listen", "--server-url"],
        ),
        (
            "an unknown engine",
            [&data_dir[..], &url, &here, &["--store", "mysql"]].concat(),
            USAGE,
            vec!["--store", "mysql"],
        ),
        (
            "a member of etcd without its scheme",
            [&data_dir[..], &url, &here, &["--store", "etcd=127.0.0.1:2379"]].concat(),
            USAGE,
            vec!["--store", "127.0.0.1:2379", "http://"],
        ),
        (
            "etcd's options without etcd",
            [&data_dir[..], &url, &here, &["--etcd-user", "root"]].concat(),
            USAGE,
            vec!["--etcd-", "--store etcd"],
        ),
        (
            "a password without end",
            [&data_dir[..], &url, &here, &["--bootstrap-password", &long]].concat(),
            USAGE,
            vec!["--bootstrap-password"],
        ),
    ];
    for (what, arguments, code, names) in cases {
        let output = grange(folder.path(), &[&["server"], &arguments[..]].concat())?;
        refused(what, &output, code, &names);
    }
    let diary = fs::read_to_string(path("foreign/grange.db"))?;
    assert!(diary.contains("diary"), "what is not ours stays as it is");
    Ok(())
}

#[test]
fn an_agent_that_cannot_start_says_why_in_one_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("garbage"), "{{{")?;
    let (missing, garbage) = (path("missing"), path("garbage"));
    let agent = ["agent", "--server-url", "https://127.0.0.1:1", "--token", "token"];
    let cases: Vec<(&str, Vec<&str>, i32, Vec<&str>)> = vec![
        ("no kubeconfig", [&agent[..], &["--kubeconfig", &missing]].concat(), FAILED, vec![&missing]),
        (
            "garbage for a kubeconfig",
            [&agent[..], &["--kubeconfig", &garbage]].concat(),
            FAILED,
            vec![&garbage],
        ),
        ("not in a cluster", vec!["agent"], USAGE, vec!["--server-url", "--kubeconfig"]),
    ];
    for (what, arguments, code, names) in cases {
        refused(what, &grange(folder.path(), &arguments)?, code, &names);
    }
    Ok(())
}

#[test]
fn a_stand_in_that_cannot_start_says_why_in_one_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("file"), "not a folder")?;
    let busy = TcpListener::bind("127.0.0.1:0")?;
    let busy = busy.local_addr()?.to_string();
    let (data, below_file) = (path("data"), path("file/data"));
    let solo = ["solo", "--hypervisor", "simulated"];
    let cases: Vec<(&str, Vec<&str>, i32, Vec<&str>)> = vec![
        (
            "a data folder below a file",
            [&solo[..], &["--listen", "127.0.0.1:0", "--data-dir", &below_file]].concat(),
            FAILED,
            vec![&below_file],
        ),
        ("a busy port", [&solo[..], &["--listen", &busy, "--data-dir", &data]].concat(), FAILED, vec![&busy]),
        (
            "an unknown hypervisor",
            vec!["solo", "--hypervisor", "xen", "--data-dir", &data],
            USAGE,
            vec!["--hypervisor", "xen"],
        ),
        (
            "no cluster at all",
            [&solo[..], &["--clusters", "0", "--data-dir", &data]].concat(),
            USAGE,
            vec!["--clusters"],
        ),
    ];
    for (what, arguments, code, names) in cases {
        refused(what, &grange(folder.path(), &arguments)?, code, &names);
    }
    Ok(())
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let data = folder.path().join("server").display().to_string();
    let listen = ["--listen", "127.0.0.1:0", "--server-url", "https://127.0.0.1:1"];
    let output = grange(folder.path(), &[&["server", "--data-dir", &data], &listen[..]].concat())?;
    let holder = format!("process {}", server.process.id());
    refused("a second server", &output, FAILED, &[&data, &holder]);
    assert_eq!(server.api.try_get("/readyz").await?.code, 200, "the first one goes on");
    Ok(())
}
