//! What KubeVirt and Harvester refuse when machines ([`machine`]) and what belongs to them are written, as far as one
//! object tells.

use std::sync::Arc;

use base64::Engine as _;
use grange_apimachinery::{FieldError, Object, Status, quantity::Quantity, status::FieldCause};
use grange_apiserver::{Strategy, UserInfo};
use serde_json::Value;

mod machine;

pub(crate) use machine::check_machine;

/// Hexadecimal digits of a SHA-512 checksum.
const CHECKSUM_LENGTH: usize = 128;
/// Most attempts at an image after the first.
const MAX_RETRIES: i64 = 10;
/// Public keys that OpenSSH takes.
const KEY_TYPES: [&str; 8] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ssh-dss",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// The strategy of a kind that is checked here.
pub(crate) fn strategy(group: &str, kind: &str) -> Option<Arc<dyn Strategy>> {
    match (group, kind) {
        ("", "PersistentVolumeClaim") => Some(Arc::new(Claims)),
        ("harvesterhci.io", "VirtualMachineImage") => Some(Arc::new(Images)),
        ("harvesterhci.io", "KeyPair") => Some(Arc::new(Keys)),
        ("harvesterhci.io", "VirtualMachineTemplateVersion") => Some(Arc::new(TemplateVersions)),
        _ => None,
    }
}

/// The errors of one object.
#[derive(Default)]
struct Errors(Vec<FieldError>);

impl Errors {
    fn add(&mut self, cause: FieldCause, field: impl Into<String>, detail: impl Into<String>) {
        self.0.push(FieldError { field: field.into(), cause, value: None, detail: detail.into() });
    }
    fn invalid(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.add(FieldCause::FieldValueInvalid, field, detail);
    }
    fn required(&mut self, field: impl Into<String>) {
        self.add(FieldCause::FieldValueRequired, field, "");
    }
    fn into_result(self, group: &str, kind: &str, name: &str) -> Result<(), Status> {
        if self.0.is_empty() { Ok(()) } else { Err(Status::invalid(group, kind, name, self.0)) }
    }
}

struct Claims;

impl Strategy for Claims {
    fn prepare_create(&self, _user: &UserInfo, claim: &mut Object) -> Result<(), Status> {
        let mut errors = Errors::default();
        check_size(claim, &mut errors);
        errors.into_result("", "PersistentVolumeClaim", claim.name())
    }
    fn prepare_update(&self, _user: &UserInfo, old: &Object, new: &mut Object) -> Result<(), Status> {
        let mut errors = Errors::default();
        let wanted = check_size(new, &mut errors);
        let present = size(old, &["status", "capacity", "storage"]).or(size(old, REQUESTED));
        if let (Some(wanted), Some(present)) = (wanted, present)
            && wanted < present
        {
            let field = "spec.resources.requests.storage";
            errors.add(FieldCause::FieldValueForbidden, field, "field can not be less than status.capacity");
        }
        errors.into_result("", "PersistentVolumeClaim", new.name())
    }
}

const REQUESTED: &[&str] = &["spec", "resources", "requests", "storage"];

fn size(claim: &Object, path: &[&str]) -> Option<Quantity> {
    claim.get(path)?.as_str()?.parse().ok()
}

fn check_size(claim: &Object, errors: &mut Errors) -> Option<Quantity> {
    let Some(text) = claim.get(REQUESTED) else {
        errors.required("spec.resources[storage]");
        return None;
    };
    match text.as_str().unwrap_or_default().parse::<Quantity>() {
        Ok(size) if size > Quantity::of(0) => Some(size),
        Ok(_) => {
            errors.invalid("spec.resources[storage]", "must be greater than zero");
            None
        }
        Err(error) => {
            errors.invalid("spec.resources.requests.storage", error);
            None
        }
    }
}

struct Images;

