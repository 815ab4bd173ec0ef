//! `grange cluster …` over the public API.
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    checklist::{self, Checklist},
    command::{ClusterCommand, Delete, Format, Import, Kubeconfig, List},
    config,
    error::Error,
    output, prompt,
    remote::Remote,
    steps::Steps,
};

const MANAGEMENT: &str = "/apis/management.cattle.io/v3/clusters";
const WORKSPACE: &str = "fleet-default";
const POLL: Duration = Duration::from_millis(300);
/// The id is assigned and the token made at once; anything longer is a fault.
const ASSIGN_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) async fn run(command: ClusterCommand) -> Result<(), Error> {
    let remote = Remote::remembered()?;
    match command {
        ClusterCommand::List(arguments) => list(&remote, &arguments).await,
        ClusterCommand::Import(arguments) => import(&remote, &arguments).await,
        ClusterCommand::Kubeconfig(arguments) => kubeconfig(&remote, &arguments).await,
        ClusterCommand::Delete(arguments) => delete(&remote, &arguments).await,
    }
}

fn provisioning(name: &str) -> String {
    let base = format!("/apis/provisioning.cattle.io/v1/namespaces/{WORKSPACE}/clusters");
    if name.is_empty() { base } else { format!("{base}/{name}") }
}

async fn list(remote: &Remote, arguments: &List) -> Result<(), Error> {
    let answer = remote.get(MANAGEMENT).await?;
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    if items.is_empty() && arguments.output == Format::Table {
        eprintln!("There are no clusters that you may see.");
        eprintln!("hint: grange cluster import NAME");
        return Ok(());
    }
    output::print(arguments.output, &Value::Array(items.clone()), || {
        let rows = items.iter().map(row).collect();
        output::table(&["NAME", "ID", "STATE", "PROVIDER", "KUBERNETES", "AGE"], rows)
    })
}

fn row(cluster: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let provider = [&cluster["status"]["provider"], &cluster["metadata"]["labels"]["provider.cattle.io"]];
    let provider = provider.into_iter().find_map(|value| value.as_str().filter(|text| !text.is_empty()));
    vec![
        display_name(cluster).to_owned(),
        text(&cluster["metadata"]["name"]),
        state(cluster),
        provider.unwrap_or("-").to_owned(),
        text(&cluster["status"]["version"]["gitVersion"]),
        age(cluster["metadata"]["creationTimestamp"].as_str().unwrap_or_default()),
    ]
}

fn state(cluster: &Value) -> String {
    if !cluster["metadata"]["deletionTimestamp"].is_null() {
        "Removing".into()
    } else if checklist::is_ready(cluster) {
        "Ready".into()
    } else {
        let conditions = cluster["status"]["conditions"].as_array();
        let was_connected = conditions
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == "Provisioned" && condition["status"] == "True");
        if was_connected { "Unavailable".into() } else { "Pending".into() }
    }
}

