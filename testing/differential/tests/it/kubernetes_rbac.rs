//! Random roles, bindings and requests: our decisions against those of the code that kube-apiserver decides with.
use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use grange_apiserver::{Body, Handle, UserInfo};
use grange_differential::{oracle, ours};
use grange_rbac::{PolicyRule, covers};
use grange_testing_kubernetes::Options;
use http_body_util::BodyExt as _;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

/// The worlds and requests are the same in every run.
const SEED: u64 = 1;
const WORLDS: usize = 40;
const REQUESTS_PER_WORLD: usize = 2_500;
const COVERAGE_QUESTIONS: usize = 50_000;
/// Requests on their way to our server at once.
const PARALLEL_REQUESTS: usize = 8;

const VERBS: &[&str] = &["get", "list", "create", "delete", "*", "odd"];
const GROUPS: &[&str] = &["", "apps", "x.io", "*"];
const RESOURCES: &[&str] =
    &["pods", "configmaps", "pods/log", "*/log", "*", "pods/*", "configmaps/status", "*/*"];
const NAMES: &[&str] = &["a", "b", "*"];
const PATHS: &[&str] = &["/healthz", "/healthz/*", "/metrics", "*", "/", "/api/*", "/a*b", "/api"];
const NAMESPACES: &[&str] = &["one", "two"];
const USERS: &[&str] = &["jane", "joe", "system:serviceaccount:one:robot", "*"];
const PEOPLE: &[&str] =
    &["tenants", "system:authenticated", "system:unauthenticated", "system:serviceaccounts"];

fn one<'a>(random: &mut StdRng, words: &[&'a str]) -> &'a str {
    words[random.random_range(0..words.len())]
}

fn some(random: &mut StdRng, words: &[&str], most: usize) -> Vec<String> {
    (0..random.random_range(0..=most)).map(|_| one(random, words).to_owned()).collect()
}

fn rule(random: &mut StdRng, cluster: bool) -> Value {
    let verbs = [one(random, VERBS).to_owned()].into_iter().chain(some(random, VERBS, 2)).collect::<Vec<_>>();
    if cluster && random.random_ratio(1, 4) {
        return json!({"verbs": verbs, "nonResourceURLs": [one(random, PATHS), one(random, PATHS)]});
    }
    let groups =
        [one(random, GROUPS).to_owned()].into_iter().chain(some(random, GROUPS, 1)).collect::<Vec<_>>();
    let resources =
        [one(random, RESOURCES).to_owned()].into_iter().chain(some(random, RESOURCES, 2)).collect::<Vec<_>>();
    let names = if random.random_ratio(1, 3) { some(random, NAMES, 2) } else { Vec::new() };
    json!({"verbs": verbs, "apiGroups": groups, "resources": resources, "resourceNames": names})
}

fn rules(random: &mut StdRng, cluster: bool, most: usize) -> Value {
    (0..random.random_range(1..=most)).map(|_| rule(random, cluster)).collect()
}

fn subjects(random: &mut StdRng) -> Value {
    (0..random.random_range(0..3))
        .map(|_| match random.random_range(0..3) {
            0 => json!({"kind": "User", "name": one(random, USERS), "apiGroup": "rbac.authorization.k8s.io"}),
            1 => {
                json!({"kind": "Group", "name": one(random, PEOPLE), "apiGroup": "rbac.authorization.k8s.io"})
            }
            _ => json!({"kind": "ServiceAccount", "name": "robot", "namespace": one(random, NAMESPACES)}),
        })
        .collect()
}

fn object(kind: &str, namespace: Option<&str>, name: &str, rest: Value) -> Value {
    let mut object =
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}});
    if let Some(namespace) = namespace {
        object["metadata"]["namespace"] = json!(namespace);
    }
    for (key, value) in rest.as_object().into_iter().flatten() {
        object[key] = value.clone();
    }
    object
}

