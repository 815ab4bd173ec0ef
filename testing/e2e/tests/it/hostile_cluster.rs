//! A cluster whose API server answers nonsense, redirects or steals: whoever asks gets a `Status` that names the
//! cluster, nothing is followed, no credential leaks, and other requests do not notice.

use std::{net::TcpListener, time::Duration};

use anyhow::{Context, Result};
use grange_harness::{
    Front, Kubeconfig, Process, Server, Solo, agent, bench::upstream::write_kubeconfig, free_port,
    front::reply, import, import::Imported, wait,
};
use reqwest::{Method, header};
use serde_json::{Value, json};

/// Far above anything that has to happen, so that a hang becomes a failure.
const LIMIT: Duration = Duration::from_secs(30);
/// What the front answers with what a test gives it.
const PATH: &str = "/api/v1/namespaces/default/configmaps";

/// A server and a cluster that is imported through a front.
struct Hostile {
    server: Server,
    front: Front,
    imported: Imported,
    /// What the agent shows the cluster.
    agent_token: String,
    _agent: Process,
    _cluster: Solo,
    folder: tempfile::TempDir,
}

impl Hostile {
    async fn start() -> Result<Self> {
        let hostile = Self::start_with("", "").await?;
        hostile.is_ready().await?;
        Ok(hostile)
    }

    /// A cluster that answers `path` with `bytes` from the start.
    async fn start_with(path: &str, bytes: impl Into<Vec<u8>>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let server = Server::start(folder.path(), free_port()?, &[]).await?;
        let cluster = Solo::start(folder.path(), "paddock", free_port()?, &[]).await?;
        let agent_token = Kubeconfig::read(&cluster.kubeconfig)?.token;
        let front = Front::start(&cluster.api, &agent_token).await?;
        front.answer(path, bytes);
        let kubeconfig = folder.path().join("front.kubeconfig");
        write_kubeconfig(&kubeconfig, &front.kubeconfig)?;
        let imported = import::create(&server.api, "paddock").await?;
        let agent = agent::start("agent", folder.path(), &server.api, &imported, &kubeconfig).await?;
        Ok(Hostile { server, front, imported, agent_token, _agent: agent, _cluster: cluster, folder })
    }

    async fn is_ready(&self) -> Result<Value> {
        import::ready(&self.server.api, &self.imported.id).await
    }

    /// Waits until the cluster is not ready for a reason that `says` what is wrong; the sentence.
    async fn is_unhealthy(&self, says: &str) -> Result<String> {
        wait::until(&format!("the cluster to be unhealthy because of {says}"), LIMIT, async || {
            let ready = self.condition("Ready").await?;
            let message = ready["message"].as_str().unwrap_or_default().to_owned();
            anyhow::ensure!(ready["status"] == "False" && message.contains(says), "{ready}");
            Ok(Some(message))
        })
        .await
    }

    fn path(&self, below: &str) -> String {
        format!("/k8s/clusters/{}{below}", self.imported.id)
    }

    /// A GET of the administrator; redirects come back as they are.
    async fn get(&self, below: &str) -> reqwest::Result<reqwest::Response> {
        let certificate = reqwest::Certificate::from_pem(&self.kubeconfig().ca_pem)?;
        let client = reqwest::Client::builder()
            .tls_certs_only([certificate])
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(LIMIT)
            .build()?;
        let url = format!("{}{}", self.server.api.base(), self.path(below));
        client.get(url).bearer_auth(self.kubeconfig().token).send().await
    }

    fn kubeconfig(&self) -> Kubeconfig {
        Kubeconfig::read(&self.server.kubeconfig).expect("the server's kubeconfig")
    }

