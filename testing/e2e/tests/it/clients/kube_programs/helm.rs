//! Helm, with a chart of what our API serves: a kind of its own, ConfigMaps, Secrets, an account, roles, and hooks that
//! need no Pod.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{Program, Target};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/chart");
const NAMESPACE: &str = "garden";

#[tokio::test]
async fn the_server() -> Result<()> {
    super::run("helm", super::the_server, suite).await
}

#[tokio::test]
async fn solo() -> Result<()> {
    super::run("helm", super::solo, suite).await
}

#[tokio::test]
async fn kubernetes() -> Result<()> {
    super::run("helm", Target::kubernetes, suite).await
}

/// Helm and a look behind it.
struct Gardener {
    helm: Program,
    client: Client,
}

async fn suite(target: Target, helm: &std::path::Path) -> Result<()> {
    let helm = Program::new(helm, &target.kubeconfig())?.with(&["--namespace", NAMESPACE])?;
    let gardener = Gardener { helm, client: target.client(&target.kubeconfig()).await? };
    gardener.installs().await.context("install")?;
    gardener.tells().await.context("status")?;
    gardener.upgrades().await.context("upgrade")?;
    gardener.rolls_back().await.context("rollback")?;
    gardener.fails_and_goes_back().await.context("a failing upgrade")?;
    gardener.meets_another_manager().await.context("conflicts")?;
    gardener.merges_on_its_own_side().await.context("client-side merges")?;
    gardener.refuses_strangers().await.context("people with less rights")?;
    gardener.uninstalls().await.context("uninstall")
}

impl Gardener {
    async fn run(&self, arguments: &[&str]) -> Result<String> {
        self.helm.run(arguments).await
    }

    async fn json(&self, arguments: &[&str]) -> Result<Value> {
        Ok(serde_json::from_str(&self.run(&[arguments, &["--output", "json"]].concat()).await?)?)
    }

    fn maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// A field of a ConfigMap's data; `None` where either is missing.
    async fn data(&self, map: &str, key: &str) -> Result<Option<String>> {
        let map = self.maps().get_opt(map).await?;
        Ok(map.and_then(|map| map.data?.remove(key)))
    }