/// The objects of a world under the names that the other side reads.
fn world(random: &mut StdRng) -> Value {
    let reference = |kind: &str, name: String| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name});
    let (mut roles, mut role_bindings, mut cluster_roles, mut cluster_role_bindings) =
        (vec![], vec![], vec![], vec![]);
    for index in 0..4 {
        let namespace = Some(one(random, NAMESPACES));
        roles.push(object(
            "Role",
            namespace,
            &format!("r{index}"),
            json!({"rules": rules(random, false, 3)}),
        ));
        cluster_roles.push(object(
            "ClusterRole",
            None,
            &format!("random-{index}"),
            json!({"rules": rules(random, true, 3)}),
        ));
        // Some of the references lead nowhere.
        let number = random.random_range(0..5);
        let role = if random.random_bool(0.6) {
            reference("Role", format!("r{number}"))
        } else {
            reference("ClusterRole", format!("random-{number}"))
        };
        let namespace = Some(one(random, NAMESPACES));
        role_bindings.push(object(
            "RoleBinding",
            namespace,
            &format!("b{index}"),
            json!({"roleRef": role, "subjects": subjects(random)}),
        ));
        let role = reference("ClusterRole", format!("random-{}", random.random_range(0..5)));
        cluster_role_bindings.push(object(
            "ClusterRoleBinding",
            None,
            &format!("random-{index}"),
            json!({"roleRef": role, "subjects": subjects(random)}),
        ));
    }
    json!({"roles": roles, "roleBindings": role_bindings, "clusterRoles": cluster_roles, "clusterRoleBindings": cluster_role_bindings})
}

fn request(random: &mut StdRng) -> Value {
    let user = one(random, USERS);
    let groups = some(random, PEOPLE, 2);
    if random.random_ratio(1, 6) {
        return json!({"user": user, "groups": groups, "verb": one(random, VERBS), "path": one(random, PATHS), "isResource": false});
    }
    let (resource, subresource) = {
        let resource = one(random, RESOURCES);
        resource.split_once('/').unwrap_or((resource, ""))
    };
    json!({
        "user": user, "groups": groups, "verb": one(random, VERBS), "group": one(random, GROUPS), "resource": resource,
        "subresource": subresource, "name": if random.random() { one(random, NAMES) } else { "" },
        "namespace": one(random, &["one", "two", ""]), "isResource": true,
    })
}

/// Sends a request as the administrator.
async fn send(handle: &Handle, mut request: http::Request<Body>) -> Result<(u16, Value)> {
    request.extensions_mut().insert(UserInfo {
        username: "admin".into(),
        groups: vec!["system:masters".into()],
        ..UserInfo::default()
    });
    let response = handle.call(request).await;
    let code = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok((code, serde_json::from_slice(&body.to_bytes())?))
}

async fn post(handle: &Handle, path: &str, body: &Value) -> Result<(u16, Value)> {
    let request = http::Request::post(path).header("content-type", "application/json");
    send(handle, request.body(Body::from(body.to_string().into_bytes()))?).await
}

/// Puts a world into a server of its own.
async fn build(handle: &Handle, world: &Value) -> Result<()> {
    for namespace in NAMESPACES {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        post(handle, "/api/v1/namespaces", &object).await?;
    }
    for objects in world.as_object().context("a world")?.values() {
        for object in objects.as_array().into_iter().flatten() {
            let plural = format!("{}s", object["kind"].as_str().unwrap_or_default().to_lowercase());
            let namespace = object["metadata"]["namespace"].as_str();
            let namespace = namespace.map(|namespace| format!("/namespaces/{namespace}")).unwrap_or_default();
            let path = format!("/apis/rbac.authorization.k8s.io/v1{namespace}/{plural}");
            let (code, answer) = post(handle, &path, object).await?;
            anyhow::ensure!(code == 201, "{object}: {answer}");
        }
    }
    Ok(())
}

async fn decide(handle: &Handle, request: &Value) -> Result<bool> {
    let spec = if request["isResource"] == true {
        let attributes = json!({
            "verb": request["verb"], "group": request["group"], "resource": request["resource"], "subresource": request["subresource"],
            "name": request["name"], "namespace": request["namespace"],
        });
        json!({"user": request["user"], "groups": request["groups"], "resourceAttributes": attributes})
    } else {
        let attributes = json!({"verb": request["verb"], "path": request["path"]});
        json!({"user": request["user"], "groups": request["groups"], "nonResourceAttributes": attributes})
    };
    let review =
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec});
    let (code, answer) = post(handle, "/apis/authorization.k8s.io/v1/subjectaccessreviews", &review).await?;
    anyhow::ensure!(code == 201, "{request}: {answer}");
    answer["status"]["allowed"].as_bool().context("no decision")
}

/// The roles that a server has from its start are part of both worlds.
fn with_what_is_there(world: &mut Value, there: &[(&str, Value)]) {
    for (kind, list) in there {
        let items = list["items"].as_array().cloned().unwrap_or_default();
        if let Some(objects) = world[*kind].as_array_mut() {
            objects.extend(items);
        }
    }
}

