//! Agents under a test's control: they repeat what others said, send garbage, never answer. It harms nobody else.

use std::{future::pending, time::Duration};

use anyhow::{Context, Result};
use futures::future::join_all;
use grange_harness::{Api, Kubeconfig, Server, free_port, import, import::Imported, tls, wait};
use grange_tunnel::{
    AgentKey, Body,
    dial::{self, AgentStream, DialError},
    transport,
    websocket::Socket,
};
use grange_wire::{
    Credential, Hello, JoinToken, Lane, PROTOCOL_VERSION, RefusalCode,
    control::{Facts, PING_PATH},
};
use http::Response;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};

use misdeeds::{END_HEADERS, END_STREAM, HEADERS, SETTINGS, STATUS_200, When, frame, misdeeds};

mod misdeeds;

/// Far above anything that has to happen, so that a hang becomes a failure.
const LIMIT: Duration = Duration::from_secs(30);
/// Where tunnels are opened.
const CONNECT_PATH: &str = "/v3/connect";
/// Sessions that one cluster may have at a time.
const MAX_SESSIONS: usize = 16;
/// Requests to one cluster that may be open at a time.
const MAX_REQUESTS: usize = 2048;
/// Requests of one client's connection that are open at a time; below what the server allows.
const REQUESTS_PER_CLIENT: usize = 200;

/// A server to attack, with a well-behaved agent in cluster `good` whom nothing may harm.
struct Attacked {
    server: Server,
    kubeconfig: Kubeconfig,
    good: Imported,
    _good_agent: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Attacked {
    async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let server = Server::start(folder.path(), free_port()?, &[]).await?;
        let kubeconfig = Kubeconfig::read(&server.kubeconfig)?;
        let good = import::create(&server.api, "good").await?;
        let agent = Agent::of(&good, "uid-of-good")?;
        let socket = agent.join(&kubeconfig, &good).await?;
        let attacked =
            Attacked { _good_agent: serve(socket, "good"), server, kubeconfig, good, _folder: folder };
        attacked.connected(&attacked.good, "good").await?;
        Ok(attacked)
    }

    /// The API of a cluster through the gateway.
    fn cluster(&self, imported: &Imported) -> Api {
        self.server.api.below(&format!("/k8s/clusters/{}", imported.id))
    }

    /// Waits until requests to a cluster are answered by the agent that says `name`.
    async fn connected(&self, imported: &Imported, name: &str) -> Result<()> {
        wait::until(&format!("agent {name} to answer"), LIMIT, async || {
            let answer = self.cluster(imported).try_get("/name").await?;
            Ok((answer.code == 200 && answer.text == name).then_some(()))
        })
        .await
    }

    /// Waits until the server says that a cluster's agent is connected.
    async fn has_agent(&self, imported: &Imported) -> Result<()> {
        wait::until("the agent to be in", LIMIT, async || {
            let cluster =
                self.server.api.get(&format!("{}/{}", import::MANAGEMENT_CLUSTERS, imported.id)).await?;
            Ok((import::condition(&cluster, "Connected") == Some("True")).then_some(()))
        })
        .await
    }

    /// What everybody else notices: nothing.
    async fn is_unharmed(&self) -> Result<()> {
        let answer = self.cluster(&self.good).try_get("/name").await?;
        assert_eq!((answer.code, answer.text.as_str()), (200, "good"));
        assert_eq!(self.server.api.try_get("/readyz").await?.code, 200);
        Ok(())
    }
}

/// Who says hello.
struct Agent {
    key: AgentKey,
    cluster: Option<String>,
    kube_system_uid: String,
    instance: String,
}

impl Agent {
    fn of(imported: &Imported, kube_system_uid: &str) -> Result<Self> {
        Ok(Agent {
            key: AgentKey::generate()?,
            cluster: Some(imported.id.clone()),
            kube_system_uid: kube_system_uid.to_owned(),
            instance: "one".to_owned(),
        })
    }

