//! kubectl, the one of the tests' Kubernetes and the oldest that people still run, through what people do with it.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use grange_harness::wait;
use tokio::io::{AsyncBufReadExt, BufReader};

use super::{LIMIT, Program, Target};

/// Debian 12's, from before server-side apply was stable, `--subresource` and OpenAPI v3.
const OLD: &str = "kubectl-1.20";
const NEW: &str = "kubectl";

const KIND: &str = include_str!("kubectl-kind.yaml");
const OBJECTS: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: notes, labels: {team: red}}
data: {a: '1', b: '2'}
---
apiVersion: kubectl.example/v1
kind: Kite
metadata: {name: first, labels: {team: red}}
spec: {tails: 2, tag: [long]}
";

#[tokio::test]
async fn new_with_the_server() -> Result<()> {
    run(NEW, super::the_server).await
}

#[tokio::test]
async fn new_with_solo() -> Result<()> {
    run(NEW, super::solo).await
}

#[tokio::test]
async fn new_with_kubernetes() -> Result<()> {
    run(NEW, Target::kubernetes).await
}

#[tokio::test]
async fn old_with_the_server() -> Result<()> {
    run(OLD, super::the_server).await
}

#[tokio::test]
async fn old_with_solo() -> Result<()> {
    run(OLD, super::solo).await
}

#[tokio::test]
async fn old_with_kubernetes() -> Result<()> {
    run(OLD, Target::kubernetes).await
}

async fn run(name: &str, target: impl AsyncFnOnce() -> Result<Option<Target>>) -> Result<()> {
    super::run(name, target, async |target, program| suite(&target, program, name).await).await
}

/// A kubectl in a namespace of its own.
struct Kubectl {
    program: Program,
    is_old: bool,
}

async fn suite(target: &Target, program: &std::path::Path, name: &str) -> Result<()> {
    let program = Program::new(program, &target.kubeconfig())?.with(&["--namespace", "kites"])?;
    let kubectl = Kubectl { program, is_old: name == OLD };
    kubectl.creates().await.context("create")?;
    kubectl.gets().await.context("get")?;
    kubectl.tells().await.context("describe and explain")?;
    kubectl.applies().await.context("apply")?;
    kubectl.applies_on_the_server().await.context("apply --server-side")?;
    kubectl.changes().await.context("patch, label, annotate, scale, edit, replace")?;
    kubectl.waits_and_watches().await.context("wait and watch")?;
    kubectl.asks_for_access().await.context("auth")?;
    kubectl.deletes().await.context("delete")
}

impl Kubectl {
    /// Runs a line; what it prints must hold all of `expected`.
    async fn says(&self, line: &str, expected: &[&str]) -> Result<String> {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let text = self.program.run(&arguments).await?;
        for word in expected {
            ensure!(text.contains(word), "kubectl {line}: nothing of {word:?} in\n{text}");
        }
        Ok(text)
    }

    /// Runs a line that must fail; the complaint must hold all of `expected`.
    async fn refuses(&self, line: &str, expected: &[&str]) -> Result<()> {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let text = self.program.refused(&arguments).await?;
        for word in expected {
            ensure!(text.contains(word), "kubectl {line}: nothing of {word:?} in\n{text}");
        }
        Ok(())
    }

    /// A field of an object.
    async fn is(&self, object: &str, path: &str, expected: &str) -> Result<()> {
        let text = self.says(&format!("get {object} -o jsonpath={{{path}}}"), &[]).await?;
        ensure!(text == expected, "{object} has {path} = {text:?}, not {expected:?}");
        Ok(())
    }