impl Strategy for Images {
    fn prepare_create(&self, _user: &UserInfo, image: &mut Object) -> Result<(), Status> {
        let mut errors = Errors::default();
        let text = |field: &str| image.text(&["spec", field]);
        if text("displayName").is_empty() {
            errors.required("spec.displayName");
        }
        match text("sourceType") {
            "download" | "restore" if text("url").is_empty() => errors.required("spec.url"),
            "export-from-volume" if text("pvcName").is_empty() => errors.required("spec.pvcName"),
            "download" | "restore" | "upload" | "export-from-volume" | "clone" => {}
            other => errors.invalid("spec.sourceType", format!("'{other}' is no source of images")),
        }
        let checksum = text("checksum");
        let is_hexadecimal = checksum.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !checksum.is_empty() && (checksum.len() != CHECKSUM_LENGTH || !is_hexadecimal) {
            errors.invalid("spec.checksum", "must be a SHA-512 checksum of 128 hexadecimal digits");
        }
        let retry = image.get(&["spec", "retry"]).and_then(Value::as_i64);
        if retry.is_some_and(|retry| !(0..=MAX_RETRIES).contains(&retry)) {
            errors.invalid("spec.retry", "must be from 0 to 10");
        }
        errors.into_result("harvesterhci.io", "VirtualMachineImage", image.name())
    }
    fn prepare_update(&self, _user: &UserInfo, old: &Object, new: &mut Object) -> Result<(), Status> {
        let mut errors = Errors::default();
        for field in ["displayName", "sourceType", "url", "pvcName", "pvcNamespace", "securityParameters"] {
            if old.get(&["spec", field]) != new.get(&["spec", field]) {
                errors.invalid(format!("spec.{field}"), "field is immutable");
            }
        }
        errors.into_result("harvesterhci.io", "VirtualMachineImage", new.name())
    }
}

struct Keys;

impl Strategy for Keys {
    fn prepare_create(&self, _user: &UserInfo, key: &mut Object) -> Result<(), Status> {
        check_key(key)
    }
    fn prepare_update(&self, _user: &UserInfo, _old: &Object, new: &mut Object) -> Result<(), Status> {
        check_key(new)
    }
}

fn check_key(key: &Object) -> Result<(), Status> {
    let mut errors = Errors::default();
    match key.text(&["spec", "publicKey"]) {
        "" => errors.required("spec.publicKey"),
        text if key_body(text).is_none() => errors.invalid("spec.publicKey", "key is not in valid format"),
        _ => {}
    }
    errors.into_result("harvesterhci.io", "KeyPair", key.name())
}

/// The bytes of a key in the form of `authorized_keys`; they begin with the key's type once more.
pub(super) fn key_body(text: &str) -> Option<Vec<u8>> {
    let mut words = text.split_whitespace();
    let (kind, encoded) = (words.next()?, words.next()?);
    let body = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
    let named = body.get(4..)?.starts_with(kind.as_bytes());
    let length = u32::from_be_bytes(body.get(..4)?.try_into().ok()?);
    (KEY_TYPES.contains(&kind) && named && usize::try_from(length).ok()? == kind.len()).then_some(body)
}

struct TemplateVersions;

