//! Where a cluster gets its manifest, and the commands that fetch it, in the words of Rancher's clients.

use crate::hooks::HooksConfig;

/// Everything that a registration token's status tells beside the token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Commands {
    pub(crate) manifest_url: String,
    pub(crate) command: String,
    pub(crate) insecure_command: String,
    pub(crate) node_command: String,
    pub(crate) insecure_node_command: String,
    pub(crate) windows_node_command: String,
    pub(crate) insecure_windows_node_command: String,
}

/// Clusters other than Harvester may lack the agent's namespace, and the manifest does not bring it (whoever deletes
/// what the manifest brought must not lose it).
const CREATE_NAMESPACE: &str =
    "kubectl create namespace cattle-system --dry-run=client -o yaml | kubectl apply -f - && ";

/// `None` when the server does not know its own address.
pub(crate) fn commands(config: &HooksConfig, token: &str, cluster: &str) -> Option<Commands> {
    let server = server_root(&config.server_url)?;
    let manifest_url = format!("{server}/v3/import/{token}_{cluster}.yaml");
    let checksum = |flag: &str| match config.ca_checksum.as_str() {
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
    Some(Commands {
        command: format!("{CREATE_NAMESPACE}kubectl apply -f {manifest_url}"),
        insecure_command: format!(
            "{CREATE_NAMESPACE}curl --insecure -sfL {manifest_url} | kubectl apply -f -"
        ),
        node_command: node(""),
        insecure_node_command: node(" --insecure"),
        windows_node_command: windows(""),
        insecure_windows_node_command: windows(" --insecure"),
        manifest_url,
    })
}

/// Scheme and authority of the server's URL; a path behind them does not belong into the addresses of clusters.
pub(crate) fn server_root(server_url: &str) -> Option<&str> {
    let (scheme, rest) = server_url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())?;
    Some(&server_url[..scheme.len() + 3 + authority.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(server_url: &str, ca_checksum: &str) -> HooksConfig {
        HooksConfig {
            server_url: server_url.into(),
            ca_checksum: ca_checksum.into(),
            directory: crate::Directory::default(),
        }
    }

    #[test]
    fn commands_have_the_form_that_clients_know() {
        let commands =
            commands(&config("https://grange.example:8443/dashboard", "ab12"), "TTT", "c-m-x").unwrap();
        assert_eq!(commands.manifest_url, "https://grange.example:8443/v3/import/TTT_c-m-x.yaml");
        assert_eq!(
            commands.command,
            "kubectl create namespace cattle-system --dry-run=client -o yaml | kubectl apply -f - && \
             kubectl apply -f https://grange.example:8443/v3/import/TTT_c-m-x.yaml"
        );
        assert!(commands.insecure_command.ends_with(
            "&& curl --insecure -sfL https://grange.example:8443/v3/import/TTT_c-m-x.yaml | kubectl apply -f -"
        ));
        assert_eq!(
            commands.node_command,
            "curl -fL https://grange.example:8443/system-agent-install.sh | sudo sh -s - --server \
             https://grange.example:8443 --label 'cattle.io/os=linux' --token TTT --ca-checksum ab12"
        );
        assert!(commands.insecure_windows_node_command.starts_with("curl.exe --insecure -fL https://"));
    }

    #[test]
    fn a_server_without_address_gives_no_commands() {
        for url in ["", "grange.example", "https://", "https:///x"] {
            assert!(commands(&config(url, ""), "T", "c-m-x").is_none(), "{url}");
        }
        assert_eq!(server_root("https://a:1?x"), Some("https://a:1"));
    }
}
