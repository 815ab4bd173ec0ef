//! A real cluster as its users reach it: kubectl, identity, RBAC, watches, upgrades, and a dead agent.

use std::{collections::BTreeSet, process::Stdio};

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use grange_harness::{Api, Kubeconfig, Server, tls, wait};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio_tungstenite::tungstenite::{
    client::IntoClientRequest,
    http::header::{AUTHORIZATION, ORIGIN},
};

use super::{LIMIT, Real};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const REVIEWS: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

fn config_map(name: &str, text: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default", "name": name}, "data": {"text": text}})
}

#[tokio::test]
async fn a_real_cluster_is_managed_through_the_gateway() -> Result<()> {
    let Some(mut real) = Real::imported().await? else { return Ok(()) };
    kubectl_works(&real).await?;
    the_cluster_sees_the_person_and_nobody_else(&real).await?;
    the_clusters_own_rbac_decides(&real).await?;
    a_watch_ends_with_its_client(&real).await?;
    an_upgrade_passes(&real).await?;
    without_its_agent_it_is_503(&mut real).await
}

async fn kubectl_works(real: &Real) -> Result<()> {
    let namespaces = real.kubectl(&["get", "ns"]).await?;
    assert!(namespaces.starts_with("NAME") && namespaces.contains("cattle-system"), "{namespaces}");

    let mut watch = real.kubectl_command(&["get", "configmaps", "-w", "-o", "name"]);
    let mut watch = watch.stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(watch.stdout.take().context("a pipe")?).lines();

    let file = real.file("note.json", &config_map("note", "one"))?.display().to_string();
    assert!(real.kubectl(&["apply", "-f", &file]).await?.contains("created"));
    assert!(real.kubectl(&["apply", "-f", &file]).await?.contains("unchanged"));
    real.file("note.json", &config_map("note", "two"))?;
    assert!(real.kubectl(&["apply", "-f", &file]).await?.contains("configured"));
    let seen = tokio::time::timeout(LIMIT, async {
        while let Some(line) = lines.next_line().await? {
            if line == "configmap/note" {
                return Ok(());
            }
        }
        anyhow::bail!("the watch ended")
    });
    seen.await.context("kubectl get -w shows nothing")??;
    watch.kill().await?;

    real.kubectl(&["label", "configmap", "note", "season=spring"]).await?;
    let direct = real.cluster.kubectl(&["get", "configmap", "note", "-o", "json"]).await?;
    let direct: Value = serde_json::from_str(&direct)?;
    assert_eq!(
        (&direct["data"]["text"], &direct["metadata"]["labels"]["season"]),
        (&json!("two"), &json!("spring"))
    );
    real.kubectl(&["delete", "configmap", "note"]).await?;
    assert!(real.cluster.kubectl(&["get", "configmap", "note"]).await.is_err());
    Ok(())
}

/// What a client says about who it is never arrives; what the server says does.
async fn the_cluster_sees_the_person_and_nobody_else(real: &Real) -> Result<()> {
    let users = real.server.api.get("/apis/management.cattle.io/v3/users").await?;
    let admin = users["items"].as_array().into_iter().flatten().find(|user| user["username"] == "admin");
    let id = admin.context("no user called admin")?["metadata"]["name"].clone();
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let remote = real.remote();
    let request = remote
        .request(Method::POST, REVIEWS)
        .json(&review)
        .header("Impersonate-User", "system:admin")
        .header("Impersonate-Group", "system:masters")
        .header("Impersonate-Uid", "0")
        .header("Impersonate-Extra-Scopes", "everything")
        .header("Cookie", "R_SESS=token-aaaaa:nothing");
    let answer = remote.send(request).await?.success()?;
    let person = &answer["status"]["userInfo"];
    assert_eq!(person["username"], id, "{person}");
    let groups: BTreeSet<&str> =
        person["groups"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert!(groups.contains("grange:cluster:cluster-owner"), "{person}");
    assert!(!groups.contains("system:masters"), "{person}");
    assert!(!person.to_string().contains("everything"), "{person}");
    assert!(person["uid"] != "0", "{person}");
    Ok(())
}

/// A person who may see the Cluster and nothing more is somebody in the cluster, but may do nothing there.
async fn the_clusters_own_rbac_decides(real: &Real) -> Result<()> {
    let api = &real.server.api;
    let token = member(api, &real.imported.id).await?;
    let remote = real.remote().with_token(&token);
    let answer = remote.try_get("/api/v1/nodes").await?;
    assert_eq!((answer.code, &answer.json()["reason"]), (403, &json!("Forbidden")), "{}", answer.text);
    assert!(answer.text.contains("cannot list resource"), "the cluster's own words: {}", answer.text);
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let review = remote.create(REVIEWS, &review).await?;
    assert_eq!(review["status"]["userInfo"]["username"], "user-jane");

    // What the cluster's own administrator grants is at once there, and no more than that.
    let grant = ["create", "clusterrole", "node-reader", "--verb=list", "--resource=nodes"];
    real.cluster.kubectl(&grant).await?;
    let bind =
        ["create", "clusterrolebinding", "node-reader", "--clusterrole=node-reader", "--user=user-jane"];
    real.cluster.kubectl(&bind).await?;
    wait::until("the cluster to let the member list nodes", LIMIT, async || {
        Ok((remote.try_get("/api/v1/nodes").await?.code == 200).then_some(()))
    })
    .await?;
    assert_eq!(remote.try_get("/api/v1/secrets").await?.code, 403);

    // Who may not even see the Cluster learns nothing.
    let path = format!("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{}-member", real.imported.id);
    api.delete(&path).await?;
    wait::until("the server to refuse the former member", LIMIT, async || {
        let code = remote.try_get("/api/v1/nodes").await?.code;
        Ok([403, 404].contains(&code).then_some(()))
    })
    .await
}

/// A user who may only `get` the one Cluster: their token.
async fn member(server: &Api, cluster: &str) -> Result<String> {
    let user = json!({
        "apiVersion": "management.cattle.io/v3", "kind": "User",
        "metadata": {"name": "user-jane"}, "username": "jane", "enabled": true,
    });
    server.create("/apis/management.cattle.io/v3/users", &user).await?;
    // The hash of the administrator's password does for this user too.
    let passwords = "/api/v1/namespaces/cattle-local-user-passwords/secrets";
    let theirs = server.get(passwords).await?["items"][0].clone();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "data": theirs["data"],
        "metadata": {"name": "user-jane", "annotations": theirs["metadata"]["annotations"]},
    });
    server.create(passwords, &secret).await?;
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let name = format!("{cluster}-member");
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name},
        "rules": [{"apiGroups": ["management.cattle.io"], "resources": ["clusters"], "resourceNames": [cluster], "verbs": ["get"]}],
    });
    server.create(&format!("{rbac}/clusterroles"), &role).await?;
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "user-jane"}],
    });
    server.create(&format!("{rbac}/clusterrolebindings"), &binding).await?;
    let credentials = json!({"username": "jane", "password": Server::PASSWORD});
    let login = "/v3-public/localProviders/local?action=login";
    let token = wait::until("the new user to log in", LIMIT, async || {
        let request = server.with_token("").request(Method::POST, login).json(&credentials);
        Ok(Some(server.send(request).await?.success()?["token"].clone()))
    })
    .await?;
    Ok(token.as_str().context("a token")?.to_owned())
}