    async fn creates(&self) -> Result<()> {
        let kind = self.program.file("kind.yaml", KIND)?;
        self.says("version", &["Server Version"]).await?;
        self.says("create namespace kites", &["namespace/kites created"]).await?;
        self.says(&format!("create -f {kind}"), &["kites.kubectl.example created"]).await?;
        self.says(
            "wait --for condition=established --timeout=60s crd/kites.kubectl.example",
            &["condition met"],
        )
        .await?;
        let objects = self.program.file("objects.yaml", OBJECTS)?;
        self.says(&format!("create -f {objects} --dry-run=server"), &["(server dry run)"]).await?;
        self.refuses("get cm notes", &["\"notes\" not found"]).await?;
        self.says(
            &format!("create -f {objects} --save-config"),
            &["configmap/notes created", "kite.kubectl.example/first created"],
        )
        .await?;
        self.refuses(&format!("create -f {objects}"), &["AlreadyExists"]).await?;
        self.says("create secret generic word --from-literal=word=open", &["secret/word created"]).await?;
        self.says("create serviceaccount flyer", &["serviceaccount/flyer created"]).await?;
        self.says("create role flying --verb=get,list --resource=kites.kubectl.example", &["created"])
            .await?;
        self.says(
            "create rolebinding flying --role=flying --serviceaccount=kites:flyer --user=jane",
            &["created"],
        )
        .await?;
        self.says("create configmap more --from-literal=x=y --dry-run=client -o yaml", &["kind: ConfigMap"])
            .await?;
        let wrong = self.program.file("wrong.yaml", &OBJECTS.replace("tails:", "tales:"))?;
        self.refuses(&format!("apply -f {wrong} --dry-run=server"), &["unknown field", "tales"]).await?;
        let wrong = self.program.file("wrong.yaml", &OBJECTS.replace("tails: 2", "tails: many"))?;
        self.refuses(
            &format!("apply -f {wrong} --validate=false"),
            &["spec.tails", "must be of type integer"],
        )
        .await
    }

    async fn gets(&self) -> Result<()> {
        self.says("api-versions", &["kubectl.example/v1", "rbac.authorization.k8s.io/v1"]).await?;
        self.says(
            "api-resources --api-group=kubectl.example -o wide",
            &["kites", "kt", "true", "Kite", "watch"],
        )
        .await?;
        self.says(
            "api-resources --namespaced=false -o name --verbs=list,watch",
            &["namespaces", "clusterroles.rbac"],
        )
        .await?;
        let table = self.says("get kites", &["NAME", "TAILS", "AGE", "first"]).await?;
        ensure!(!table.contains("TAG"), "a column for -o wide only: {table}");
        self.says("get kt -o wide --show-labels -L team", &["TAG", "team=red", "TEAM"]).await?;
        self.says("get kite/first -o yaml", &["kind: Kite", "tails: 2"]).await?;
        self.says("get kites.v1.kubectl.example first -o json", &["\"tails\": 2"]).await?;
        self.says(
            "get kites,cm,secrets -o name",
            &["kite.kubectl.example/first", "configmap/notes", "secret/word"],
        )
        .await?;
        self.says("get all", &["first"]).await?;
        self.says("get cm notes -o go-template={{.data.b}}", &["2"]).await?;
        self.says("get cm -o custom-columns=N:.metadata.name,A:.data.a --no-headers", &["notes", "1"])
            .await?;
        self.says(
            "get cm -A --field-selector=metadata.name=notes -o jsonpath={.items[*].metadata.namespace}",
            &["kites"],
        )
        .await?;
        self.says("get kites --field-selector=spec.tails=2 -o name", &["first"]).await?;
        self.says("get cm -l team=red,team!=blue -o name", &["configmap/notes"]).await?;
        self.says("get roles,rolebindings,sa", &["flying", "Role/flying", "flyer"]).await?;
        self.says("get --raw /apis/kubectl.example/v1/namespaces/kites/kites/first", &["\"tails\":2"])
            .await?;
        for name in ["e", "d", "c", "b", "a"] {
            self.says(&format!("create cm chunk-{name}"), &[]).await?;
        }
        let whole = self.says("get cm --chunk-size=2 --sort-by=.metadata.name -o name", &[]).await?;
        let chunks: Vec<&str> = whole.lines().filter(|line| line.contains("chunk-")).collect();
        assert_eq!(chunks, ["a", "b", "c", "d", "e"].map(|name| format!("configmap/chunk-{name}")));
        ensure!(self.says("get cm nothing --ignore-not-found", &[]).await?.is_empty());
        self.refuses("get cm nothing", &["Error from server (NotFound): configmaps \"nothing\" not found"])
            .await?;
        self.refuses("get nothing", &["the server doesn't have a resource type \"nothing\""]).await?;
        if !self.is_old {
            self.says("get kite first -o yaml --show-managed-fields", &["managedFields", "f:tails"]).await?;
            self.says("get kite first --subresource=scale -o jsonpath={.spec.replicas}", &["2"]).await?;
        }
        Ok(())
    }

