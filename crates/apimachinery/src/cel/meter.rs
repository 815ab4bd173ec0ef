//! What an evaluation may cost, and how it fails.

/// Why an evaluation gave no value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failure {
    /// The expression says so; `false && …` and `true || …` do not mind.
    Error(String),
    /// It took more than it may; nothing goes on after that.
    OverLimit,
}

impl Failure {
    pub(crate) fn error(why: impl Into<String>) -> Self {
        Failure::Error(why.into())
    }
    /// A function that knows nothing of such arguments.
    pub(crate) fn no_such_overload() -> Self {
        Failure::error("no such overload")
    }
}

/// What an evaluation may take, or what it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expense {
    /// In Kubernetes' units.
    pub(crate) cost: u64,
    /// In steps of our own: comparisons of values, items and bytes that are copied. Kubernetes' cost takes some of these
    /// for free, which they are not.
    pub(crate) work: u64,
}

/// Counts what an evaluation takes.
#[derive(Debug)]
pub(crate) struct Meter {
    spent: Expense,
    limit: Expense,
}

/// A tenth, rounded up: what going through a text costs for each character.
pub(crate) fn traversal(size: u64) -> u64 {
    size.div_ceil(10)
}

impl Meter {
    pub(crate) fn new(limit: Expense) -> Self {
        Meter { spent: Expense { cost: 0, work: 0 }, limit }
    }

    /// What it took so far.
    pub(crate) fn spent(&self) -> Expense {
        self.spent
    }

    pub(crate) fn charge(&mut self, cost: u64) -> Result<(), Failure> {
        self.spent.cost = self.spent.cost.saturating_add(cost);
        if self.spent.cost > self.limit.cost { Err(Failure::OverLimit) } else { Ok(()) }
    }

    pub(crate) fn work(&mut self, steps: u64) -> Result<(), Failure> {
        self.spent.work = self.spent.work.saturating_add(steps);
        if self.spent.work > self.limit.work { Err(Failure::OverLimit) } else { Ok(()) }
    }
}
