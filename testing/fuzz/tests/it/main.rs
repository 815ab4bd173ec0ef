//! What fuzzing once found stays mended, and a few inputs of every target that no seed has.
//!
//! One test, because memory is counted for the whole process.

use grange_fuzz::{
    run::{Until, run},
    seeds, targets, worker,
};

/// Always the same inputs, so that the gate does not depend on luck; `cargo xtask fuzz` looks for others.
const SEED: u64 = 1;
/// Inputs of every target.
const INPUTS: u64 = 200;

#[test]
fn every_target_keeps_its_laws() {
    for target in targets::all() {
        let name = target.name;
        let outcome = worker::on_its_stack(move || {
            for (file, input) in seeds::of(&target).expect("the seeds can be read") {
                if let Err(message) = target.check_input(&input) {
                    panic!("{file}: {message}");
                }
            }
            if let Err(failure) = run(&target, SEED, Until::Inputs(INPUTS / target.weight), |_| {}) {
                panic!("{}\n{}", failure.message, failure.input);
            }
        });
        outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
