//! The claims that a machine asks for in an annotation, as Harvester makes them: missing ones are made, too small ones grow.

use grange_apimachinery::{Object, quantity::Quantity};
use serde_json::{Value, json};

use crate::{
    client::{Client, ClientError, Key},
    kinds,
};

/// JSON array of the claims a machine wants made.
pub(super) const CLAIM_TEMPLATES: &str = "harvesterhci.io/volumeClaimTemplates";
/// What a claim asks for.
const STORAGE: &[&str] = &["spec", "resources", "requests", "storage"];
/// Most claims made for one machine.
const MAX_CLAIMS: usize = 64;

/// The claims that annotations ask for; what is no list is none.
pub(super) fn claim_templates(annotations: Option<&Value>) -> Vec<Value> {
    let text = annotations.and_then(|annotations| annotations[CLAIM_TEMPLATES].as_str()).unwrap_or("[]");
    serde_json::from_str(text).unwrap_or_default()
}

/// Makes the claims that are missing, and grows those that are to be larger.
pub(super) async fn make(client: &Client, machine: &Object) -> Result<(), ClientError> {
    let templates = claim_templates(machine.get(&["metadata", "annotations"]));
    for template in templates.into_iter().take(MAX_CLAIMS) {
        let Value::Object(map) = template else { continue };
        let mut claim = Object(map);
        if claim.name().is_empty() {
            continue;
        }
        let key = Key::new(machine.namespace(), claim.name());
        if let Some(present) = client.get(&kinds::CLAIMS, &key).await? {
            grow(client, &present, &claim).await?;
            continue;
        }
        claim.set(&["apiVersion"], "v1");
        claim.set(&["kind"], "PersistentVolumeClaim");
        claim.set(&["metadata", "namespace"], machine.namespace().to_owned());
        claim.remove(&["status"]);
        client.create_if_absent(&kinds::CLAIMS, &claim).await?;
    }
    Ok(())
}

async fn grow(client: &Client, present: &Object, wanted: &Object) -> Result<(), ClientError> {
    let size = |claim: &Object| claim.text(STORAGE).parse::<Quantity>().ok();
    if present.is_terminating() || size(wanted) <= size(present) {
        return Ok(());
    }
    let patch = json!({"spec": {"resources": {"requests": {"storage": wanted.text(STORAGE)}}}});
    client.patch(&kinds::CLAIMS, &Key::of(present), "", &patch).await.map(drop)
}