/// Whole days, hours, minutes or seconds since.
fn age(created: &str) -> String {
    let Ok(created) = created.parse::<jiff::Timestamp>() else { return "-".into() };
    let seconds = (jiff::Timestamp::now().as_second() - created.as_second()).max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn display_name(cluster: &Value) -> &str {
    cluster["spec"]["displayName"]
        .as_str()
        .filter(|name| !name.is_empty())
        .or_else(|| cluster["metadata"]["name"].as_str())
        .unwrap_or_default()
}

/// The cluster of this name or id.
async fn resolve(remote: &Remote, name: &str) -> Result<Value, Error> {
    let answer = remote.get(MANAGEMENT).await?;
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    let by_id = items.iter().find(|item| item["metadata"]["name"] == name);
    let by_name: Vec<&Value> = items.iter().filter(|item| display_name(item) == name).collect();
    match (by_id, by_name.as_slice()) {
        (Some(found), _) => Ok(found.clone()),
        (None, [found]) => Ok((*found).clone()),
        (None, []) => Err(Error::NoSuchCluster(name.to_owned())),
        (None, several) => {
            let ids: Vec<&str> =
                several.iter().filter_map(|item| item["metadata"]["name"].as_str()).collect();
            Err(Error::Usage(format!(
                "{name:?} is the name of several clusters; use an id: {}",
                ids.join(", ")
            )))
        }
    }
}

async fn import(remote: &Remote, arguments: &Import) -> Result<(), Error> {
    let name = &arguments.name;
    let mut annotations = json!({});
    if !arguments.description.is_empty() {
        annotations["field.cattle.io/description"] = json!(arguments.description);
    }
    let object = json!({
        "apiVersion": "provisioning.cattle.io/v1",
        "kind": "Cluster",
        "metadata": {
            "name": name,
            "namespace": WORKSPACE,
            "labels": {"provider.cattle.io": "harvester"},
            "annotations": annotations,
        },
        "spec": {"agentEnvVars": []},
    });
    match remote.post(&provisioning(""), &object).await {
        // Whoever waited too long, or lost the steps, asks again.
        Err(Error::Refused { code: 409, message }) => {
            let existing = remote.find(&provisioning(name)).await?;
            if existing.is_none_or(|cluster| !cluster["metadata"]["deletionTimestamp"].is_null()) {
                return Err(Error::Refused {
                    code: 409,
                    message: format!("{message}, and is being removed"),
                });
            }
            eprintln!("Cluster {name} exists already.");
        }
        other => drop(other?),
    }
    let id = wait_for(
        ASSIGN_TIMEOUT,
        || format!("{name} has no id yet"),
        async || {
            let cluster = remote.get(&provisioning(name)).await?;
            Ok(cluster["status"]["clusterName"].as_str().filter(|id| !id.is_empty()).map(str::to_owned))
        },
    )
    .await?;
    let token_path =
        format!("/apis/management.cattle.io/v3/namespaces/{id}/clusterregistrationtokens/default-token");
    let token = wait_for(
        ASSIGN_TIMEOUT,
        || format!("{name} has no registration address yet"),
        async || {
            let token = remote.find(&token_path).await?;
            Ok(token
                .filter(|token| token["status"]["manifestUrl"].as_str().is_some_and(|url| !url.is_empty())))
        },
    )
    .await?;
    let manifest_url = token["status"]["manifestUrl"].as_str().unwrap_or_default();
    let has_own_ca =
        config::read()?.is_some_and(|known| !known.ca_pem.is_empty() || known.insecure_skip_tls_verify);
    let command = &token["status"][if has_own_ca { "insecureCommand" } else { "command" }];
    let command = command.as_str().unwrap_or_default();
    let steps = Steps { name, id: &id, manifest_url, command, has_own_ca };
    let value = json!({
        "name": name,
        "id": id,
        "manifestUrl": manifest_url,
        "settingValue": steps.json_value(),
        "command": token["status"]["command"],
        "insecureCommand": token["status"]["insecureCommand"],
    });
    output::print(arguments.output, &value, || steps.render())?;
    if arguments.no_wait {
        return Ok(());
    }
    if arguments.output == Format::Table {
        eprintln!();
    }
    wait_until_ready(remote, name, &id, arguments.timeout).await
}

async fn wait_until_ready(remote: &Remote, name: &str, id: &str, timeout: Duration) -> Result<(), Error> {
    let mut checklist = Checklist::default();
    let began = Instant::now();
    let path = format!("{MANAGEMENT}/{id}");
    loop {
        let Some(cluster) = remote.find(&path).await? else {
            return Err(Error::NoSuchCluster(name.to_owned()));
        };
        checklist.show(&cluster);
        if checklist::is_ready(&cluster) {
            eprintln!("Cluster {name} is ready after {} s.", began.elapsed().as_secs());
            eprintln!("hint: grange cluster kubeconfig {name} > {name}.kubeconfig");
            return Ok(());
        }
        if began.elapsed() >= timeout {
            return Err(Error::TimedOut(format!(
                "{name} is not ready after {} s; it waits for {}",
                timeout.as_secs(),
                checklist.waiting_for()
            )));
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn kubeconfig(remote: &Remote, arguments: &Kubeconfig) -> Result<(), Error> {
    let id = if arguments.name == "local" {
        "local".to_owned()
    } else {
        let cluster = resolve(remote, &arguments.name).await?;
        cluster["metadata"]["name"].as_str().unwrap_or_default().to_owned()
    };
    let path = format!("/v3/clusters/{id}?action=generateKubeconfig");
    let answer = remote.post(&path, &json!({})).await?;
    let Some(text) = answer["config"].as_str() else {
        let reason = "a kubeconfig without content".to_owned();
        return Err(Error::Unexpected { server: remote.server().to_owned(), reason });
    };
    match &arguments.output_file {
        Some(path) => {
            config::write_private(path, text)?;
            eprintln!("Wrote {}.", path.display());
            Ok(())
        }
        None => output::write_line(text.trim_end()),
    }
}

async fn delete(remote: &Remote, arguments: &Delete) -> Result<(), Error> {
    let cluster = resolve(remote, &arguments.name).await?;
    let id = cluster["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let name = display_name(&cluster).to_owned();
    if !arguments.yes {
        if !prompt::is_interactive() {
            return Err(Error::Usage(format!("deleting {name} has to be confirmed: use --yes")));
        }
        if !prompt::confirm(&format!(
            "Delete cluster {name} ({id}) here, and what the import brought there?"
        ))? {
            return Err(Error::Declined("nothing was deleted".into()));
        }
    }
    let path = match owner_of(remote, &id).await? {
        Some(path) => path,
        None => format!("{MANAGEMENT}/{id}"),
    };
    remote.delete(&path).await?;
    if arguments.wait {
        let management = format!("{MANAGEMENT}/{id}");
        wait_for(
            arguments.timeout,
            || format!("{name} is still being removed"),
            async || {
                let is_gone =
                    remote.find(&path).await?.is_none() && remote.find(&management).await?.is_none();
                Ok(is_gone.then_some(()))
            },
        )
        .await?;
        eprintln!("Cluster {name} is gone.");
    } else {
        eprintln!("Cluster {name} is being removed.");
    }
    Ok(())
}

/// The provisioning object that stands for this id, where there is one: deleting it deletes the other.
async fn owner_of(remote: &Remote, id: &str) -> Result<Option<String>, Error> {
    let answer = remote.get("/apis/provisioning.cattle.io/v1/clusters").await?;
    let found =
        answer["items"].as_array().into_iter().flatten().find(|item| item["status"]["clusterName"] == id);
    Ok(found.map(|item| {
        let metadata = &item["metadata"];
        let namespace = metadata["namespace"].as_str().unwrap_or(WORKSPACE);
        let name = metadata["name"].as_str().unwrap_or_default();
        format!("/apis/provisioning.cattle.io/v1/namespaces/{namespace}/clusters/{name}")
    }))
}

/// Asks again and again until there is something.
async fn wait_for<T>(
    timeout: Duration,
    late: impl Fn() -> String,
    mut probe: impl AsyncFnMut() -> Result<Option<T>, Error>,
) -> Result<T, Error> {
    let began = Instant::now();
    loop {
        if let Some(found) = probe().await? {
            return Ok(found);
        }
        if began.elapsed() >= timeout {
            return Err(Error::TimedOut(format!("{} after {} s", late(), timeout.as_secs())));
        }
        tokio::time::sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_say_what_a_person_wants_to_know() {
        let cluster = json!({
            "metadata": {"name": "c-m-abcdefgh", "labels": {"provider.cattle.io": "harvester"}},
            "spec": {"displayName": "paddock"},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "version": {"gitVersion": "v1.33.1"},
            },
        });
        assert_eq!(row(&cluster), ["paddock", "c-m-abcdefgh", "Ready", "harvester", "v1.33.1", "-"]);
        assert_eq!(row(&json!({"metadata": {"name": "c-m-x"}}))[2], "Pending");
    }
}
