//! SSH keys: the fingerprint that tells them apart, and that they were looked at.

use grange_apimachinery::{Object, time};
use md5::{Digest as _, Md5};
use serde_json::json;

use super::checks;
use crate::{
    client::{Client, ClientError, Key},
    kinds,
    queue::{Outcome, Reconcile},
};

/// The controller.
pub(super) struct Keys {
    client: Client,
}

impl Keys {
    pub(super) fn new(client: Client) -> Self {
        Keys { client }
    }
}

impl Reconcile for Keys {
    type Key = Key;
    type Error = ClientError;
    const NAME: &'static str = "keys";

    async fn reconcile(&self, key: &Key) -> Result<Outcome, ClientError> {
        let Some(pair) = self.client.get(&kinds::KEY_PAIRS, key).await? else { return Ok(Outcome::Done) };
        let Some(print) = fingerprint(&pair) else { return Ok(Outcome::Done) };
        if pair.is_terminating() || pair.text(&["status", "fingerPrint"]) == print {
            return Ok(Outcome::Done);
        }
        let status = json!({
            "fingerPrint": print,
            "conditions": [{"type": "validated", "status": "True", "lastUpdateTime": time::now()}],
        });
        self.client.patch_status(&kinds::KEY_PAIRS, key, &status).await?;
        Ok(Outcome::Done)
    }
}

/// `aa:bb:…`, as Harvester shows keys.
fn fingerprint(pair: &Object) -> Option<String> {
    let body = checks::key_body(pair.text(&["spec", "publicKey"]))?;
    let bytes: Vec<_> = Md5::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    Some(bytes.join(":"))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_fingerprint_is_what_ssh_keygen_says() {
        let key =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHBgenu1tfiBHGI0UuVGN2592rJYcMhh/IvzG0XDmFlK alice@laptop";
        let Value::Object(map) = json!({"spec": {"publicKey": key}}) else { unreachable!() };
        let expected = "0b:01:17:a1:a6:e5:0b:ae:da:6e:5f:eb:e1:e6:ab:67";
        assert_eq!(fingerprint(&Object(map)).as_deref(), Some(expected));
    }
}
