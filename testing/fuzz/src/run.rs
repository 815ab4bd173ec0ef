//! Checks many inputs of a target, one after the other, and whether memory comes back.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Source, Target, memory, shrink::shrink};

/// Most inputs that are checked over and over to see whether memory comes back.
const REPEATED_INPUTS: u64 = 40;
/// Of how many inputs one is, where there are few.
const REPEATED_SHARE: u64 = 5;
/// How often they are checked. The first times fill what is made once: tables, pools, lazily compiled patterns.
const REPETITIONS: usize = 6;
/// Repetitions that may still fill something.
const WARM_REPETITIONS: usize = 2;
/// Bytes that may be left over by all repetitions together: lists that grew, never an object an input.
const MAX_LEFT_OVER_BYTES: usize = 16 * 1024;

/// How long to go on.
#[derive(Clone, Copy)]
pub enum Until {
    /// So many inputs.
    Inputs(u64),
    /// So long; one input at least.
    Passed(Duration),
}

/// What a run without a failure was.
#[derive(Serialize, Deserialize)]
pub struct Report {
    /// Inputs checked.
    pub inputs: u64,
    /// How long that took.
    pub seconds: f64,
    /// Most bytes in use at once during one input.
    pub peak_bytes: usize,
    /// Bytes still in use after many checks of the same inputs, over what was in use after the first ones.
    pub left_over_bytes: usize,
}

/// A broken law.
#[derive(Debug)]
pub struct Failure {
    /// The simplest input found that breaks it.
    pub input: Value,
    /// How.
    pub message: String,
}

/// The choices' seed of one input of a run.
pub fn seed_of(run: u64, target: &Target, input: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (run, target.name, input).hash(&mut hasher);
    hasher.finish()
}

/// Checks inputs, telling `begin` the number of each before.
///
/// # Errors
/// The first failure, made as simple as possible.
pub fn run(target: &Target, seed: u64, until: Until, begin: impl Fn(u64)) -> Result<Report, Failure> {
    let started = Instant::now();
    let is_over = |inputs: u64| match until {
        Until::Inputs(most) => inputs >= most,
        Until::Passed(time) => inputs > 0 && started.elapsed() >= time,
    };
    let mut report = Report { inputs: 0, seconds: 0.0, peak_bytes: 0, left_over_bytes: 0 };
    while !is_over(report.inputs) {
        begin(report.inputs);
        let mut source = Source::random(seed_of(seed, target, report.inputs));
        match target.check(&mut source) {
            Ok(peak_bytes) => report.peak_bytes = report.peak_bytes.max(peak_bytes),
            Err(_) => return Err(simplest(target, source.into_choices())),
        }
        report.inputs += 1;
    }
    report.seconds = started.elapsed().as_secs_f64();
    if !target.keeps_state {
        let inputs = report.inputs.div_ceil(REPEATED_SHARE).min(REPEATED_INPUTS);
        report.left_over_bytes = left_over(target, seed, inputs, &begin)?;
    }
    Ok(report)
}

fn simplest(target: &Target, choices: Vec<u64>) -> Failure {
    let choices = shrink(choices, |source| target.check(source).is_err());
    let message = target.check(&mut Source::replay(choices.clone())).err();
    Failure {
        input: target.input(&mut Source::replay(choices)),
        message: message.unwrap_or_else(|| "it fails at times".into()),
    }
}

/// The same inputs again and again must not take more and more memory.
fn left_over(target: &Target, seed: u64, inputs: u64, begin: &impl Fn(u64)) -> Result<usize, Failure> {
    let mut before = 0;
    for repetition in 0..REPETITIONS {
        if repetition == WARM_REPETITIONS {
            before = memory::live();
        }
        for input in 0..inputs {
            begin(input);
            // These passed just now; a failure would be one of memory, which the peak tells as well.
            let _ = target.check(&mut Source::random(seed_of(seed, target, input)));
        }
    }
    let bytes = memory::live().saturating_sub(before);
    if bytes > MAX_LEFT_OVER_BYTES {
        let repetitions = REPETITIONS - WARM_REPETITIONS;
        return Err(Failure {
            input: Value::Null,
            message: format!(
                "a leak: {inputs} inputs, checked {repetitions} times, leave {bytes} bytes in use"
            ),
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const ENOUGH: usize = 1024 * 1024;
    static KEPT: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

    fn failure(check: fn(&u64)) -> Option<(Value, String)> {
        let target = Target::new("test", ENOUGH, Source::number, check);
        let failure = run(&target, 1, Until::Inputs(200), |_| {}).err()?;
        Some((failure.input, failure.message))
    }

    /// One test, because panics and memory are those of the whole process.
    #[test]
    fn panics_leaks_and_large_inputs_are_found() {
        assert_eq!(failure(|_| {}), None);
        let (input, message) = failure(|number| assert!(*number < 100, "too large")).expect("a failure");
        assert!((100..=128).contains(&input.as_u64().unwrap_or(0)), "{input}");
        assert!(message.starts_with("too large (") && message.contains("run.rs"), "{message}");
        // A panic that somebody catches is one all the same.
        let caught = failure(|number| {
            let _ = std::panic::catch_unwind(|| assert!(*number < 100, "too large"));
        });
        assert!(caught.expect("a failure").1.starts_with("too large ("));
        let large = failure(|number| drop(vec![1_u8; (*number).min(2_000_000) as usize]));
        assert!(large.expect("a failure").1.contains("bytes were in use at once"));
        let leak = failure(|_| KEPT.lock().expect("nobody panics").push(vec![1; 1000]));
        assert!(leak.expect("a failure").1.starts_with("a leak: "));
    }
}