    async fn tells(&self) -> Result<()> {
        self.says("describe cm notes", &["Name:", "notes", "team=red", "Data"]).await?;
        self.says("describe secret word", &["Opaque", "4 bytes"]).await?;
        self.says("describe kite first", &["kubectl.example/v1", "Tails:"]).await?;
        self.says("describe namespace kites", &["Status:", "Active"]).await?;
        self.says("describe role flying", &["kites.kubectl.example", "[get list]"]).await?;
        self.says("describe rolebinding flying", &["ServiceAccount", "flyer"]).await?;
        self.says("describe sa flyer", &["Name:", "flyer"]).await?;
        self.says("describe crd kites.kubectl.example", &["Established"]).await?;
        self.says("get events", &[]).await?;
        self.says("explain cm.data", &["ConfigMap", "FIELD:", "map[string]string"]).await?;
        self.says("explain secrets --recursive", &["stringData", "immutable"]).await?;
        self.says("explain kites.spec", &["How many tails it has", "tails"]).await?;
        self.says("explain kite.metadata.ownerReferences", &["uid"]).await?;
        if !self.is_old {
            self.says(
                "explain kites --api-version=kubectl.example/v1 --output=plaintext-openapiv2",
                &["spec"],
            )
            .await?;
            self.says("events", &[]).await?;
        }
        Ok(())
    }

    async fn applies(&self) -> Result<()> {
        let file = self.program.file("objects.yaml", OBJECTS)?;
        self.says(&format!("apply -f {file}"), &["configmap/notes unchanged", "first unchanged"]).await?;
        self.says(&format!("diff -f {file}"), &[]).await?;
        let changed = OBJECTS.replace("a: '1', b: '2'", "b: '3', c: '4'").replace("tails: 2", "tails: 4");
        let file = self.program.file("objects.yaml", &changed)?;
        let diff = self.program.output(&["diff", "-f", &file]).await?;
        let text = String::from_utf8_lossy(&diff.stdout);
        ensure!(
            diff.status.code() == Some(1),
            "kubectl diff: {} {text}{}",
            diff.status,
            String::from_utf8_lossy(&diff.stderr)
        );
        ensure!(
            text.contains("+  c: \"4\"") && text.contains("-  tails: 2") && text.contains("-  a: \"1\""),
            "{text}"
        );
        self.says(&format!("apply -f {file} --dry-run=server"), &["configured (server dry run)"]).await?;
        self.is("cm/notes", ".data.a", "1").await?;
        self.says("annotate cm notes by=hand", &["annotated"]).await?;
        self.says(&format!("apply -f {file}"), &["configmap/notes configured", "first configured"]).await?;
        self.is("cm/notes", ".data", "{\"b\":\"3\",\"c\":\"4\"}").await?;
        self.is("cm/notes", ".metadata.annotations.by", "hand").await?;
        self.is("kite/first", ".spec.tails", "4").await?;
        self.says("apply view-last-applied cm notes", &["b: \"3\""]).await?;

        let one = self.program.file("one.yaml", changed.split("---").next().context("a document")?)?;
        let list = if self.is_old { "--prune-whitelist" } else { "--prune-allowlist" };
        let prune = format!(
            "apply -f {one} --prune -l team=red {list}=core/v1/ConfigMap {list}=kubectl.example/v1/Kite"
        );
        self.says(&prune, &["configmap/notes unchanged", "first pruned"]).await?;
        self.says(&format!("apply -f {file}"), &["first created"]).await?;
        self.program.file("kustomization.yaml", "resources: [objects.yaml]\nnameSuffix: -k\nconfigMapGenerator: [{name: made, literals: [k=v]}]\n")?;
        self.says("apply -k .", &["configmap/made-k-", "notes-k created", "first-k created"]).await?;
        self.says("delete -k .", &["deleted"]).await?;
        Ok(())
    }

