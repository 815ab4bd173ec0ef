//! Every case against both servers.
use std::collections::HashMap;

use anyhow::Result;
use grange_differential::{Finding, Pair, known::KNOWN};

use crate::cases;

/// How many kinds of differences a failing run prints.
const SHOWN: usize = 150;
/// What the suite promises.
const MINIMUM_CASES: usize = 1_500;
/// Where people read about known differences.
const DOCUMENT: &str = include_str!("../../../../docs/internals/kubernetes-differences.md");

#[tokio::test(flavor = "multi_thread")]
async fn both_servers_answer_alike() -> Result<()> {
    let Some(pair) = Pair::start().await? else { return Ok(()) };
    let mut all = cases::all();
    assert!(all.len() >= MINIMUM_CASES, "{} cases", all.len());
    let only = std::env::var("GRANGE_DIFFERENTIAL").ok();
    if let Some(only) = &only {
        all.retain(|case| case.name.contains(only.as_str()));
    }
    for (definition, path) in cases::rules::prepared().into_iter().chain([cases::random_applies::prepared()])
    {
        pair.prepare(cases::rules::DEFINITIONS, &definition).await?;
        pair.wait_for(&path).await?;
    }
    let report = pair.run(all).await?;
    println!(
        "{} cases, {} requests to each side, known differences: {:?}",
        report.cases, report.requests, report.known
    );
    if let Some(path) = std::env::var_os("GRANGE_DIFFERENTIAL_REPORT") {
        let all: Vec<String> = report.unexplained.iter().map(ToString::to_string).collect();
        std::fs::write(path, all.join("\n"))?;
    }
    for (findings, count) in alike(&report.unexplained).into_iter().take(SHOWN) {
        println!("{count} like {findings}");
    }
    assert!(report.unexplained.is_empty(), "{} differences", report.unexplained.len());
    // A reason that explains nothing any more goes.
    let stale: Vec<&str> =
        KNOWN.iter().map(|known| known.id).filter(|id| !report.known.contains_key(id)).collect();
    assert!(only.is_some() || stale.is_empty(), "these differences are gone: {stale:?}");
    Ok(())
}

/// One finding of each kind and how many there are, the most frequent first.
fn alike(findings: &[Finding]) -> Vec<(&Finding, usize)> {
    let shape = |text: &str| -> String {
        let quoted = text.split('"').step_by(2).collect::<Vec<_>>().join("*");
        quoted.chars().filter(|symbol| !symbol.is_ascii_digit()).take(80).collect()
    };
    let mut kinds: HashMap<[String; 3], (&Finding, usize)> = HashMap::new();
    for finding in findings {
        let key = [shape(&finding.place), shape(&finding.ours), shape(&finding.theirs)];
        kinds.entry(key).or_insert((finding, 0)).1 += 1;
    }
    let mut kinds: Vec<(&Finding, usize)> = kinds.into_values().collect();
    kinds.sort_by_key(|(finding, count)| (std::cmp::Reverse(*count), finding.case.clone()));
    kinds
}

#[test]
fn known_differences_are_documented() {
    for known in KNOWN {
        assert!(DOCUMENT.contains(&format!("## {}\n", known.id)), "{} is not in the document", known.id);
    }
    for line in DOCUMENT.lines().filter_map(|line| line.strip_prefix("## ")) {
        assert!(KNOWN.iter().any(|known| known.id == line), "{line} is in the document only");
    }
}
