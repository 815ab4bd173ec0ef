//! What a node does about an image it does not have: it asks the image's registry.
//!
//! Grange's own image is always here. Of all registries only the manager that the cluster is registered with is asked,
//! as a node does that was given the manager's certificate authority; whatever it answers, its images are not run.

use super::AGENT_IMAGE_PATH;
use crate::{
    client::Client,
    registration::{self, fetch::Fetcher},
};

/// Why an image cannot be had.
pub(super) async fn why_not(client: &Client, fetcher: &Fetcher, image: &str) -> String {
    let refusal = || format!("this cluster runs no image but {AGENT_IMAGE_PATH}");
    let Some((registry, repository, reference)) = split(image) else { return refusal() };
    match registration::manager(client).await {
        Ok(Some(manager)) if manager == registry => {}
        _ => return refusal(),
    }
    let url = format!("https://{registry}/v2/{repository}/manifests/{reference}");
    match fetcher.get(&url, true).await {
        Ok(_) => refusal(),
        Err(error) => format!("failed to resolve reference \"{image}\": {error}"),
    }
}

/// Registry, repository and tag or digest of an image that names its registry.
fn split(image: &str) -> Option<(&str, &str, &str)> {
    let (registry, rest) = image.split_once('/')?;
    if !registry.contains(['.', ':']) && registry != "localhost" {
        return None;
    }
    let (repository, reference) = match rest.split_once('@') {
        Some((name, digest)) => (name.split_once(':').map_or(name, |(repository, _)| repository), digest),
        None => rest.split_once(':').unwrap_or((rest, "latest")),
    };
    Some((registry, repository, reference))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn images_name_their_registry_or_none() {
        for (image, expected) in [
            ("gate.example:8443/grange/absent:1", Some(("gate.example:8443", "grange/absent", "1"))),
            ("127.0.0.1:8443/a", Some(("127.0.0.1:8443", "a", "latest"))),
            ("r.example/a/b:1@sha256:00", Some(("r.example", "a/b", "sha256:00"))),
            ("rancher/rancher-agent:v2", None),
            ("busybox", None),
        ] {
            assert_eq!(split(image), expected, "{image}");
        }
    }
}
