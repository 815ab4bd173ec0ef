//! What an expression can cost at most, by what its values are declared to be.

use std::sync::Arc;

use super::{
    price,
    syntax::{Call, Expression, Fold, FoldKind, Kind, Place, Select},
    types::{Declared, DeclaredKind, Type},
    value::Value,
};

/// What an expression gives, as far as its size goes.
#[derive(Clone, Debug, Default)]
struct Estimate {
    cost: u64,
    /// Most elements or characters of the value, where the expression tells.
    size: Option<u64>,
    /// The size of the value's own keys and values, where the expression tells.
    inside: Option<[u64; 2]>,
    /// Which declared value it is.
    declared: Option<Arc<Declared>>,
    scalar: bool,
}

impl Estimate {
    fn size(&self) -> u64 {
        let declared = self.declared.as_ref().map(|declared| declared.max_elements);
        self.size.or(declared).unwrap_or(if self.scalar { 1 } else { u64::MAX })
    }

    /// An item or a value of a map.
    fn element(&self) -> Estimate {
        let declared = match self.declared.as_ref().map(|declared| &declared.kind) {
            Some(DeclaredKind::List(item, _) | DeclaredKind::Map(item)) => Some(item.clone()),
            _ => None,
        };
        Estimate { size: self.inside.map(|[_, value]| value), declared, ..Estimate::default() }
    }

    /// The size of an item, where it is declared; Kubernetes looks at nothing else here.
    fn declared_item(&self) -> u64 {
        self.element().declared.map_or(u64::MAX, |item| item.max_elements)
    }

    /// A key of a map.
    fn key(&self) -> Estimate {
        // A key of a declared map is a text without a bound of its own.
        let declared = self.declared.as_ref().map(|_| 0);
        Estimate { size: self.inside.map(|[key, _]| key).or(declared), ..Estimate::default() }
    }
}

/// Most that evaluating an expression can cost. `own` is what `self` is declared to be.
pub(super) fn cost(expression: &Expression, own: &Arc<Declared>) -> u64 {
    Estimator { own, locals: Vec::new() }.visit(expression).cost
}

struct Estimator<'e> {
    own: &'e Arc<Declared>,
    locals: Vec<Estimate>,
}