    async fn condition(&self, kind: &str) -> Result<Value> {
        let path = format!("{}/{}", import::MANAGEMENT_CLUSTERS, self.imported.id);
        let cluster = self.server.api.get(&path).await?;
        let conditions = cluster["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.into_iter().find(|condition| condition["type"] == kind).context("no such condition")
    }
}

#[tokio::test]
async fn nonsense_becomes_a_status_that_names_the_cluster() -> Result<()> {
    let hostile = Hostile::start().await?;
    let early = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n".repeat(2000);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("another protocol", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        ("random bytes", (0..2048_u32).map(|number| (number * 73 + 5) as u8).collect()),
        ("half a head", b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n".to_vec()),
        ("a status that is none", b"HTTP/1.1 abc OK\r\n\r\n".to_vec()),
        ("a header without name", b"HTTP/1.1 200 OK\r\n: x\r\ncontent-length: 0\r\n\r\n".to_vec()),
        ("two lengths", b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".to_vec()),
        ("a length below nothing", b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n".to_vec()),
        ("a megabyte of headers", reply(200, &[("x", &"y".repeat(1 << 20))], "")),
        (
            "a switch that nobody asked for",
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n".to_vec(),
        ),
        ("hints and then nothing", early),
        ("a refusal of the agent itself", reply(401, &[("www-authenticate", "Basic")], "who are you?")),
    ];
    for (what, bytes) in cases {
        hostile.front.answer(PATH, bytes);
        let answer = hostile.get(PATH).await.with_context(|| what.to_owned())?;
        let (code, headers) = (answer.status().as_u16(), answer.headers().clone());
        let status: Value = answer.json().await.with_context(|| what.to_owned())?;
        assert_eq!(code, 502, "{what}: {status}");
        assert_eq!((&status["kind"], &status["code"]), (&json!("Status"), &json!(502)), "{what}: {status}");
        let message = status["message"].as_str().unwrap_or_default();
        assert!(message.contains("cluster"), "{what} does not say who answered: {message}");
        assert!(!headers.contains_key("www-authenticate"), "{what}: a browser would ask for a password");
    }
    hostile.front.behave(PATH);
    let healthy = hostile.get(PATH).await?;
    assert_eq!(healthy.status(), 200, "everything else goes on");
    Ok(())
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_and_no_short_answer() -> Result<()> {
    let hostile = Hostile::start().await?;
    for (what, bytes) in [
        ("a length that lies", &b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nshort"[..]),
        ("half a chunk", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nshort"),
        (
            "a chunk that is none",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\nxyz\r\n",
        ),
    ] {
        hostile.front.answer(PATH, bytes);
        let answer = match hostile.get(PATH).await {
            Ok(answer) => answer,
            // The break may be faster than the head of the answer.
            Err(error) => {
                assert!(!error.is_timeout(), "{what}: it must not hang: {error}");
                continue;
            }
        };
        // The break may be known before the answer begins.
        if answer.status() == 502 {
            assert_eq!(answer.json::<Value>().await?["kind"], "Status", "{what}");
            continue;
        }
        let error = answer.bytes().await.expect_err(what);
        assert!(!error.is_timeout(), "{what}: it must not hang: {error}");
    }
    assert_eq!(hostile.get("/api/v1/nodes").await?.status(), 200, "everything else goes on");
    Ok(())
}

#[tokio::test]
async fn a_redirect_is_followed_by_nobody() -> Result<()> {
    let trap = TcpListener::bind("127.0.0.1:0")?;
    trap.set_nonblocking(true)?;
    let location = format!("https://{}/stolen", trap.local_addr()?);
    // The server's own questions are answered like this too.
    let hostile = Hostile::start_with("/readyz", reply(302, &[("location", &location)], "")).await?;
    hostile.is_unhealthy("redirect").await?;
    for code in [301, 302, 303, 307, 308] {
        hostile.front.answer(PATH, reply(code, &[("location", &location)], ""));
        let answer = hostile.get(PATH).await?;
        assert_eq!(answer.status(), code);
        assert_eq!(answer.headers()[header::LOCATION], location.as_str());
    }
    let knock = trap.accept();
    assert!(
        knock.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock),
        "somebody followed: {knock:?}"
    );
    hostile.front.behave("/readyz");
    hostile.is_ready().await?;
    Ok(())
}

#[tokio::test]
async fn no_credential_crosses_the_border() -> Result<()> {
    let hostile = Hostile::start().await?;
    let person = hostile.kubeconfig().token;
    let secret = person.split_once(':').context("a token")?.1;
    hostile
        .front
        .answer(PATH, reply(200, &[("set-cookie", "R_SESS=stolen; Path=/"), ("audit-id", "7")], "{}"));
    let request = hostile
        .server
        .api
        .request(Method::GET, &hostile.path(PATH))
        .header("x-forwarded-for", "192.0.2.1")
        .header("impersonate-user", "system:admin")
        .header("impersonate-group", "system:masters")
        .header("proxy-authorization", format!("Bearer {person}"));
    let answer = hostile.server.api.send(request).await?;
    assert_eq!((answer.code, answer.text.as_str()), (200, "{}"));
    assert!(!answer.headers.contains_key("set-cookie"), "a cluster must not set sessions of the server");
    assert_eq!(answer.headers["audit-id"], "7", "what harms nobody passes");

    let with_cookie = hostile.server.api.with_token("");
    let request =
        with_cookie.request(Method::GET, &hostile.path(PATH)).header("cookie", format!("R_SESS={person}"));
    assert_eq!(hostile.server.api.send(request).await?.code, 200);

    let heads = hostile.front.seen(PATH);
    assert_eq!(heads.len(), 2, "{heads:?}");
    for head in heads {
        let head = head.to_lowercase();
        assert!(!head.contains(&secret.to_lowercase()), "the person's token reached the cluster");
        for name in ["cookie:", "x-forwarded", "system:masters", "system:admin", "proxy-"] {
            assert!(!head.contains(name), "{name} reached the cluster: {head}");
        }
        assert!(head.contains(&format!("authorization: bearer {}", hostile.agent_token.to_lowercase())));
        assert_eq!(head.matches("impersonate-user:").count(), 1, "exactly one identity: {head}");
        assert!(head.contains("impersonate-user: user-"), "{head}");
    }
    for log in ["server", "agent"] {
        let text = std::fs::read_to_string(hostile.folder.path().join(format!("{log}.log")))?;
        assert!(!text.contains(secret) && !text.contains(&hostile.agent_token), "a secret is in {log}.log");
    }
    Ok(())
}

#[tokio::test]
async fn a_cluster_that_tells_nonsense_of_itself_is_not_ready_and_says_why() -> Result<()> {
    let page = reply(200, &[("content-type", "text/html")], "<h1>hello</h1>");
    let hostile = Hostile::start_with("/version", page).await?;
    hostile.is_unhealthy("/version answered no version").await?;
    hostile.front.answer("/version", reply(200, &[], &"x".repeat(1 << 20)));
    hostile.is_unhealthy("/version broke off").await?;
    hostile.front.behave("/version");
    hostile
        .front
        .answer("/readyz", reply(500, &[], &format!("\u{1b}[31mred\u{7}\r\n{}", "line ".repeat(1000))));
    let message = hostile.is_unhealthy("/readyz with 500").await?;
    assert!(message.len() < 600 && !message.contains(char::is_control), "{message:?}");
    hostile.front.behave("/readyz");
    hostile.is_ready().await?;
    Ok(())
}
