//! Kubeconfigs with an inline CA and token.
use base64::Engine as _;
use grange_identity::Secret;
use serde_json::json;

use crate::CaBundle;

/// A kubeconfig of one cluster, as YAML. JSON strings are YAML too, so nothing can break out of its place.
pub fn kubeconfig(name: &str, server: &str, ca: &CaBundle, user: &str, credential: &Secret) -> String {
    let text = |value: &str| json!(value).to_string();
    let authority = if ca.is_public() {
        String::new()
    } else {
        let data = base64::engine::general_purpose::STANDARD.encode(ca.pem());
        format!("\n    certificate-authority-data: {}", text(&data))
    };
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: {name}\n  cluster:\n    server: {server}{authority}\n\
         users:\n- name: {user}\n  user:\n    token: {token}\n\
         contexts:\n- name: {name}\n  context:\n    user: {user}\n    cluster: {name}\n\
         current-context: {name}\n",
        name = text(name),
        server = text(server),
        user = text(user),
        token = text(credential.expose()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out() {
        let written = kubeconfig(
            "a\nb: \"c\"",
            "https://h/k8s/clusters/x",
            &CaBundle::default(),
            "user-a",
            &Secret::new("kubeconfig-a:b"),
        );
        assert!(written.contains(r#"- name: "a\nb: \"c\"""#), "{written}");
        assert!(!written.contains("certificate-authority-data"));
    }
}