impl Estimator<'_> {
    fn visit(&mut self, expression: &Expression) -> Estimate {
        let estimate = match &expression.kind {
            Kind::Literal(literal) => Estimate { size: Some(literal.size()), ..Estimate::default() },
            Kind::Name(_, place) => {
                let mut named = match place {
                    Place::Local(index) => self.locals.get(*index).cloned().unwrap_or_default(),
                    _ => Estimate { declared: Some(self.own.clone()), ..Estimate::default() },
                };
                named.cost = 1;
                named
            }
            Kind::Select { operand, field, mode } => self.select(operand, field, *mode),
            Kind::Call(call) => self.call(call),
            Kind::And(terms) | Kind::Or(terms) => Estimate { cost: self.sum(terms), ..Estimate::default() },
            Kind::Conditional(parts) => {
                let [condition, then, otherwise] = &**parts;
                let condition = self.visit(condition).cost;
                let (then, otherwise) = (self.visit(then), self.visit(otherwise));
                Estimate {
                    cost: condition.saturating_add(then.cost.max(otherwise.cost)),
                    size: Some(then.size().max(otherwise.size())),
                    inside: larger(then.inside, otherwise.inside),
                    ..Estimate::default()
                }
            }
            Kind::List(items) => {
                let mut list =
                    Estimate { cost: price::LIST, size: Some(items.len() as u64), ..Estimate::default() };
                let mut item_size = 0;
                for (item, _) in items {
                    let item = self.visit(item);
                    list.cost = list.cost.saturating_add(item.cost);
                    item_size = item.size().max(item_size);
                }
                list.inside = Some([1, item_size]);
                list
            }
            Kind::Map(entries) => {
                let mut map =
                    Estimate { cost: price::MAP, size: Some(entries.len() as u64), ..Estimate::default() };
                let mut inside = [0, 0];
                for (key, value, _) in entries {
                    let (key, value) = (self.visit(key), self.visit(value));
                    map.cost = map.cost.saturating_add(key.cost).saturating_add(value.cost);
                    inside = [key.size().max(inside[0]), value.size().max(inside[1])];
                }
                map.inside = Some(inside);
                map
            }
            Kind::Fold(fold) => self.fold(fold),
            Kind::OnValue(on) => {
                let optional = self.visit(&on.optional);
                let target = optional.cost;
                self.locals.push(Estimate { cost: 0, ..optional });
                let body = self.visit(&on.body);
                self.locals.pop();
                let cost = target.saturating_mul(2).saturating_add(body.cost).saturating_add(price::ON_VALUE);
                Estimate { cost, size: body.size, ..Estimate::default() }
            }
        };
        Estimate { scalar: is_scalar(&expression.ty), ..estimate }
    }

    fn sum(&mut self, expressions: &[Expression]) -> u64 {
        expressions.iter().fold(0, |sum, one| self.visit(one).cost.saturating_add(sum))
    }

    fn select(&mut self, operand: &Expression, field: &str, mode: Select) -> Estimate {
        let estimate = self.visit(operand);
        let pays = match mode {
            Select::Test => false,
            Select::Optional => true,
            Select::Plain => matches!(operand.ty, Type::Map(..) | Type::Object(_) | Type::Optional(_)),
        };
        let declared = match estimate.declared.as_ref() {
            Some(declared) if matches!(declared.kind, DeclaredKind::Map(_)) => estimate.element().declared,
            Some(declared) => declared.field(field).cloned(),
            None => None,
        };
        Estimate { cost: estimate.cost.saturating_add(u64::from(pays)), declared, ..Estimate::default() }
    }

    fn call(&mut self, call: &Call) -> Estimate {
        let arguments: Vec<Estimate> = call.arguments.iter().map(|argument| self.visit(argument)).collect();
        let paid = arguments.iter().fold(0_u64, |sum, one| sum.saturating_add(one.cost));
        if let ("dyn", [only]) = (call.function.as_str(), arguments.as_slice()) {
            return Estimate { cost: paid.saturating_add(1), ..only.clone() };
        }
        let size = |index: usize| arguments.get(index).map_or(1, Estimate::size);
        let ty = |index: usize| call.arguments.get(index).map_or(&Type::Dyn, |argument| &argument.ty);
        let result = |size: u64| Estimate { size: Some(size), ..Estimate::default() };
        let (cost, mut estimate) = match call.function.as_str() {
            "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => {
                let cost = match ty(0) {
                    Type::List(item) if matches!(**item, Type::String | Type::Bytes) => {
                        let item = arguments.first().map_or(u64::MAX, Estimate::declared_item);
                        size(0).saturating_mul(item.div_ceil(10).saturating_add(1))
                    }
                    Type::List(_) => size(0),
                    _ => size(0).div_ceil(10),
                };
                (cost, Estimate::default())
            }
            // What is compared is the argument here, the text when it is evaluated.
            "startsWith" | "endsWith" => (size(1).div_ceil(10), Estimate::default()),
            "validate" => (size(1).div_ceil(10).saturating_mul(32), Estimate::default()),
            "join" => {
                let item = arguments.first().map_or(u64::MAX, Estimate::declared_item);
                let separators = if arguments.len() > 1 { size(1) } else { 0 };
                let joined = size(0).saturating_mul(item);
                let joined = joined.saturating_add(separators.saturating_mul(size(0).saturating_sub(1)));
                (joined.div_ceil(10), result(joined))
            }
            "replace" => (price::call("replace", size), result(self.replaced(call, &arguments))),
            "lists.range" => {
                let count = whole(call.arguments.first()).unwrap_or(u64::MAX);
                (count.saturating_add(1 + price::LIST), result(count))
            }
            "sort" | "distinct" => {
                let texts = call.function == "sort"
                    && matches!(ty(0), Type::List(item) if matches!(**item, Type::String | Type::Bytes));
                (price::self_comparison(size(0), texts), result(size(0).saturating_mul(size(0))))
            }
            "slice" => {
                let end = whole(call.arguments.get(2)).unwrap_or(size(0));
                let count = end.saturating_sub(whole(call.arguments.get(1)).unwrap_or(0));
                (count.saturating_add(1 + price::LIST), result(count))
            }
            "flatten" => {
                let depth =
                    if arguments.len() > 1 { whole(call.arguments.get(1)).unwrap_or(u64::MAX) } else { 1 };
                (size(0).saturating_mul(depth).saturating_add(1 + price::LIST), result(size(0)))
            }
            "reverse" => (price::call("reverse", size), result(size(0))),
            "_+_" if matches!(ty(0), Type::List(_)) => {
                let mut sum = result(size(0).saturating_add(size(1)));
                let [left, right] = [0, 1].map(|index| arguments.get(index).and_then(|one| one.inside));
                sum.inside = larger(left, right);
                (1, sum)
            }
            "_+_" if matches!(ty(0), Type::String | Type::Bytes | Type::Dyn) => {
                (price::call("_+_", size), result(size(0).saturating_add(size(1))))
            }
            "_+_" => (1, Estimate::default()),
            "@in" if matches!(ty(1), Type::Map(..)) => (1, Estimate::default()),
            "ip" if matches!(ty(0), Type::Opaque(_)) => (1, Estimate::default()),
            "_==_" if matches!(ty(0), Type::Opaque(opaque) if price::is_flat(*opaque)) => {
                (1, Estimate::default())
            }
            "_[_]" | "_[?_]" => (1, arguments.first().map(Estimate::element).unwrap_or_default()),
            "bytes" | "string"
                if matches!(ty(0), Type::String | Type::Bytes) && ty(0) != &call_result(call) =>
            {
                (size(0).div_ceil(10), result(size(0).saturating_mul(4)))
            }
            function @ ("lowerAscii" | "upperAscii" | "substring" | "trim" | "url" | "split" | "find"
            | "findAll") => (price::call(function, size), result(size(0))),
            function => (price::call(function, size), Estimate::default()),
        };
        estimate.cost = cost.saturating_add(paid);
        estimate
    }

    /// The longest text that replacing can give.
    fn replaced(&self, call: &Call, arguments: &[Estimate]) -> u64 {
        let size = |index: usize| arguments.get(index).map_or(u64::MAX, Estimate::size);
        // Only a literal tells how short what is replaced can be.
        let shortest = match call.arguments.get(1).map(|old| &old.kind) {
            Some(Kind::Literal(Value::String(_))) => size(1),
            _ => 0,
        };
        match shortest {
            0 => size(0).saturating_add(1).saturating_mul(size(2)).saturating_add(size(0)),
            shortest if size(2) <= shortest => size(0),
            shortest => size(0).div_ceil(shortest).saturating_mul(size(2)),
        }
    }

    fn fold(&mut self, fold: &Fold) -> Estimate {
        let range = self.visit(&fold.range);
        let count = range.size();
        let over_map = matches!(fold.range.ty, Type::Map(..));
        let index = Estimate { size: Some(1), ..Estimate::default() };
        let depth = self.locals.len();
        match (fold.variables.len(), over_map) {
            (1, true) => self.locals.push(range.key()),
            (1, false) => self.locals.push(range.element()),
            (_, true) => self.locals.extend([range.key(), range.element()]),
            (_, false) => self.locals.extend([index, range.element()]),
        }
        if let (Some(item), Type::List(ty)) = (self.locals.last_mut(), &fold.range.ty) {
            item.scalar = is_scalar(ty);
        }
        let item_size = self.locals.get(depth).map_or(u64::MAX, Estimate::size);
        let filter = fold.filter.as_ref().map_or(0, |filter| self.visit(filter).cost);
        let body = self.visit(&fold.body);
        self.locals.truncate(depth);
        let step = price::step(fold.kind, fold.filter.is_some());
        let each = step.saturating_add(filter).saturating_add(body.cost);
        let sorting = match fold.kind {
            FoldKind::SortBy => {
                price::self_comparison(count, matches!(body_type(fold), Type::String | Type::Bytes))
            }
            _ => 0,
        };
        let cost = range
            .cost
            .saturating_add(price::end(fold.kind))
            .saturating_add(count.saturating_mul(each))
            .saturating_add(sorting);
        let (size, inside) = match fold.kind {
            FoldKind::All | FoldKind::Exists | FoldKind::ExistsOne => (1, None),
            FoldKind::Filter | FoldKind::SortBy => (count, Some([1, item_size])),
            FoldKind::Map => (count, Some([1, body.size()])),
            FoldKind::TransformMap | FoldKind::TransformEntries => (count, None),
        };
        Estimate { cost, size: Some(size), inside, ..Estimate::default() }
    }
}

fn body_type(fold: &Fold) -> &Type {
    &fold.body.ty
}

/// The type a conversion gives.
fn call_result(call: &Call) -> Type {
    if call.function == "bytes" { Type::Bytes } else { Type::String }
}

fn larger(left: Option<[u64; 2]>, right: Option<[u64; 2]>) -> Option<[u64; 2]> {
    let ([left_key, left_value], [right_key, right_value]) = (left?, right?);
    Some([left_key.max(right_key), left_value.max(right_value)])
}

/// A literal that is no negative number.
fn whole(expression: Option<&Expression>) -> Option<u64> {
    match expression?.kind {
        Kind::Literal(Value::Int(number)) => Some(u64::try_from(number).unwrap_or(0)),
        _ => None,
    }
}

fn is_scalar(ty: &Type) -> bool {
    match ty {
        Type::Bool | Type::Int | Type::Uint | Type::Double | Type::Duration | Type::Timestamp => true,
        Type::Optional(inner) => is_scalar(inner),
        _ => false,
    }
}
