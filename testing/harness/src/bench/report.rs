//! Rows, and the table made of them.

use std::fmt::Write;

/// How a number stands to its bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// At least as good.
    Met,
    /// Not as good.
    Missed,
    /// Could not be measured here.
    NotMeasured,
}

impl Verdict {
    /// From a comparison.
    pub fn of(met: bool) -> Self {
        if met { Verdict::Met } else { Verdict::Missed }
    }

    fn word(self) -> &'static str {
        match self {
            Verdict::Met => "yes",
            Verdict::Missed => "**no**",
            Verdict::NotMeasured => "not measured",
        }
    }
}

/// One promise and what was found.
#[derive(Clone, Debug)]
pub struct Row {
    /// The name of the bench.
    pub bench: &'static str,
    /// What is promised.
    pub what: String,
    /// The promise.
    pub bar: String,
    /// What was measured.
    pub measured: String,
    /// How they compare.
    pub verdict: Verdict,
    /// The raw numbers behind it, each a short sentence.
    pub raw: Vec<String>,
}

impl Row {
    /// A row that was measured.
    pub fn new(what: &str, bar: &str, measured: String, met: bool) -> Self {
        Row {
            bench: "",
            what: what.to_owned(),
            bar: bar.to_owned(),
            measured,
            verdict: Verdict::of(met),
            raw: Vec::new(),
        }
    }

    /// A row that could not be, and why.
    pub fn not_measured(what: &str, bar: &str, why: String) -> Self {
        Row { verdict: Verdict::NotMeasured, ..Row::new(what, bar, why, false) }
    }

    /// With one more raw number.
    #[must_use]
    pub fn raw(mut self, text: impl Into<String>) -> Self {
        self.raw.push(text.into());
        self
    }
}

/// The table in Markdown, the raw numbers below it.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from("| bench | what | bar | measured | met |\n|---|---|---|---|---|\n");
    for row in rows {
        let cells = [row.bench, &row.what, &row.bar, &row.measured, row.verdict.word()];
        let cells = cells.map(|cell| cell.replace('|', "/").replace('\n', " "));
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text.push_str("\nRaw numbers:\n\n");
    for row in rows.iter().filter(|row| !row.raw.is_empty()) {
        let _ = writeln!(text, "- `{}`, {}: {}", row.bench, row.what, row.raw.join("; "));
    }
    text
}

/// The middle one of some values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Values as a short list, for raw numbers.
pub fn list(values: &[f64], digits: usize) -> String {
    let texts: Vec<String> = values.iter().map(|value| format!("{value:.digits$}")).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_was_not_measured_says_so() {
        let rows = [Row::not_measured("speed", "≥ 1", "no wheels".into()).raw("none")];
        let table = table(&rows);
        assert!(table.contains("| speed | ≥ 1 | no wheels | not measured |"), "{table}");
        assert!(table.contains("speed: none"), "{table}");
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert_eq!(list(&[1.0, 2.25], 1), "1.0, 2.2");
    }
}