impl Strategy for TemplateVersions {
    fn prepare_create(&self, _user: &UserInfo, version: &mut Object) -> Result<(), Status> {
        let mut errors = Errors::default();
        match version.text(&["spec", "templateId"]).split_once('/') {
            None => errors.required("spec.templateId"),
            Some((namespace, _)) if namespace != version.namespace() => {
                errors.invalid("spec.templateId", "must be in the namespace of its version");
            }
            Some(_) => {}
        }
        for resource in ["cpu", "memory"] {
            let path = ["spec", "vm", "spec", "template", "spec", "domain", "resources", "limits", resource];
            if version.text(&path).is_empty() {
                errors.required(path.join("."));
            }
        }
        errors.into_result("harvesterhci.io", "VirtualMachineTemplateVersion", version.name())
    }
    fn prepare_update(&self, _user: &UserInfo, old: &Object, new: &mut Object) -> Result<(), Status> {
        if old.get(&["spec"]) == new.get(&["spec"]) {
            return Ok(());
        }
        let why = "update templateVersion is not supported";
        Err(Status::new(405, grange_apimachinery::status::Reason::MethodNotAllowed, why))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    pub(super) fn object(value: Value) -> Object {
        let Value::Object(map) = value else { unreachable!() };
        Object(map)
    }

    /// The fields of the errors.
    pub(super) fn fields(result: Result<(), Status>) -> Vec<String> {
        let Err(status) = result else { return Vec::new() };
        let json: Value = serde_json::from_slice(&status.to_json()).unwrap();
        let causes = json["details"]["causes"].as_array().cloned().unwrap_or_default();
        causes.iter().map(|cause| cause["field"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn images_keys_and_claims_are_refused_at_the_field_at_fault() {
        let user = UserInfo::loopback();
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHBgenu1tfiBHGI0UuVGN2592rJYcMhh/IvzG0XDmFlK alice";
        let url = "https://images.test/a.img";
        let checksum = "0".repeat(64);
        let image =
            |spec: Value| (&Images as &dyn Strategy, json!({"metadata": {"name": "a"}, "spec": spec}));
        let pair =
            |text: &str| (&Keys as &dyn Strategy, json!({"metadata": {}, "spec": {"publicKey": text}}));
        let claim = |size: Value| {
            (
                &Claims as &dyn Strategy,
                json!({"metadata": {}, "spec": {"resources": {"requests": {"storage": size}}}}),
            )
        };
        for ((strategy, given), expected) in [
            (image(json!({"displayName": "a", "sourceType": "download", "url": url, "retry": 3})), vec![]),
            (image(json!({"displayName": "a", "sourceType": "upload"})), vec![]),
            (image(json!({"sourceType": "download"})), vec!["spec.displayName", "spec.url"]),
            (image(json!({"displayName": "a", "sourceType": "guess"})), vec!["spec.sourceType"]),
            (
                image(
                    json!({"displayName": "a", "sourceType": "download", "url": url, "checksum": checksum, "retry": 11}),
                ),
                vec!["spec.checksum", "spec.retry"],
            ),
            (pair(key), vec![]),
            (pair(""), vec!["spec.publicKey"]),
            (pair("hello world"), vec!["spec.publicKey"]),
            (pair(&key.replace("ssh-ed25519 ", "ssh-rsa ")), vec!["spec.publicKey"]),
            (claim(json!("10Gi")), vec![]),
            (claim(json!("0")), vec!["spec.resources[storage]"]),
            (claim(json!("ten")), vec!["spec.resources.requests.storage"]),
        ] {
            let mut object = object(given);
            assert_eq!(fields(strategy.prepare_create(&user, &mut object)), expected, "{:?}", object.0);
        }
    }

    #[test]
    fn claims_do_not_shrink_and_template_versions_do_not_change() {
        let user = UserInfo::loopback();
        let claim = |size: &str| {
            object(json!({
                "metadata": {"name": "a"}, "spec": {"resources": {"requests": {"storage": size}}},
                "status": {"capacity": {"storage": "10Gi"}},
            }))
        };
        for (size, expected) in
            [("12Gi", vec![]), ("10Gi", vec![]), ("9Gi", vec!["spec.resources.requests.storage"])]
        {
            assert_eq!(fields(Claims.prepare_update(&user, &claim("10Gi"), &mut claim(size))), expected);
        }
        let version =
            |description: &str| object(json!({"metadata": {}, "spec": {"description": description}}));
        assert!(TemplateVersions.prepare_update(&user, &version("a"), &mut version("a")).is_ok());
        assert_eq!(
            TemplateVersions.prepare_update(&user, &version("a"), &mut version("b")).unwrap_err().code,
            405
        );
    }
}