    fn hello(&self, credential: Credential, nonce: &[u8]) -> Hello {
        let mut hello = Hello {
            protocol: PROTOCOL_VERSION,
            agent_version: "0.0.0".to_owned(),
            instance: self.instance.clone(),
            lane: Lane::Interactive,
            cluster: self.cluster.clone(),
            public_key: Vec::new(),
            kube_system_uid: self.kube_system_uid.clone(),
            credential,
            signature: Vec::new(),
            facts: Facts::default(),
        };
        self.key.sign(&mut hello, nonce);
        hello
    }

    async fn dial(&self, at: &Kubeconfig, credential: Credential) -> Result<Socket<AgentStream>, DialError> {
        dial_with(at, |nonce| self.hello(credential, nonce)).await
    }

    /// Enrols with the cluster's join token.
    async fn join(&self, at: &Kubeconfig, imported: &Imported) -> Result<Socket<AgentStream>> {
        Ok(self.dial(at, token(imported.token()?)).await?)
    }

    /// Why the agent is refused.
    async fn refusal(&self, at: &Kubeconfig, credential: Credential) -> RefusalCode {
        refusal(self.dial(at, credential).await)
    }
}

fn token(token: &str) -> Credential {
    Credential::Token(JoinToken::new(token))
}

async fn dial_with(
    at: &Kubeconfig,
    hello: impl FnOnce(&[u8]) -> Hello,
) -> Result<Socket<AgentStream>, DialError> {
    let stream = tls::connect_to(at).await.map_err(std::io::Error::other)?;
    let (_, authority) = at.server.split_once("//").unwrap_or_default();
    let opened = dial::open(stream, authority, CONNECT_PATH, |challenge| hello(&challenge.nonce)).await;
    opened.map(|(socket, _)| socket)
}

fn refusal(dialled: Result<Socket<AgentStream>, DialError>) -> RefusalCode {
    match dialled {
        Err(DialError::Refused(refusal)) => refusal.code,
        Err(error) => panic!("neither in nor refused: {error}"),
        Ok(_) => panic!("the agent was let in"),
    }
}

/// Behaves as an agent whose cluster answers everything with `name`.
fn serve(socket: Socket<AgentStream>, name: &'static str) -> JoinHandle<()> {
    tokio::spawn(async move {
        let answer = |_| async move { Response::new(Body::from(name.as_bytes().to_vec())) };
        let _ = transport::serve(socket, answer).await;
    })
}

