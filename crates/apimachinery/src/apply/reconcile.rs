//! Sets of fields that were written under another schema: what became atomic since is owned as a whole.

use super::{
    path::PathElement,
    set::FieldSet,
    types::{Choice, Relation, Scalar, Type, TypeRef},
};

impl Type {
    /// The set as this type would have it; `None` when it already is so.
    pub(super) fn reconciled(&self, fields: &FieldSet) -> Option<FieldSet> {
        let mut wholes = FieldSet::default();
        visit(self, Some(fields), false, &mut Vec::new(), &mut wholes);
        (!wholes.is_empty()).then(|| fields.recursive_difference(&wholes).union(&wholes))
    }
}

/// `whole`: the value itself is in the set and nothing in it is.
fn visit(
    kind: &Type,
    fields: Option<&FieldSet>,
    whole: bool,
    path: &mut Vec<PathElement>,
    wholes: &mut FieldSet,
) {
    let choice = kind.of_value(None).choice();
    let became_atomic = match &choice {
        Choice::Map(map) if map.fields.is_empty() && map.others.as_ref().is_some_and(is_schemaless) => return,
        Choice::Map(map) => map.atomic && fields.is_some(),
        Choice::List(list) => list.relation == Relation::Atomic,
        _ => return,
    };
    if became_atomic && !whole {
        return wholes.insert(path);
    }
    for (step, member, below) in fields.into_iter().flat_map(FieldSet::steps) {
        let inner = match (&choice, step) {
            (Choice::Map(map), PathElement::Field(name)) if !map.atomic => map.field(name),
            (Choice::Map(map), _) if !map.atomic => map.others.as_ref().map(TypeRef::get),
            (Choice::List(list), _) => Some(TypeRef::get(&list.items)),
            _ => None,
        };
        if let Some(inner) = inner {
            let below = Some(below).filter(|below| !below.is_empty());
            path.push(step.clone());
            visit(inner, below, member && below.is_none(), path, wholes);
            path.pop();
        }
    }
}

/// Maps of anything have no schema to be reconciled with.
fn is_schemaless(kind: &TypeRef) -> bool {
    match kind {
        TypeRef::Deduced => true,
        TypeRef::Own(own) => own.scalar == Some(Scalar::Any),
        TypeRef::Untyped | TypeRef::Metadata => false,
    }
}
