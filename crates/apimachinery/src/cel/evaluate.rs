//! Evaluating expressions.
//!
//! INVARIANT: everything is counted by the [`Meter`] before it is done or while it goes on, and recursion is as deep as
//! the expression is high.

use std::collections::BTreeMap;

use super::{
    library::{Site, lists, operators},
    meter::{Failure, Meter},
    price,
    syntax::{Call, Expression, Fold, FoldKind, Kind, OnValue, Place, Select},
    value::{Key, Value},
};

/// What an expression speaks of, and what it may cost.
pub(super) struct Machine<'a, 'm> {
    pub(super) own: &'m Value<'a>,
    pub(super) old: Option<&'m Value<'a>>,
    pub(super) locals: Vec<Value<'a>>,
    pub(super) meter: &'m mut Meter,
}

type Result<'a> = std::result::Result<Value<'a>, Failure>;

impl<'a> Machine<'a, '_> {
    pub(super) fn value(&mut self, expression: &Expression) -> Result<'a> {
        match &expression.kind {
            Kind::Literal(literal) => Ok(literal.clone()),
            Kind::Name(name, place) => self.name(name, *place),
            Kind::Select { operand, field, mode } => self.select(operand, field, *mode),
            Kind::Call(call) => self.call(call),
            Kind::And(terms) => self.logic(terms, false),
            Kind::Or(terms) => self.logic(terms, true),
            Kind::Conditional(parts) => {
                let [condition, then, otherwise] = &**parts;
                let is = self.condition(condition)?;
                self.value(if is { then } else { otherwise })
            }
            Kind::List(items) => self.list(items),
            Kind::Map(entries) => self.map(entries),
            Kind::Fold(fold) => self.fold(fold),
            Kind::OnValue(on) => self.on_value(on),
        }
    }

    fn condition(&mut self, expression: &Expression) -> std::result::Result<bool, Failure> {
        match self.value(expression)? {
            Value::Bool(is) => Ok(is),
            _ => Err(Failure::no_such_overload()),
        }
    }

    fn name(&mut self, name: &str, place: Place) -> Result<'a> {
        self.meter.charge(1)?;
        let found = match place {
            Place::Own => Some(self.own),
            Place::Old => self.old,
            Place::Local(index) => self.locals.get(index),
            Place::Open => None,
        };
        found.cloned().ok_or_else(|| Failure::error(format!("no such attribute(s): {name}")))
    }

    fn select(&mut self, operand: &Expression, field: &str, mode: Select) -> Result<'a> {
        let operand = self.value(operand)?;
        if mode != Select::Test {
            self.meter.charge(1)?;
        }
        let (container, optional) = match &operand {
            Value::Optional(None) if mode == Select::Test => return Ok(Value::Bool(false)),
            Value::Optional(None) => return Ok(Value::Optional(None)),
            Value::Optional(Some(inner)) => (&**inner, true),
            other => (other, mode == Select::Optional),
        };
        let Value::Map(map) = container else { return Err(Failure::no_such_overload()) };
        let key = Key::String(super::value::Text::Shared(field.into()));
        let found = map.find(&key);
        match mode {
            Select::Test => Ok(Value::Bool(found.transpose()?.is_some())),
            _ if optional => found.transpose().map(Value::optional),
            _ => found.unwrap_or_else(|| Err(Failure::error(format!("no such key: {field}")))),
        }
    }

    fn call(&mut self, call: &Call) -> Result<'a> {
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            arguments.push(self.value(argument)?);
        }
        let overload = call.overloads.iter().find(|overload| {
            overload.method == call.method
                && overload.parameters.len() == arguments.len()
                && overload.parameters.iter().zip(&arguments).all(|(parameter, value)| value.fits(parameter))
        });
        let Some(overload) = overload else {
            // Kubernetes names functions here, but no operators.
            return Err(match call.function.starts_with('_') {
                true => Failure::no_such_overload(),
                false => Failure::error(format!("no such overload: {}", call.function)),
            });
        };
        // What a call costs by its arguments is paid before it is done.
        self.meter.charge(price::before(&call.function, &arguments))?;
        let mut site = Site { meter: self.meter, pattern: call.pattern.as_ref() };
        let result = (overload.run)(&arguments, &mut site)?;
        self.meter.charge(price::after(&call.function, &result))?;
        Ok(result)
    }

    /// `&&` and `||`: a term that decides does so whatever the others are, even errors.
    fn logic(&mut self, terms: &[Expression], decisive: bool) -> Result<'a> {
        let mut failure = None;
        for term in terms {
            match self.value(term) {
                Ok(Value::Bool(is)) if is == decisive => return Ok(Value::Bool(decisive)),
                Ok(Value::Bool(_)) => {}
                Ok(_) => failure = failure.or(Some(Failure::no_such_overload())),
                Err(Failure::OverLimit) => return Err(Failure::OverLimit),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    fn list(&mut self, items: &[(Expression, bool)]) -> Result<'a> {
        let mut values = Vec::with_capacity(items.len());
        for (item, optional) in items {
            match (self.value(item)?, optional) {
                (value, false) => values.push(value),
                (Value::Optional(inner), true) => values.extend(inner.map(|inner| Value::clone(&inner))),
                _ => {
                    return Err(Failure::error(
                        "cannot initialize optional list element from non-optional value",
                    ));
                }
            }
        }
        self.meter.charge(price::LIST)?;
        self.meter.work(values.len() as u64 * operators::LIST_ITEM_WORK)?;
        Ok(Value::list(values))
    }

    fn map(&mut self, entries: &[(Expression, Expression, bool)]) -> Result<'a> {
        let mut map = BTreeMap::new();
        for (key, value, optional) in entries {
            let key = self.value(key)?;
            let value = match (self.value(value)?, optional) {
                (value, false) => value,
                (Value::Optional(Some(inner)), true) => Value::clone(&inner),
                (Value::Optional(None), true) => continue,
                _ => return Err(Failure::error("cannot initialize optional entry from non-optional value")),
            };
            insert(&mut map, &key, value)?;
        }
        self.meter.charge(price::MAP)?;
        self.meter.work(map.len() as u64 * operators::LIST_ITEM_WORK)?;
        Ok(operators::made_map(map))
    }

    /// The elements that a macro goes over: item, or index and item; key, or key and value.
    fn elements(&mut self, fold: &Fold) -> std::result::Result<Vec<[Option<Value<'a>>; 2]>, Failure> {
        let two = fold.variables.len() == 2;
        let mut elements = Vec::new();
        match self.value(&fold.range)? {
            Value::List(list) => {
                self.meter.work(list.len() as u64 * operators::LIST_ITEM_WORK)?;
                for (index, item) in list.iter().enumerate() {
                    let item = item?;
                    let index = Value::Int(i64::try_from(index).unwrap_or(i64::MAX));
                    elements.push(if two { [Some(index), Some(item)] } else { [Some(item), None] });
                }
            }
            Value::Map(map) => {
                self.meter.work(map.len() as u64 * operators::LIST_ITEM_WORK)?;
                for key in map.keys() {
                    let value = if two { map.find(&key).transpose()? } else { None };
                    elements.push([Some(key.value()), value]);
                }
            }
            _ => return Err(Failure::error("unsupported comprehension range type")),
        }
        Ok(elements)
    }

    fn fold(&mut self, fold: &Fold) -> Result<'a> {
        let elements = self.elements(fold)?;
        let depth = self.locals.len();
        let result = self.fold_elements(fold, elements);
        self.locals.truncate(depth);
        result
    }

    fn fold_elements(&mut self, fold: &Fold, elements: Vec<[Option<Value<'a>>; 2]>) -> Result<'a> {
        let depth = self.locals.len();
        let mut made = Made::new(fold.kind);
        for element in elements {
            self.meter.charge(price::PASSED_BY)?;
            self.meter.work(1)?;
            self.locals.truncate(depth);
            self.locals.extend(element.iter().flatten().cloned());
            if let Some(filter) = &fold.filter
                && !self.condition(filter)?
            {
                continue;
            }
            let body = self.value(&fold.body);
            let counts = match fold.kind {
                FoldKind::Filter | FoldKind::ExistsOne => matches!(body, Ok(Value::Bool(true))),
                _ => true,
            };
            if counts {
                self.meter.charge(price::step(fold.kind, fold.filter.is_some()) - price::PASSED_BY)?;
            }
            let [first, _] = element;
            if self.take(&mut made, first, body)? {
                break;
            }
        }
        self.meter.charge(price::end(fold.kind))?;
        self.finish(made)
    }

    /// Takes what the body gave for an element; `true` ends the loop.
    fn take(
        &mut self,
        made: &mut Made<'a>,
        element: Option<Value<'a>>,
        body: Result<'a>,
    ) -> std::result::Result<bool, Failure> {
        let truth = |body: Result<'a>| match body {
            Ok(Value::Bool(is)) => Ok(is),
            Ok(_) => Err(Failure::no_such_overload()),
            Err(failure) => Err(failure),
        };
        match made {
            Made::Quantified { decisive, decided, failure } => match truth(body) {
                Ok(is) => {
                    *decided = is == *decisive;
                    return Ok(*decided);
                }
                Err(Failure::OverLimit) => return Err(Failure::OverLimit),
                Err(error) => *failure = failure.take().or(Some(error)),
            },
            Made::Count(count) => *count += usize::from(truth(body)?),
            Made::Filtered(items) => {
                if truth(body)? {
                    items.extend(element);
                }
            }
            Made::Items(items) => items.push(body?),
            Made::Values(map) => {
                let value = body?;
                let Some(key) = element else { return Ok(false) };
                insert(map, &key, value)?;
            }
            Made::Entries(map) => {
                let Value::Map(entries) = body? else { return Err(Failure::no_such_overload()) };
                self.meter.work(entries.len() as u64 * operators::LIST_ITEM_WORK)?;
                for key in entries.keys() {
                    if let Some(value) = entries.find(&key) {
                        insert(map, &key.value(), value?)?;
                    }
                }
            }
            Made::Keyed(keyed) => {
                let key = body?;
                keyed.extend(element.map(|element| (key, element)));
            }
        }
        Ok(false)
    }

    fn finish(&mut self, made: Made<'a>) -> Result<'a> {
        Ok(match made {
            Made::Quantified { decisive, decided: true, .. } => Value::Bool(decisive),
            Made::Quantified { failure: Some(failure), .. } => return Err(failure),
            Made::Quantified { decisive, .. } => Value::Bool(!decisive),
            Made::Count(count) => Value::Bool(count == 1),
            Made::Filtered(items) | Made::Items(items) => Value::list(items),
            Made::Values(map) | Made::Entries(map) => operators::made_map(map),
            Made::Keyed(keyed) => {
                let mut site = Site { meter: self.meter, pattern: None };
                return lists::sort_by_keys(keyed, &mut site);
            }
        })
    }

    fn on_value(&mut self, on: &OnValue) -> Result<'a> {
        let inner = match self.value(&on.optional)? {
            Value::Optional(Some(inner)) => inner,
            Value::Optional(None) => return Ok(Value::Optional(None)),
            _ => return Err(Failure::no_such_overload()),
        };
        self.meter.charge(price::ON_VALUE)?;
        self.locals.push(Value::clone(&inner));
        let result = self.value(&on.body);
        self.locals.pop();
        Ok(if on.flat { result? } else { Value::optional(Some(result?)) })
    }
}