async fn there(handle: &Handle) -> Result<Vec<(&'static str, Value)>> {
    let mut all = Vec::new();
    for (kind, plural) in [
        ("roles", "roles"),
        ("roleBindings", "rolebindings"),
        ("clusterRoles", "clusterroles"),
        ("clusterRoleBindings", "clusterrolebindings"),
    ] {
        let path = format!("/apis/rbac.authorization.k8s.io/v1/{plural}");
        all.push((kind, send(handle, http::Request::get(path).body(Body::Empty)?).await?.1));
    }
    Ok(all)
}

#[tokio::test(flavor = "multi_thread")]
async fn random_requests_are_decided_alike() -> Result<()> {
    let Some(options) = Options::from_environment() else { return Ok(()) };
    let mut random = StdRng::seed_from_u64(SEED);
    let mut questions = Vec::new();
    let mut decisions = Vec::new();
    for _ in 0..WORLDS {
        let mut world = world(&mut random);
        let (handle, _stop) = ours::start("admin", "user").await?;
        let there = there(&handle).await?;
        build(&handle, &world).await?;
        with_what_is_there(&mut world, &there);
        questions.push(json!({"world": world}));
        let requests: Vec<Value> = (0..REQUESTS_PER_WORLD).map(|_| request(&mut random)).collect();
        let decided: Vec<bool> = stream::iter(requests.iter().map(|request| decide(&handle, request)))
            .buffered(PARALLEL_REQUESTS)
            .try_collect()
            .await?;
        decisions.extend(decided);
        questions.extend(requests.into_iter().map(|request| json!({"request": request})));
    }
    let asked: Vec<Value> =
        questions.iter().filter(|question| question.get("request").is_some()).cloned().collect();
    let answers = oracle::decide(&options, questions)?;
    assert_eq!(answers.len(), decisions.len());
    let allowed = decisions.iter().filter(|allowed| **allowed).count();
    println!("{} decisions, {allowed} of them yes", decisions.len());
    assert!(
        allowed > decisions.len() / 20 && allowed < decisions.len() * 19 / 20,
        "{allowed} of {} is no fair sample",
        decisions.len()
    );
    let different: Vec<String> = (0..answers.len())
        .filter(|index| answers[*index] != json!(decisions[*index]))
        .map(|index| format!("ours {}, kubernetes {}: {}", decisions[index], answers[index], asked[index]))
        .collect();
    assert!(
        different.is_empty(),
        "{} differ, such as\n{}",
        different.len(),
        different[..different.len().min(20)].join("\n")
    );
    Ok(())
}

/// Single rights: verb, group, resource, name or verb and path.
fn atoms(rules: &[PolicyRule]) -> BTreeSet<[&str; 5]> {
    let mut atoms = BTreeSet::new();
    for rule in rules {
        let names = if rule.resource_names.is_empty() { vec![""] } else { words(&rule.resource_names) };
        for verb in words(&rule.verbs) {
            for path in words(&rule.non_resource_urls) {
                atoms.insert([verb, "", "", "", path]);
            }
            for group in words(&rule.api_groups) {
                for resource in words(&rule.resources) {
                    atoms.extend(names.iter().map(|name| [verb, group, resource, *name, ""]));
                }
            }
        }
    }
    atoms
}

fn words(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

#[test]
fn random_rules_cover_each_other_alike() -> Result<()> {
    let Some(options) = Options::from_environment() else { return Ok(()) };
    let mut random = StdRng::seed_from_u64(SEED);
    let pairs: Vec<(Value, Value)> =
        (0..COVERAGE_QUESTIONS).map(|_| (rules(&mut random, true, 4), rules(&mut random, true, 2))).collect();
    let questions =
        pairs.iter().map(|(owned, wanted)| json!({"covers": {"owned": owned, "wanted": wanted}})).collect();
    let answers = oracle::decide(&options, questions)?;
    assert_eq!(answers.len(), pairs.len());
    let mut covered = 0;
    for ((owned, wanted), answer) in pairs.iter().zip(&answers) {
        let owned: Vec<PolicyRule> = serde_json::from_value(owned.clone())?;
        let wanted: Vec<PolicyRule> = serde_json::from_value(wanted.clone())?;
        let missing: Vec<PolicyRule> = serde_json::from_value(answer.clone())?;
        let ours = covers(&owned, &wanted).err().unwrap_or_default();
        covered += usize::from(ours.is_empty());
        // We join what is missing by verbs, as Kubernetes does where it tells people.
        assert_eq!(atoms(&ours), atoms(&missing), "of {wanted:?} with {owned:?}");
    }
    println!("{} questions, {covered} covered", pairs.len());
    assert!(covered > 500, "{covered} covered is no fair sample");
    Ok(())
}
