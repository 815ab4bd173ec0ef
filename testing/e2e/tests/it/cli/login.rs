//! `grange login` and what becomes of the session.

use std::fs;

use anyhow::{Context, Result};
use grange_harness::{Server, free_port, wait};
use serde_json::Value;

use super::{LIMIT, Person};

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