    async fn bed(&self, name: &str) -> Result<DynamicObject> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("garden.example", "v1", "Bed"));
        let beds: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), NAMESPACE, &kind);
        Ok(beds.get(name).await?)
    }

    /// Revision and status of each release that is kept.
    async fn history(&self, release: &str) -> Result<Vec<(i64, String)>> {
        let history = self.json(&["history", release]).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let entries = history.as_array().context("a list")?.iter();
        Ok(entries.map(|entry| (entry["revision"].as_i64().unwrap_or(0), text(&entry["status"]))).collect())
    }

    async fn installs(&self) -> Result<()> {
        let told = self.run(&["install", "herbs", CHART, "--create-namespace", "--wait"]).await?;
        ensure!(told.contains("STATUS: deployed") && told.contains("herbs grows sage in 2 rows"), "{told}");

        // A kind of the chart, with what the server added to it.
        let bed = self.bed("herbs").await?;
        assert_eq!(
            bed.data["spec"]["tools"],
            json!([{"name": "spade", "count": 1}, {"name": "rake", "count": 2}])
        );
        let gate = self.secrets().get("herbs-gate").await?.data.context("data")?;
        assert_eq!((gate["key"].0.as_slice(), gate["code"].0.as_slice()), (&b"sage"[..], &b"2"[..]));
        // Hooks: one stays, one is gone with its success.
        assert_eq!(self.data("herbs-before", "revision").await?.as_deref(), Some("1"));
        assert!(self.maps().get_opt("herbs-passing").await?.is_none());
        assert!(self.maps().get_opt("log").await?.is_none());
        // How Helm keeps releases.
        let releases = self.secrets().list(&ListParams::default().fields("type=helm.sh/release.v1")).await?;
        let names: Vec<String> = releases.iter().map(ResourceExt::name_any).collect();
        assert_eq!(names, ["sh.helm.release.v1.herbs.v1"]);
        assert_eq!(releases.items[0].labels()["owner"], "helm");

        let complaint = self.helm.refused(&["install", "herbs", CHART]).await?;
        ensure!(complaint.contains("cannot reuse a name that is still in use"), "{complaint}");
        let complaint = self
            .helm
            .refused(&["install", "weeds", CHART, "--set", "extras=false,log=herbs-plan,rows=0"])
            .await?;
        ensure!(
            complaint.contains("spec.rows") && complaint.contains("greater than or equal to 1"),
            "{complaint}"
        );
        self.run(&["uninstall", "weeds"]).await?;
        Ok(())
    }

    async fn tells(&self) -> Result<()> {
        let list = self.json(&["list", "--all-namespaces"]).await?;
        assert_eq!(
            (&list[0]["name"], &list[0]["namespace"], &list[0]["chart"]),
            (&json!("herbs"), &json!("garden"), &json!("garden-1.2.3"))
        );
        let status = self.json(&["status", "herbs"]).await?;
        assert_eq!(status["info"]["status"], "deployed");
        // Asked of the cluster as a table.
        let resources = serde_json::to_string(&status["info"]["resources"])?;
        ensure!(resources.contains("herbs-plan") && resources.contains("\"Bed\""), "{resources}");
        ensure!(self.run(&["status", "herbs"]).await?.contains("CROP"), "no columns of the chart's kind");
        for part in ["manifest", "hooks", "notes", "values", "metadata", "all"] {
            let text = self.run(&["get", part, "herbs"]).await?;
            ensure!(!text.trim().is_empty(), "helm get {part} shows nothing");
        }
        ensure!(self.run(&["get", "manifest", "herbs"]).await?.contains("kind: RoleBinding"));
        ensure!(self.run(&["test", "herbs"]).await?.contains("Succeeded"));
        assert!(self.maps().get_opt("herbs-tested").await?.is_some());
        Ok(())
    }

    async fn upgrades(&self) -> Result<()> {
        let changes = ["--set", "rows=3,crop=thyme,extras=false"];
        let dry =
            self.run(&[&["upgrade", "herbs", CHART, "--dry-run=server"][..], &changes].concat()).await?;
        // `lookup` saw the cluster.
        ensure!(dry.contains("crop: thyme") && dry.contains("first: sage"), "{dry}");
        assert_eq!(self.data("herbs-plan", "crop").await?.as_deref(), Some("sage"), "a dry run changed it");

        self.run(&[&["upgrade", "herbs", CHART, "--wait"][..], &changes].concat()).await?;
        assert_eq!(self.data("herbs-plan", "crop").await?.as_deref(), Some("thyme"));
        assert_eq!(self.data("herbs-plan", "first").await?.as_deref(), Some("sage"));
        assert_eq!(self.data("log", "crop").await?.as_deref(), Some("thyme"));
        let bed = self.bed("herbs").await?;
        assert_eq!((&bed.data["spec"]["rows"], bed.metadata.generation), (&json!(3), Some(2)));
        assert!(self.maps().get_opt("herbs-extra").await?.is_none(), "what the chart dropped is still there");
        assert!(self.secrets().get_opt("herbs-kept").await?.is_some(), "what says keep is gone");
        let history = self.history("herbs").await?;
        assert_eq!(history, [(1, "superseded".to_owned()), (2, "deployed".to_owned())]);
        Ok(())
    }

    async fn rolls_back(&self) -> Result<()> {
        self.run(&["rollback", "herbs", "1", "--wait"]).await?;
        assert_eq!(self.data("herbs-plan", "crop").await?.as_deref(), Some("sage"));
        assert!(self.maps().get_opt("herbs-extra").await?.is_some());
        assert_eq!(self.bed("herbs").await?.data["spec"]["rows"], 2);
        assert_eq!(self.history("herbs").await?.last(), Some(&(3, "deployed".to_owned())));
        Ok(())
    }

    async fn fails_and_goes_back(&self) -> Result<()> {
        let arguments = [
            "upgrade",
            "herbs",
            CHART,
            "--set",
            "rows=0,crop=mint",
            "--rollback-on-failure",
            "--timeout",
            "60s",
        ];
        let complaint = self.helm.refused(&arguments).await?;
        ensure!(complaint.contains("spec.rows"), "{complaint}");
        assert_eq!(self.data("herbs-plan", "crop").await?.as_deref(), Some("sage"));
        assert_eq!(self.bed("herbs").await?.data["spec"]["crop"], "sage");
        let history = self.history("herbs").await?;
        assert_eq!(history[3..], [(4, "failed".to_owned()), (5, "deployed".to_owned())]);

        // A release that fits into no Secret is told so, and harms nothing.
        let noise: String = (0_u64..200_000)
            .map(|number| format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
            .collect();
        let values = self.helm.file("ballast.yaml", &format!("ballast: {noise}\n"))?;
        let complaint = self.helm.refused(&["upgrade", "herbs", CHART, "--values", &values]).await?;
        ensure!(complaint.contains("Too long: may not be more than 1048576 bytes"), "{complaint}");
        assert_eq!(self.history("herbs").await?.last(), Some(&(5, "deployed".to_owned())));
        Ok(())
    }

    /// Helm applies on the server: a field that somebody else has set is a conflict.
    async fn meets_another_manager(&self) -> Result<()> {
        let parameters = PatchParams { field_manager: Some("neighbour".into()), ..PatchParams::default() };
        let patch = Patch::Merge(json!({"data": {"crop": "nettle"}}));
        self.maps().patch("herbs-plan", &parameters, &patch).await?;
        let upgrade = ["upgrade", "herbs", CHART, "--set", "crop=dill"];
        let complaint = self.helm.refused(&upgrade).await?;
        ensure!(
            complaint.contains("conflict with \"neighbour\"") && complaint.contains(".data.crop"),
            "{complaint}"
        );
        assert_eq!(self.data("herbs-plan", "crop").await?.as_deref(), Some("nettle"));
        self.run(&[&upgrade[..], &["--force-conflicts"]].concat()).await?;
        assert_eq!(self.data("herbs-plan", "crop").await?.as_deref(), Some("dill"));
        Ok(())
    }

    /// Helm as it was before it knew server-side apply.
    async fn merges_on_its_own_side(&self) -> Result<()> {
        let merging = ["--server-side=false", "--wait=legacy", "--set", "log=shrubs-log"];
        self.run(&[&["install", "shrubs", CHART][..], &merging].concat()).await?;
        let patch = Patch::Merge(json!({"data": {"rows": "99", "own": "kept"}}));
        self.maps().patch("shrubs-plan", &PatchParams::default(), &patch).await?;
        self.run(&[&["upgrade", "shrubs", CHART, "--set", "rows=4,extras=false"][..], &merging].concat())
            .await?;
        assert_eq!(self.data("shrubs-plan", "rows").await?.as_deref(), Some("4"));
        assert_eq!(self.data("shrubs-plan", "own").await?.as_deref(), Some("kept"));
        assert_eq!(self.bed("shrubs").await?.data["spec"]["tools"][1]["count"], 4);
        self.run(&["rollback", "shrubs", "1", "--server-side=false"]).await?;
        assert_eq!(self.data("shrubs-plan", "rows").await?.as_deref(), Some("2"));
        self.run(&["uninstall", "shrubs", "--wait"]).await?;
        Ok(())
    }

    async fn refuses_strangers(&self) -> Result<()> {
        let jane = self.helm.with(&["--namespace", NAMESPACE, "--kube-as-user", "jane"])?;
        for arguments in
            [&["list"][..], &["status", "herbs"], &["upgrade", "herbs", CHART], &["uninstall", "herbs"]]
        {
            let complaint = jane.refused(arguments).await?;
            let expected = "is forbidden: User \"jane\" cannot";
            ensure!(complaint.contains(expected), "helm {}: {complaint}", arguments.join(" "));
        }
        assert_eq!(self.history("herbs").await?.last(), Some(&(7, "deployed".to_owned())));

        // Whoever may do everything in one namespace may run charts there, roles and all.
        for (kind, more) in [
            ("Role", json!({"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]})),
            (
                "RoleBinding",
                json!({
                    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "gardener"},
                    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}],
                }),
            ),
        ] {
            let resource =
                ApiResource::from_gvk(&GroupVersionKind::gvk("rbac.authorization.k8s.io", "v1", kind));
            let objects: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), NAMESPACE, &resource);
            objects
                .create(
                    &kube::api::PostParams::default(),
                    &DynamicObject::new("gardener", &resource).data(more),
                )
                .await?;
        }
        jane.run(&["upgrade", "herbs", CHART, "--reuse-values", "--set", "rows=5", "--wait"]).await?;
        assert_eq!(self.bed("herbs").await?.data["spec"]["rows"], 5);
        let elsewhere = self.helm.with(&["--namespace", "default", "--kube-as-user", "jane"])?;
        let complaint = elsewhere.refused(&["install", "herbs", CHART, "--skip-crds"]).await?;
        ensure!(complaint.contains("is forbidden: User \"jane\" cannot"), "{complaint}");
        Ok(())
    }

    async fn uninstalls(&self) -> Result<()> {
        self.run(&["uninstall", "herbs", "--keep-history"]).await?;
        assert_eq!(self.history("herbs").await?.last(), Some(&(8, "uninstalled".to_owned())));
        self.run(&["rollback", "herbs", "8", "--wait"]).await?;
        assert_eq!(self.bed("herbs").await?.data["spec"]["rows"], 5);

        self.run(&["uninstall", "herbs", "--wait", "--cascade", "foreground"]).await?;
        assert_eq!(self.json(&["list"]).await?, json!([]));
        let left: Vec<String> =
            self.secrets().list(&ListParams::default()).await?.iter().map(ResourceExt::name_any).collect();
        assert_eq!(left, ["herbs-kept", "shrubs-kept"]);
        // Definitions outlive releases.
        assert!(self.bed("herbs").await.is_err());
        let kind = GroupVersionKind::gvk("garden.example", "v1", "Bed");
        kube::discovery::pinned_kind(&self.client, &kind).await?;
        Ok(())
    }
}
