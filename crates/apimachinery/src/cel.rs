//! The Common Expression Language as Kubernetes speaks it: what validation rules of definitions are written in.
//!
//! An expression is parsed (`parser`), its types are checked against what values are declared to be (`check`, [`Declared`]),
//! what it can cost is estimated (`estimate`), and it is evaluated on an object as it stands (`evaluate`). What a rule is, and
//! where it stands in a schema, only `schema::rules` knows.
//!
//! An own implementation, and not a crate, for three properties: an evaluation counts what it costs, in Kubernetes' units,
//! and ends when that is too much; a rule that speaks of fields that do not exist is refused when it is written; and no
//! expression, however deep, can exhaust the stack.
//!
//! Start reading at [`Program`].

mod check;
mod compare;
mod estimate;
mod evaluate;
mod lexer;
mod library;
mod meter;
mod parser;
mod price;
mod syntax;
mod types;
mod value;

use std::sync::Arc;

use self::{
    check::Environment,
    evaluate::Machine,
    meter::Meter,
    syntax::{Expression, Kind, Place},
    types::Type,
};
pub(crate) use self::{
    meter::{Expense, Failure},
    types::{Declared, DeclaredKind, Items},
    value::Value,
};

/// Most that one evaluation may take.
pub(crate) const MAX_EXPENSE: Expense = Expense { cost: 1_000_000, work: 10_000_000 };

/// A compiled expression.
#[derive(Debug)]
pub(crate) struct Program {
    expression: Expression,
    uses_old: bool,
    max_cost: u64,
}

/// What an expression is to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Bool,
    String,
}

/// Why an expression does not compile.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CompileError {
    /// It is wrong, with all places.
    Faults(String),
    /// It gives something else than what is wanted.
    Result,
}

impl Program {
    /// Compiles an expression about values that are declared so; `optional_old` makes `oldSelf` an optional.
    pub(crate) fn compile(
        source: &str,
        own: &Arc<Declared>,
        optional_old: bool,
        wanted: Wanted,
    ) -> Result<Program, CompileError> {
        let show = |faults: &[syntax::Fault]| {
            let shown: Vec<String> = faults.iter().map(|fault| fault.show(source)).collect();
            CompileError::Faults(shown.join("\n"))
        };
        let mut expression = parser::parse(source).map_err(|fault| show(&[fault]))?;
        let ty = own.as_type();
        let old = if optional_old { Type::optional(ty.clone()) } else { ty.clone() };
        check::check(&mut expression, &Environment { own: ty, old }).map_err(|faults| show(&faults))?;
        let is = match wanted {
            Wanted::Bool => matches!(expression.ty, Type::Bool),
            Wanted::String => matches!(expression.ty, Type::String),
        };
        if !is {
            return Err(CompileError::Result);
        }
        let uses_old = expression.any(&|kind| matches!(kind, Kind::Name(_, Place::Old)));
        let max_cost = estimate::cost(&expression, own);
        Ok(Program { expression, uses_old, max_cost })
    }

    /// Whether the expression speaks of `oldSelf`.
    pub(crate) fn uses_old(&self) -> bool {
        self.uses_old
    }

    /// Most that an evaluation can cost, by what values are declared to be.
    pub(crate) fn max_cost(&self) -> u64 {
        self.max_cost
    }

    /// Evaluates the expression within a limit; the second is what that took.
    pub(crate) fn evaluate<'a>(
        &self,
        own: &Value<'a>,
        old: Option<&Value<'a>>,
        limit: Expense,
    ) -> (Result<Value<'a>, Failure>, Expense) {
        let mut meter = Meter::new(limit);
        let mut machine = Machine { own, old, locals: Vec::new(), meter: &mut meter };
        let result = machine.value(&self.expression);
        (result, meter.spent())
    }
}

#[cfg(test)]
mod tests;
