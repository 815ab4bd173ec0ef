//! How to connect a cluster, in words.

/// What a person needs to connect a cluster.
pub(crate) struct Steps<'a> {
    pub(crate) name: &'a str,
    pub(crate) id: &'a str,
    pub(crate) manifest_url: &'a str,
    /// What connects any other Kubernetes cluster, as the server puts it.
    pub(crate) command: &'a str,
    /// Whether the server has a CA that the cluster does not know.
    pub(crate) has_own_ca: bool,
}

impl Steps<'_> {
    /// The value of newer Harvesters.
    pub(crate) fn json_value(&self) -> String {
        serde_json::json!({"url": self.manifest_url, "insecureSkipTLSVerify": self.has_own_ca}).to_string()
    }
    /// The text.
    pub(crate) fn render(&self) -> String {
        let Steps { name, id, manifest_url, command, has_own_ca } = self;
        let json = self.json_value();
        let patch = serde_json::json!({"value": manifest_url}).to_string();
        let note = if *has_own_ca {
            "\n   This server has a CA of its own, so the Harvester fetches the manifest unverified; the agent that\n   \
             the manifest starts pins the CA. Add the CA to the Harvester's additional-ca setting to verify the\n   \
             fetch too, and then write false.\n"
        } else {
            ""
        };
        format!(
            "Cluster {name} is {id}. To connect it:\n\n\
             1. In the Harvester, open Advanced, Settings, and edit cluster-registration-url.\n\n\
             2. Set it to this value.\n   \
                Harvester 1.7.2 and later (the form of 1.8):\n     {json}\n   \
                Harvester 1.7.1 and earlier:\n     {manifest_url}\n{note}\n\
             3. Save. The checklist turns true step by step.\n\n\
             Instead of 1 to 3, with kubectl against the Harvester, any version:\n     \
                kubectl patch settings.harvesterhci.io cluster-registration-url --type merge -p '{patch}'\n\n\
             Any other Kubernetes cluster:\n     \
                {command}\n\n\
             Keep the address secret: whoever has it can join as this cluster until it is connected."
        )
    }
}