    async fn applies_on_the_server(&self) -> Result<()> {
        let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\ndata: {a: '1', b: '1'}\n";
        let file = self.program.file("shared.yaml", object)?;
        self.says(&format!("apply --server-side -f {file}"), &["configmap/shared serverside-applied"])
            .await?;
        let other = self.program.file("other.yaml", &object.replace("a: '1', b: '1'", "b: '2', c: '2'"))?;
        let apply = format!("apply --server-side --field-manager=other -f {other}");
        self.refuses(&apply, &["conflict with \"kubectl\"", ".data.b", "--force-conflicts"]).await?;
        self.says(&format!("{apply} --force-conflicts"), &["serverside-applied"]).await?;
        self.is("cm/shared", ".data", "{\"a\":\"1\",\"b\":\"2\",\"c\":\"2\"}").await?;
        let mine = self.program.file("shared.yaml", &object.replace(", b: '1'", ""))?;
        self.says(&format!("apply --server-side -f {mine}"), &["serverside-applied"]).await?;
        let more = self.program.file("more.yaml", &object.replace("a: '1', b: '1'", "a: '1', d: '4'"))?;
        let diff = self.program.output(&["diff", "--server-side", "-f", &more]).await?;
        let text = String::from_utf8_lossy(&diff.stdout);
        ensure!(
            diff.status.code() == Some(1) && text.contains("+  d: \"4\""),
            "{text}{}",
            String::from_utf8_lossy(&diff.stderr)
        );
        // From the client's side to the server's: nobody fights with themselves.
        if !self.is_old {
            let file = self.program.file("objects.yaml", OBJECTS)?;
            self.says(&format!("apply -f {file} --server-side"), &["configmap/notes serverside-applied"])
                .await?;
            self.is("cm/notes", ".data", "{\"a\":\"1\",\"b\":\"2\"}").await?;
        }
        Ok(())
    }

