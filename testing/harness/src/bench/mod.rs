//! The numbers of SPECIFICATION.md, measured on whatever machine this runs.
//!
//! Each row of the table is one bench with a name; [`run`] runs those whose name contains the filter, one after
//! another, and prints one table. Where a comparison is promised both sides are measured in the same run, turn by
//! turn. Nothing here fails because of a number: a bench that is an error is one that could not be run.

pub mod applies;
pub mod bulk;
pub mod connected;
pub mod console;
pub mod gets;
pub mod import;
pub mod killed;
pub mod kubernetes;
pub mod load;
pub mod machine;
pub mod management;
pub mod memory;
pub mod reconnect;
pub mod report;
pub mod simulated;
pub mod start;
pub mod storm;
pub mod upstream;
pub mod watchers;

use anyhow::{Result, bail};
use futures::future::LocalBoxFuture;

use report::{Row, Verdict};

/// A bench: its name and what makes its rows.
type Bench = (&'static str, fn() -> LocalBoxFuture<'static, Result<Vec<Row>>>);

/// All benches, in the order in which they run.
const BENCHES: &[Bench] = &[
    ("start", || Box::pin(start::run())),
    ("import", || Box::pin(import::time_to_ready())),
    ("objects", || Box::pin(import::objects())),
    ("gets", || Box::pin(gets::run())),
    ("killed", || Box::pin(killed::run())),
    ("bulk", || Box::pin(bulk::run())),
    ("memory", || Box::pin(memory::run())),
    ("reconnect", || Box::pin(reconnect::run())),
    ("storm", || Box::pin(storm::run())),
    ("console", || Box::pin(console::run())),
    ("kubernetes-gets", || Box::pin(kubernetes::run())),
    ("kubernetes-management", || Box::pin(management::run())),
    ("kubernetes-apply", || Box::pin(applies::run())),
    ("kubernetes-memory", || Box::pin(applies::memory())),
    ("kubernetes-watchers", || Box::pin(watchers::run())),
];

/// Runs the benches whose name contains `filter` and prints the table.
pub async fn run(filter: &str) -> Result<()> {
    let machine = machine::describe();
    let chosen: Vec<&Bench> = BENCHES.iter().filter(|(name, _)| name.contains(filter)).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).collect();
        bail!("no bench is called like {filter:?}; there are {}", names.join(", "));
    }
    let mut rows = Vec::new();
    let mut broken = Vec::new();
    for (name, bench) in chosen {
        eprintln!("== bench {name}");
        let mut found = bench().await.unwrap_or_else(|error| {
            eprintln!("{name} could not be run: {error:?}");
            broken.push(*name);
            vec![Row::not_measured("(all of this bench)", "", format!("could not be run: {error:#}"))]
        });
        for row in &mut found {
            row.bench = name;
            eprintln!("   {}: {} (bar {})", row.what, row.measured, row.bar);
        }
        rows.extend(found);
    }
    println!("Machine: {machine}\n\n{}", report::table(&rows));
    let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    println!(
        "{} met, {} missed, {} not measured",
        count(Verdict::Met),
        count(Verdict::Missed),
        count(Verdict::NotMeasured)
    );
    if !broken.is_empty() {
        bail!("could not be run: {}", broken.join(", "));
    }
    Ok(())
}
