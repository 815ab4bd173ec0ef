//! Both servers, and a case run against them.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use grange_testing_kubernetes::{Cluster, Options};
use serde_json::{Value, json};
use tokio_util::sync::DropGuard;

use crate::{
    Case, Step,
    compare::{Finding, differences},
    known,
    mask::Mask,
    ours,
    side::{Answer, Side},
};

/// Cases that run at the same time.
const PARALLEL_CASES: usize = 6;

/// Our server and a real one.
pub struct Pair {
    ours: Side,
    theirs: Side,
    _stop: DropGuard,
    cluster: Cluster,
    cases: AtomicUsize,
}

/// What a suite found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many cases ran.
    pub cases: usize,
    /// How many requests each side answered.
    pub requests: usize,
    /// Differences without a known reason.
    pub unexplained: Vec<Finding>,
    /// How often each known difference showed.
    pub known: BTreeMap<&'static str, usize>,
}

impl Pair {
    /// Starts both; `None` (said aloud) where there is no real Kubernetes.
    ///
    /// # Errors
    /// When one of them does not start.
    pub async fn start() -> Result<Option<Self>> {
        let Some(options) = Options::from_environment() else { return Ok(None) };
        let cluster = Cluster::start(options).await?;
        let (admin, user) = (cluster.admin_token().to_owned(), cluster.user_token().to_owned());
        let (url, stop) = ours::listen(&admin, &user).await?;
        let ours = Side { url, client: reqwest::Client::new(), admin: admin.clone(), user: user.clone() };
        let authority = reqwest::Certificate::from_pem(cluster.ca_pem().as_bytes())?;
        let client = reqwest::Client::builder().tls_certs_only([authority]).build()?;
        let theirs = Side { url: cluster.url().to_owned(), client, admin, user };
        Ok(Some(Pair { ours, theirs, _stop: stop, cluster, cases: AtomicUsize::new(0) }))
    }

    /// The real cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Makes the same object on both sides before the cases.
    ///
    /// # Errors
    /// When a side refuses.
    pub async fn prepare(&self, path: &str, object: &Value) -> Result<()> {
        for side in [&self.ours, &self.theirs] {
            let step = Step::post(path, object);
            let answer = side.send(&step, path, &step.body).await?;
            ensure!(answer.code == 201, "{}: {} {}", side.url, answer.code, answer.body);
        }
        Ok(())
    }

    /// Waits until both sides answer a GET with 200.
    ///
    /// # Errors
    /// When a side never does.
    pub async fn wait_for(&self, path: &str) -> Result<()> {
        for side in [&self.ours, &self.theirs] {
            side.send(&Step::get(path).until(200), path, &[]).await?;
        }
        Ok(())
    }

    /// Runs cases, several at a time.
    ///
    /// # Errors
    /// When a request could not be sent at all.
    pub async fn run(&self, cases: Vec<Case>) -> Result<Report> {
        let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        ensure!(names.len() == cases.len(), "two cases have the same name");
        let mut report = Report { cases: cases.len(), ..Report::default() };
        let mut runs = stream::iter(cases.iter().map(|case| self.case(case))).buffered(PARALLEL_CASES);
        while let Some((requests, findings)) = runs.try_next().await? {
            report.requests += requests;
            for finding in findings {
                match known::reason(&finding) {
                    Some(difference) => *report.known.entry(difference.id).or_default() += 1,
                    None => report.unexplained.push(finding),
                }
            }
        }
        Ok(report)
    }

    async fn case(&self, case: &Case) -> Result<(usize, Vec<Finding>)> {
        let namespace = format!("case-{}", self.cases.fetch_add(1, Ordering::Relaxed));
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        self.prepare("/api/v1/namespaces", &object).await?;
        let (ours, theirs) =
            tokio::try_join!(answers(&self.ours, case, &namespace), answers(&self.theirs, case, &namespace))
                .with_context(|| case.name.clone())?;
        let mut findings = Vec::new();
        for (index, step) in case.steps.iter().enumerate().filter(|(_, step)| !step.silent) {
            let differences = differences(&ours[index], &theirs[index]);
            let codes = (ours[index].code, theirs[index].code);
            findings.extend(differences.into_iter().map(|(place, ours, theirs)| Finding {
                case: case.name.clone(),
                step: index + 1,
                request: step.line(),
                codes,
                place,
                ours,
                theirs,
            }));
        }
        Ok((case.steps.len(), findings))
    }
}

/// One side's masked answers to a case.
async fn answers(side: &Side, case: &Case, namespace: &str) -> Result<Vec<Answer>> {
    let mut raw: Vec<Value> = Vec::new();
    let mut masked = Vec::new();
    let mut mask = Mask::new(namespace);
    for step in &case.steps {
        let path = fill(&step.path, namespace, &raw);
        let body = match std::str::from_utf8(&step.body) {
            Ok(text) => fill(text, namespace, &raw).into_bytes(),
            Err(_) => step.body.clone(),
        };
        let mut answer = side.send(step, &path, &body).await?;
        raw.push(answer.body.clone());
        mask.answer(&mut answer.body);
        masked.push(answer);
    }
    Ok(masked)
}

/// Fills in placeholders.
fn fill(text: &str, namespace: &str, answers: &[Value]) -> String {
    let mut text = text.replace("{ns}", namespace);
    for (index, answer) in answers.iter().enumerate() {
        let metadata = &answer["metadata"];
        for (word, field) in
            [("rv", "resourceVersion"), ("uid", "uid"), ("continue", "continue"), ("name", "name")]
        {
            let placeholder = format!("{{{word}:{}}}", index + 1);
            if text.contains(&placeholder) {
                text = text.replace(&placeholder, metadata[field].as_str().unwrap_or("absent"));
            }
        }
    }
    text
}