    async fn changes(&self) -> Result<()> {
        self.says("patch cm notes -p {\"data\":{\"a\":\"s\"}}", &["patched"]).await?;
        self.says("patch cm notes --type=merge -p {\"data\":{\"b\":null,\"c\":\"m\"}}", &["patched"]).await?;
        self.says(
            "patch cm notes --type=json -p [{\"op\":\"add\",\"path\":\"/data/d\",\"value\":\"j\"}]",
            &["patched"],
        )
        .await?;
        self.is("cm/notes", ".data", "{\"a\":\"s\",\"c\":\"m\",\"d\":\"j\"}").await?;
        self.says("patch cm notes --type=merge -p {\"data\":{\"c\":\"m\"}}", &["no change"]).await?;
        self.says("patch kite first --type=merge -p {\"spec\":{\"tails\":6}}", &["patched"]).await?;
        self.refuses(
            "patch kite first -p {\"spec\":{\"tails\":7}}",
            &["accepted media types include: application/json-patch+json"],
        )
        .await?;
        self.says("label cm notes team=blue --overwrite", &["labeled"]).await?;
        self.refuses("label cm notes team=green", &["already has a value"]).await?;
        self.says("label cm --all seen=yes", &["labeled"]).await?;
        self.says("label cm notes seen-", &[]).await?;
        self.is("cm/notes", ".metadata.labels", "{\"team\":\"blue\"}").await?;
        self.says("annotate kites -l team=red note=windy", &["annotated"]).await?;
        self.says("annotate kite first note-", &[]).await?;
        self.says("scale kite first --replicas=9", &["scaled"]).await?;
        self.refuses(
            "scale kite first --replicas=1 --current-replicas=3",
            &["Expected replicas to be 3, was 9"],
        )
        .await?;
        self.is("kite/first", ".spec.tails", "9").await?;

        let script = self
            .program
            .file("editor", "#!/bin/sh\nsed -i -e 's/c: m/c: edited/' -e 's/tails: 9/tails: 3/' \"$1\"\n")?;
        for object in ["cm/notes", "kite/first"] {
            let mut command = self.program.command(&["edit", object]);
            let output = command.env("KUBE_EDITOR", format!("sh {script}")).output().await?;
            ensure!(
                output.status.success(),
                "kubectl edit {object}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            ensure!(
                String::from_utf8_lossy(&output.stdout).contains("edited"),
                "nothing was edited in {object}"
            );
        }
        self.is("cm/notes", ".data.c", "edited").await?;
        self.is("kite/first", ".spec.tails", "3").await?;
        let whole = self.program.run(&["get", "cm", "notes", "-o", "json"]).await?;
        let file = self.program.file("whole.json", &whole.replace("edited", "replaced"))?;
        self.says(&format!("replace -f {file}"), &["replaced"]).await?;
        self.refuses(&format!("replace -f {file}"), &["Conflict"]).await?;
        self.says(&format!("replace --force -f {file}"), &["deleted", "replaced"]).await?;
        self.is("cm/notes", ".data.c", "replaced").await?;
        if !self.is_old {
            self.says(
                "patch kite first --subresource=status --type=merge -p {\"status\":{\"height\":4}}",
                &["patched"],
            )
            .await?;
            self.is("kite/first", ".status.height", "4").await?;
        }
        Ok(())
    }

    async fn waits_and_watches(&self) -> Result<()> {
        let mut watch = self.program.command(&["get", "kites", "--watch", "--output-watch-events"]);
        let mut watch = watch.stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(watch.stdout.take().context("a pipe")?).lines();
        let mut waiting = self.program.command(&["wait", "--for=delete", "kite/brief", "--timeout=60s"]);
        let brief = self.program.file(
            "brief.yaml",
            "apiVersion: kubectl.example/v1\nkind: Kite\nmetadata: {name: brief}\nspec: {tails: 1}\n",
        )?;
        self.says(&format!("create -f {brief}"), &["created"]).await?;
        let mut waiting = waiting.stdout(Stdio::piped()).spawn()?;
        self.says("delete kite brief", &["\"brief\" deleted"]).await?;
        let mut seen = Vec::new();
        let seeing = async {
            while let Some(line) = lines.next_line().await? {
                seen.push(line.split_whitespace().collect::<Vec<_>>().join(" "));
                if seen.iter().any(|line| line.starts_with("DELETED brief")) {
                    return Ok(());
                }
            }
            anyhow::bail!("the watch ended")
        };
        tokio::time::timeout(LIMIT, seeing).await.with_context(|| "the watch shows no end")??;
        ensure!(seen.iter().any(|line| line.starts_with("ADDED first")), "{seen:?}");
        watch.kill().await?;
        tokio::time::timeout(LIMIT, waiting.wait())
            .await
            .context("kubectl wait --for=delete does not end")??;
        if !self.is_old {
            self.says("wait kite/first --for=jsonpath={.spec.tails}=3 --timeout=60s", &["condition met"])
                .await?;
            self.says("wait kite/first --for=create --timeout=60s", &["condition met"]).await?;
        }
        self.refuses("wait kite/first --for=condition=Ready --timeout=1s", &["timed out"]).await
    }

