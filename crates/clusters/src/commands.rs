//! Where a cluster gets its manifest, and the commands that fetch it, in the words of Rancher's clients.
use grange_settings::ServerUrl;
use serde_json::{Map, Value, json};

/// Clusters other than Harvester may lack the agent's namespace, and the manifest does not bring it (whoever deletes
/// what the manifest brought must not lose it).
const CREATE_NAMESPACE: &str =
    "kubectl create namespace cattle-system --dry-run=client -o yaml | kubectl apply -f - && ";

/// The fields of a registration token's status that lead to this server.
pub(crate) fn commands(
    server_url: &ServerUrl,
    ca_checksum: &str,
    token: &str,
    cluster: &str,
) -> Map<String, Value> {
    let server = server_url.as_str();
    let manifest_url = server_url.join(&format!("/v3/import/{token}_{cluster}.yaml"));
    let checksum = |flag: &str| match ca_checksum {
        "" => String::new(),
        checksum => format!(" {flag} {checksum}"),
    };
    let node = |insecure: &str| {
        format!(
            "curl{insecure} -fL {server}/system-agent-install.sh | sudo sh -s - --server {server} \
             --label 'cattle.io/os=linux' --token {token}{}",
            checksum("--ca-checksum")
        )
    };
    let windows = |insecure: &str| {
        format!(
            "curl.exe{insecure} -fL {server}/wins-agent-install.ps1 -o install.ps1; \
             Set-ExecutionPolicy Bypass -Scope Process -Force; ./install.ps1 -Server {server} \
             -Label 'cattle.io/os=windows' -Token {token} -Worker{}",
            checksum("-CaChecksum")
        )
    };
    [
        ("command", format!("{CREATE_NAMESPACE}kubectl apply -f {manifest_url}")),
        (
            "insecureCommand",
            format!("{CREATE_NAMESPACE}curl --insecure -sfL {manifest_url} | kubectl apply -f -"),
        ),
        ("nodeCommand", node("")),
        ("insecureNodeCommand", node(" --insecure")),
        ("windowsNodeCommand", windows("")),
        ("insecureWindowsNodeCommand", windows(" --insecure")),
        ("manifestUrl", manifest_url),
    ]
    .into_iter()
    .map(|(field, text)| (field.to_owned(), json!(text)))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_have_the_form_that_clients_know() {
        let server = ServerUrl::parse("https://grange.example:8443").unwrap();
        let commands = commands(&server, "ab12", "TTT", "c-m-x");
        let text = |field: &str| commands[field].as_str().unwrap();
        assert_eq!(text("manifestUrl"), "https://grange.example:8443/v3/import/TTT_c-m-x.yaml");
        assert_eq!(
            text("command"),
            "kubectl create namespace cattle-system --dry-run=client -o yaml | kubectl apply -f - && \
             kubectl apply -f https://grange.example:8443/v3/import/TTT_c-m-x.yaml"
        );
        assert!(text("insecureCommand").ends_with(
            "&& curl --insecure -sfL https://grange.example:8443/v3/import/TTT_c-m-x.yaml | kubectl apply -f -"
        ));
        assert_eq!(
            text("nodeCommand"),
            "curl -fL https://grange.example:8443/system-agent-install.sh | sudo sh -s - --server \
             https://grange.example:8443 --label 'cattle.io/os=linux' --token TTT --ca-checksum ab12"
        );
        assert!(text("insecureWindowsNodeCommand").starts_with("curl.exe --insecure -fL https://"));
    }
}
