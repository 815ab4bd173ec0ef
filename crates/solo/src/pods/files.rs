//! A Pod's mounts as files in a folder of its own: its service account and its volumes of Secrets and ConfigMaps.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use grange_apimachinery::Object;
use serde_json::Value;
use tempfile::TempDir;

use super::{Shared, environment::data};
use crate::{credentials::write_private, kinds};

/// How long a service account's token is good.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);
/// How long before a token ends its file gets the next one.
pub(super) const REFRESH_INTERVAL: Duration = Duration::from_secs(2700);

/// The folder of a Pod; gone when dropped.
pub(super) struct Files {
    root: TempDir,
    /// Stands for `/var/run/secrets/kubernetes.io/serviceaccount`.
    pub(super) service_account: PathBuf,
    /// Stands for the mount of the volume with the agent's credentials.
    pub(super) credentials: Option<PathBuf>,
}

impl Files {
    /// Makes the folder and writes everything; `Err` with a sentence when something is not there.
    pub(super) async fn make(shared: &Shared, pod: &Object) -> Result<Files, String> {
        let root = tempfile::Builder::new()
            .prefix(&format!("{}-", pod.name()))
            .tempdir_in(&shared.node.folder)
            .map_err(|error| format!("no folder for the pod: {error}"))?;
        let service_account = root.path().join("serviceaccount");
        let credentials = credentials_volume(pod).map(|name| root.path().join("volumes").join(name));
        let files = Files { root, service_account, credentials };
        files.write(shared, pod).await?;
        Ok(files)
    }

    /// Writes everything anew.
    pub(super) async fn write(&self, shared: &Shared, pod: &Object) -> Result<(), String> {
        let account = pod.text(&["spec", "serviceAccountName"]);
        let token = shared
            .api
            .issue_service_account_token(pod.namespace(), account, &[], TOKEN_LIFETIME)
            .await
            .map_err(|status| status.message)?;
        let account_files = BTreeMap::from([
            ("token".to_owned(), token.into_bytes()),
            ("ca.crt".to_owned(), shared.node.authority_pem.clone().into_bytes()),
            ("namespace".to_owned(), pod.namespace().as_bytes().to_vec()),
        ]);
        write_all(&self.service_account, &account_files)?;
        for volume in pod.get(&["spec", "volumes"]).and_then(Value::as_array).into_iter().flatten() {
            let Some(name) = volume["name"].as_str().filter(|name| is_plain_name(name)) else { continue };
            let (source, kind, reference, secret) = if volume["secret"].is_object() {
                (&volume["secret"], &kinds::SECRETS, "secretName", true)
            } else if volume["configMap"].is_object() {
                (&volume["configMap"], &kinds::CONFIG_MAPS, "name", false)
            } else {
                continue;
            };
            let Some(object) = source[reference].as_str() else { continue };
            match data(&shared.client, kind, pod.namespace(), object, secret).await? {
                Some(data) => write_all(&self.root.path().join("volumes").join(name), &pick(data, source))?,
                None if source["optional"] == true => {}
                None => {
                    let kind = kind.kind.to_lowercase();
                    return Err(format!(
                        "MountVolume.SetUp failed for volume {name:?} : {kind} {object:?} not found"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The volume whose mount the agent looks for: the Secret mounted where a name ends with `credentials`, else the
/// first Secret that is mounted.
fn credentials_volume(pod: &Object) -> Option<String> {
    let is_secret = |name: &str| {
        (pod.get(&["spec", "volumes"]).and_then(Value::as_array).into_iter().flatten())
            .any(|volume| volume["name"] == name && volume["secret"].is_object())
    };
    let containers = pod.get(&["spec", "containers"])?;
    let mounts: Vec<(&str, &str)> = (containers[0]["volumeMounts"].as_array()?.iter())
        .filter_map(|mount| Some((mount["name"].as_str()?, mount["mountPath"].as_str()?)))
        .filter(|(name, _)| is_plain_name(name) && is_secret(name))
        .collect();
    (mounts.iter().find(|(_, path)| path.trim_end_matches('/').ends_with("credentials")))
        .or_else(|| mounts.first())
        .map(|(name, _)| (*name).to_owned())
}

/// Only the wanted keys, under the wanted names, when a volume lists items.
fn pick(mut data: BTreeMap<String, Vec<u8>>, source: &Value) -> BTreeMap<String, Vec<u8>> {
    match source["items"].as_array() {
        Some(items) => (items.iter())
            .filter_map(|item| Some((item["path"].as_str()?.to_owned(), data.remove(item["key"].as_str()?)?)))
            .collect(),
        None => data,
    }
}

fn write_all(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    crate::credentials::create_private_directory(folder).map_err(|error| error.to_string())?;
    for (name, content) in files.iter().filter(|(name, _)| is_plain_name(name)) {
        write_private(&folder.join(name), content).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// A name that is one path segment and stays in its folder.
fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0'])
}