    async fn asks_for_access(&self) -> Result<()> {
        self.says("auth can-i delete kites.kubectl.example", &["yes"]).await?;
        self.says("auth can-i list kites.kubectl.example --as=jane", &["yes"]).await?;
        let refusal =
            self.program.output(&["auth", "can-i", "delete", "kites.kubectl.example", "--as=jane"]).await?;
        ensure!(!refusal.status.success() && refusal.stdout.starts_with(b"no"), "{refusal:?}");
        self.says(
            "auth can-i --list --as=jane",
            &["kites.kubectl.example", "[get list]", "selfsubjectaccessreviews"],
        )
        .await?;
        self.says("get kites --as=jane", &["first"]).await?;
        self.refuses(
            "get cm --as=jane",
            &["Error from server (Forbidden)", "User \"jane\" cannot list resource \"configmaps\""],
        )
        .await?;
        let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: flying, namespace: kites}\nrules:\n- {apiGroups: [kubectl.example], resources: [kites], verbs: [watch]}\n";
        let file = self.program.file("role.yaml", role)?;
        self.says(&format!("auth reconcile -f {file}"), &["reconciled"]).await?;
        self.says("auth can-i watch kites.kubectl.example --as=jane", &["yes"]).await?;
        if !self.is_old {
            self.says("auth whoami --as=jane", &["jane", "system:authenticated"]).await?;
            let token = self.says("create token flyer --duration=1h", &[]).await?;
            self.says(
                &format!("auth whoami --token={}", token.trim()),
                &["system:serviceaccount:kites:flyer"],
            )
            .await?;
        }
        Ok(())
    }

    async fn deletes(&self) -> Result<()> {
        for (cascade, is_kept) in [("background", false), ("foreground", false), ("orphan", true)] {
            let owner =
                "apiVersion: kubectl.example/v1\nkind: Kite\nmetadata: {name: owner}\nspec: {tails: 1}\n";
            let file = self.program.file("owner.yaml", owner)?;
            self.says(&format!("apply -f {file}"), &["created"]).await?;
            let uid = self.says("get kite owner -o jsonpath={.metadata.uid}", &[]).await?;
            let owned = format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: owned\n  ownerReferences:\n  - {{apiVersion: kubectl.example/v1, kind: Kite, name: owner, uid: {uid}, blockOwnerDeletion: true}}\n"
            );
            let file = self.program.file("owned.yaml", &owned)?;
            self.says(&format!("apply -f {file}"), &["created"]).await?;
            self.says(&format!("delete kite owner --cascade={cascade}"), &["deleted"]).await?;
            if is_kept {
                self.is("cm/owned", ".metadata.ownerReferences", "").await?;
            } else {
                wait::until("the owned object to go", LIMIT, async || {
                    let left = self.says("get cm owned --ignore-not-found", &[]).await?;
                    Ok(left.is_empty().then_some(()))
                })
                .await?;
            }
        }
        self.says("delete cm owned --dry-run=server", &["(server dry run)"]).await?;
        self.says("delete cm owned --grace-period=0 --force", &["deleted"]).await?;
        self.says("delete cm -l seen=yes", &["chunk-a\" deleted", "chunk-e\" deleted"]).await?;
        self.says("delete kites --all", &["\"first\" deleted"]).await?;
        self.says(
            "delete cm,secret notes word --ignore-not-found",
            &["\"notes\" deleted", "\"word\" deleted"],
        )
        .await?;
        self.refuses("delete cm notes", &["NotFound"]).await?;
        self.says("delete namespace kites --timeout=100s", &["deleted"]).await?;
        self.says("delete crd kites.kubectl.example --timeout=100s", &["deleted"]).await?;
        // It still believes in the kind; the server does not.
        self.refuses("get kites", &["the server could not find the requested resource"]).await
    }
}