#[tokio::test]
async fn an_enrolment_is_not_repeated_by_others() -> Result<()> {
    let attacked = Attacked::start().await?;
    let at = &attacked.kubeconfig;
    let victim = import::create(&attacked.server.api, "victim").await?;
    let other = import::create(&attacked.server.api, "other").await?;
    let agent = Agent::of(&victim, "uid-of-victim")?;
    let mut recorded = None;
    let credential = token(victim.token()?);
    let socket = dial_with(at, |nonce| recorded.insert(agent.hello(credential, nonce)).clone()).await?;
    let _serving = serve(socket, "victim");
    attacked.connected(&victim, "victim").await?;

    let recorded = recorded.context("a hello")?;
    assert_eq!(refusal(dial_with(at, |_| recorded).await), RefusalCode::BadToken, "a recorded hello");
    let joining = token(victim.token()?);
    let stranger = Agent::of(&victim, "uid-of-victim")?;
    assert_eq!(stranger.refusal(at, joining.clone()).await, RefusalCode::KeyMismatch, "another key");
    assert_eq!(stranger.refusal(at, Credential::Key).await, RefusalCode::KeyMismatch, "a key of nobody");
    let mut moved =
        Agent { key: AgentKey::from_pkcs8(agent.key.pkcs8())?, ..Agent::of(&victim, "elsewhere")? };
    for credential in [joining.clone(), Credential::Key] {
        assert_eq!(
            moved.refusal(at, credential).await,
            RefusalCode::ClusterMismatch,
            "another cluster's UID"
        );
    }
    moved.cluster = Some(other.id.clone());
    assert_eq!(moved.refusal(at, joining).await, RefusalCode::TokenForOtherCluster, "a token of another");
    assert_eq!(moved.refusal(at, Credential::Key).await, RefusalCode::KeyMismatch, "a key of another");
    assert_eq!(agent.refusal(at, token(other.token()?)).await, RefusalCode::TokenForOtherCluster);
    assert_eq!(agent.refusal(at, token("")).await, RefusalCode::BadToken);
    assert_eq!(agent.refusal(at, token(&"b".repeat(54))).await, RefusalCode::BadToken);
    let mut nowhere = Agent::of(&victim, "uid-of-nowhere")?;
    nowhere.cluster = Some("c-m-bbbbbbbb".to_owned());
    assert_eq!(nowhere.refusal(at, Credential::Key).await, RefusalCode::UnknownCluster);
    let newer = |nonce: &[u8]| Hello { protocol: 99, ..agent.hello(Credential::Key, nonce) };
    assert_eq!(refusal(dial_with(at, newer).await), RefusalCode::UnsupportedProtocol);

    attacked.connected(&victim, "victim").await?;
    wait::until("the administrator to be told", LIMIT, async || {
        let cluster =
            attacked.server.api.get(&format!("{}/{}", import::MANAGEMENT_CLUSTERS, victim.id)).await?;
        let conditions = cluster["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let enrolled = conditions.iter().find(|condition| condition["type"] == "AgentEnrolled");
        let enrolled = enrolled.context("no condition")?;
        let told = enrolled["message"].as_str().is_some_and(|text| text.contains("refused"));
        Ok((told && enrolled["status"] == "True").then_some(()))
    })
    .await?;
    attacked.is_unharmed().await
}

#[tokio::test]
async fn an_agent_that_sends_garbage_is_dropped() -> Result<()> {
    let attacked = Attacked::start().await?;
    let attacks = misdeeds().into_iter().enumerate().map(async |(number, (what, when, bytes))| {
        let name = format!("bad-{number}");
        let imported = import::create(&attacked.server.api, &name).await?;
        let agent = Agent::of(&imported, &name)?;
        let mut socket = agent.join(&attacked.kubeconfig, &imported).await?;
        // What cannot be written any more was refused, and that is what is waited for.
        match when {
            When::Raw => {
                let mut stream = socket.into_inner();
                let _ = stream.write_all(&bytes(0)).await;
                let _ = stream.flush().await;
                dropped(what, &mut stream).await;
            }
            When::Framed => {
                let _ = socket.write_all(&bytes(0)).await;
                let _ = socket.flush().await;
                dropped(what, &mut socket).await;
            }
            When::Answering => {
                let cluster = attacked.cluster(&imported);
                let asking = wait::until("the request to reach the agent", LIMIT, async || {
                    let answer = cluster.try_get("/name").await?;
                    // Before the agent is in, it has not connected yet.
                    Ok((!answer.text.contains("has not connected")).then_some(answer))
                });
                let attacking = async {
                    become_a_session(&mut socket).await?;
                    let stream = next_request(&mut socket).await?;
                    let _ = socket.write_all(&bytes(stream)).await;
                    let _ = socket.flush().await;
                    dropped(what, &mut socket).await;
                    anyhow::Ok(())
                };
                let (answer, attack) = tokio::join!(asking, attacking);
                attack.with_context(|| what.to_owned())?;
                let answer = answer?;
                assert!([502, 503].contains(&answer.code), "{what}: {} {}", answer.code, answer.text);
                assert_eq!(answer.json()["kind"], "Status", "{what}: {}", answer.text);
                assert!(answer.json()["message"].as_str().is_some_and(|text| text.contains(&imported.id)));
            }
        }
        let answer = attacked.cluster(&imported).try_get("/name").await?;
        assert_eq!(answer.code, 503, "{what}: {}", answer.text);
        anyhow::Ok(())
    });
    join_all(attacks).await.into_iter().collect::<Result<Vec<_>>>()?;
    attacked.is_unharmed().await
}

/// Waits until the server has hung up.
async fn dropped(what: &str, stream: &mut (impl AsyncReadExt + Unpin)) {
    let mut rest = vec![0; 64 * 1024];
    let reading = async { while matches!(stream.read(&mut rest).await, Ok(read) if read > 0) {} };
    assert!(timeout(LIMIT, reading).await.is_ok(), "{what}: the server keeps the connection");
}

/// Plays the serving end of HTTP/2 until the server's first question is answered: then the session stands.
async fn become_a_session(socket: &mut Socket<AgentStream>) -> Result<()> {
    socket.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    socket.flush().await?;
    let mut preface = [0; 24];
    socket.read_exact(&mut preface).await?;
    let stream = next_request(socket).await?;
    socket.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &[STATUS_200])).await?;
    Ok(socket.flush().await?)
}