/// What a macro has made so far.
enum Made<'a> {
    /// `all` and `exists`.
    Quantified {
        /// Which truth ends it.
        decisive: bool,
        decided: bool,
        failure: Option<Failure>,
    },
    Count(usize),
    Filtered(Vec<Value<'a>>),
    Items(Vec<Value<'a>>),
    Values(BTreeMap<Key<'a>, Value<'a>>),
    Entries(BTreeMap<Key<'a>, Value<'a>>),
    /// Elements by what they are sorted by.
    Keyed(Vec<(Value<'a>, Value<'a>)>),
}

impl Made<'_> {
    fn new(kind: FoldKind) -> Self {
        match kind {
            FoldKind::All => Made::Quantified { decisive: false, decided: false, failure: None },
            FoldKind::Exists => Made::Quantified { decisive: true, decided: false, failure: None },
            FoldKind::ExistsOne => Made::Count(0),
            FoldKind::Filter => Made::Filtered(Vec::new()),
            FoldKind::Map => Made::Items(Vec::new()),
            FoldKind::TransformMap => Made::Values(BTreeMap::new()),
            FoldKind::TransformEntries => Made::Entries(BTreeMap::new()),
            FoldKind::SortBy => Made::Keyed(Vec::new()),
        }
    }
}

fn insert<'a>(
    map: &mut BTreeMap<Key<'a>, Value<'a>>,
    key: &Value<'a>,
    value: Value<'a>,
) -> std::result::Result<(), Failure> {
    let key = Key::of(key).ok_or_else(|| Failure::error("unsupported key type"))?;
    if map.contains_key(&key) {
        return Err(Failure::error(format!(
            "insert failed: key {} already exists",
            operators::shown(&key.value())
        )));
    }
    map.insert(key, value);
    Ok(())
}