/// Proved where it counts: the real API server has one watch more, then one less.
async fn a_watch_ends_with_its_client(real: &Real) -> Result<()> {
    let watches = async || -> Result<f64> {
        let metrics = real.direct.try_get("/metrics").await?.text;
        let ours = metrics.lines().filter(|line| {
            line.starts_with("apiserver_longrunning_requests{")
                && line.contains("resource=\"configmaps\"")
                && line.contains("verb=\"WATCH\"")
        });
        Ok(ours.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum())
    };
    let before = watches().await?;
    let mut watch = real.remote().lines(&format!("{CONFIG_MAPS}?watch=true&resourceVersion=0")).await?;
    real.direct.create(CONFIG_MAPS, &config_map("seen", "by the watch")).await?;
    wait::until("the watch to deliver", LIMIT, async || {
        let event = watch.next().await?.context("the watch ended")?;
        Ok((event["object"]["metadata"]["name"] == "seen" && event["type"] == "ADDED").then_some(()))
    })
    .await?;
    assert!(watches().await? > before, "the cluster counts the watch");
    drop(watch);
    wait::until("the cluster to be rid of the watch", LIMIT, async || {
        let now = watches().await?;
        ensure!(now <= before, "{now} watches, {before} before");
        Ok(Some(()))
    })
    .await
}

/// The real API server serves watches over WebSocket too: an upgrade all the way.
async fn an_upgrade_passes(real: &Real) -> Result<()> {
    let kubeconfig = Kubeconfig::read(&real.server.kubeconfig)?;
    let url = format!("{}{CONFIG_MAPS}?watch=1&resourceVersion=0", real.remote().base());
    let mut request = url.replacen("https://", "wss://", 1).into_client_request()?;
    request.headers_mut().insert(AUTHORIZATION, format!("Bearer {}", kubeconfig.token).parse()?);
    // Without it the real API server refuses.
    request.headers_mut().insert(ORIGIN, real.server.api.base().parse()?);
    let stream = tls::connect_to(&kubeconfig).await?;
    let (mut socket, response) = tokio_tungstenite::client_async(request, stream).await?;
    assert_eq!(response.status(), 101);
    real.direct.create(CONFIG_MAPS, &config_map("upgraded", "by WebSocket")).await?;
    let seen = tokio::time::timeout(LIMIT, async {
        while let Some(message) = socket.next().await {
            if message?.to_string().contains("\"upgraded\"") {
                return Ok(());
            }
        }
        anyhow::bail!("the WebSocket ended")
    });
    seen.await.context("nothing comes over the WebSocket")?
}

async fn without_its_agent_it_is_503(real: &mut Real) -> Result<()> {
    let mut agent = real.agents.pop().context("an agent")?;
    agent.signal("KILL")?;
    agent.ended(LIMIT).await?;
    let remote = real.remote();
    let answer = wait::until("the loss to be known", LIMIT, async || {
        let answer = remote.try_get("/api/v1/nodes").await?;
        Ok((answer.code == 503).then_some(answer))
    })
    .await?;
    assert_eq!(answer.json()["reason"], "ServiceUnavailable", "{}", answer.text);
    assert!(answer.headers.contains_key("retry-after"));
    Ok(())
}