/// Reads frames until a request comes; its stream.
async fn next_request(socket: &mut Socket<AgentStream>) -> Result<u32> {
    loop {
        let mut header = [0; 9];
        socket.read_exact(&mut header).await?;
        let [length @ .., kind, _flags, s0, s1, s2, s3] = header;
        let [l0, l1, l2] = length;
        let mut payload = vec![0; u32::from_be_bytes([0, l0, l1, l2]) as usize];
        socket.read_exact(&mut payload).await?;
        if kind == HEADERS {
            return Ok(u32::from_be_bytes([s0, s1, s2, s3]));
        }
    }
}

#[tokio::test]
async fn an_agent_that_never_answers_has_a_bounded_number_of_requests() -> Result<()> {
    let attacked = Attacked::start().await?;
    let silent = import::create(&attacked.server.api, "silent").await?;
    let socket = Agent::of(&silent, "uid-of-silent")?.join(&attacked.kubeconfig, &silent).await?;
    let serving = tokio::spawn(transport::serve(socket, |request: http::Request<_>| async move {
        if request.uri().path() != PING_PATH {
            pending::<()>().await;
        }
        Response::new(Body::Empty)
    }));
    attacked.has_agent(&silent).await?;

    // All requests wait for the agent, so what is answered is what is one too many.
    let (tell, mut answers) = mpsc::unbounded_channel();
    let clients = MAX_REQUESTS.div_ceil(REQUESTS_PER_CLIENT) + 1;
    for _ in 0..clients {
        let client = Api::new(&attacked.kubeconfig)?.below(&format!("/k8s/clusters/{}", silent.id));
        for _ in 0..REQUESTS_PER_CLIENT {
            let (client, tell) = (client.clone(), tell.clone());
            tokio::spawn(async move { tell.send(client.try_get("/api/v1/pods?watch=true").await) });
        }
    }
    drop(tell);
    // Before the agent goes, all of them: a request that arrives later waits for nothing.
    for _ in 0..clients * REQUESTS_PER_CLIENT - MAX_REQUESTS {
        let refused = timeout(LIMIT, answers.recv()).await?.context("an answer")??;
        assert_eq!(
            (refused.code, &refused.json()["reason"]),
            (429, &json!("TooManyRequests")),
            "{}",
            refused.text
        );
        assert!(refused.headers.contains_key("retry-after"));
    }
    attacked.is_unharmed().await?;

    serving.abort();
    let mut waited = 0;
    while let Some(answer) = timeout(LIMIT, answers.recv()).await? {
        let answer = answer?;
        assert!([429, 503].contains(&answer.code), "{} {}", answer.code, answer.text);
        assert_eq!(answer.json()["kind"], "Status", "{}", answer.text);
        waited += usize::from(answer.code == 503);
    }
    assert!((MAX_REQUESTS - 10..=MAX_REQUESTS).contains(&waited), "{waited} requests were waiting");
    attacked.is_unharmed().await
}

#[tokio::test]
async fn an_agent_that_opens_many_tunnels_keeps_a_few() -> Result<()> {
    let attacked = Attacked::start().await?;
    let many = import::create(&attacked.server.api, "many").await?;
    let mut agent = Agent::of(&many, "uid-of-many")?;
    let mut sockets = Vec::new();
    for number in 0..MAX_SESSIONS + 8 {
        agent.instance = format!("instance-{number}");
        sockets.push(serve(agent.join(&attacked.kubeconfig, &many).await?, "many"));
    }
    wait::until("the oldest tunnels to be closed", LIMIT, async || {
        let closed = sockets.iter().filter(|socket| socket.is_finished()).count();
        let metrics = attacked.server.api.try_get("/metrics").await?.text;
        // One more is the good agent's.
        let expected = format!("grange_tunnel_sessions {}", MAX_SESSIONS + 1);
        Ok((closed == 8 && metrics.contains(&expected)).then_some(()))
    })
    .await?;
    attacked.connected(&many, "many").await?;
    attacked.is_unharmed().await
}
