//! Sets of fields, and their form in `fieldsV1`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    path::PathElement,
    types::{Type, TypeRef},
};

/// A set of fields of an object. That a field is in it says nothing of its parents or of what is in it.
///
/// INVARIANT: every node is a member or has members below it, so equal sets are equal trees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet(BTreeMap<PathElement, Node>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    member: bool,
    below: FieldSet,
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }
}

impl FieldSet {
    /// The set of these paths.
    pub fn of_fields(paths: &[&[&str]]) -> Self {
        let mut set = FieldSet::default();
        for path in paths {
            let path: Vec<_> = path.iter().map(|name| PathElement::Field((*name).to_owned())).collect();
            set.insert(&path);
        }
        set
    }
    /// Adds a field; the object as a whole (the empty path) is no field.
    pub fn insert(&mut self, path: &[PathElement]) {
        let Some((first, rest)) = path.split_first() else { return };
        if !self.0.contains_key(first) {
            self.0.insert(first.clone(), Node::default());
        }
        if let Some(node) = self.0.get_mut(first) {
            if rest.is_empty() {
                node.member = true;
            } else {
                node.below.insert(rest);
            }
        }
    }
    /// Whether a field is in the set.
    pub fn has(&self, path: &[PathElement]) -> bool {
        let Some((first, rest)) = path.split_first() else { return false };
        self.0.get(first).is_some_and(|node| if rest.is_empty() { node.member } else { node.below.has(rest) })
    }
    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// What is in it below a step; `None` if nothing is.
    pub(super) fn below(&self, step: &PathElement) -> Option<&FieldSet> {
        self.0.get(step).map(|node| &node.below).filter(|below| !below.is_empty())
    }
    /// Whether this step itself is a member.
    pub(super) fn has_step(&self, step: &PathElement) -> bool {
        self.0.get(step).is_some_and(|node| node.member)
    }
    /// Every step with whether it is a member, and what is below it.
    pub(super) fn steps(&self) -> impl Iterator<Item = (&PathElement, bool, &FieldSet)> {
        self.0.iter().map(|(step, node)| (step, node.member, &node.below))
    }
    /// Every member's path: on each level first its members, then what is below, both in order.
    pub fn paths(&self) -> Vec<Vec<PathElement>> {
        let mut paths = Vec::new();
        self.collect(&mut Vec::new(), &mut paths);
        paths
    }
    fn collect(&self, prefix: &mut Vec<PathElement>, paths: &mut Vec<Vec<PathElement>>) {
        for (step, _) in self.0.iter().filter(|(_, node)| node.member) {
            paths.push(prefix.iter().chain([step]).cloned().collect());
        }
        for (step, node) in &self.0 {
            prefix.push(step.clone());
            node.below.collect(prefix, paths);
            prefix.pop();
        }
    }
    /// What is in either.
    pub fn union(&self, other: &FieldSet) -> FieldSet {
        let mut all = self.clone();
        all.extend(other);
        all
    }
    fn extend(&mut self, other: &FieldSet) {
        for (step, theirs) in &other.0 {
            match self.0.get_mut(step) {
                Some(own) => {
                    own.member |= theirs.member;
                    own.below.extend(&theirs.below);
                }
                None => {
                    self.0.insert(step.clone(), theirs.clone());
                }
            }
        }
    }
    /// What is in both.
    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        self.combined(other, &|own, theirs| Node {
            member: own.member && theirs.is_some_and(|theirs| theirs.member),
            below: theirs.map_or_else(FieldSet::default, |theirs| own.below.intersection(&theirs.below)),
        })
    }
    /// What is in this set and not in the other; a parent in the other takes nothing of what is below it.
    pub fn difference(&self, other: &FieldSet) -> FieldSet {
        self.combined(other, &|own, theirs| match theirs {
            None => own.clone(),
            Some(theirs) => {
                Node { member: own.member && !theirs.member, below: own.below.difference(&theirs.below) }
            }
        })
    }
    /// The same, but a parent in the other set takes everything below it.
    pub fn recursive_difference(&self, other: &FieldSet) -> FieldSet {
        self.combined(other, &|own, theirs| match theirs {
            None => own.clone(),
            Some(theirs) if theirs.member => Node::default(),
            Some(theirs) => Node { member: own.member, below: own.below.recursive_difference(&theirs.below) },
        })
    }
    fn combined(&self, other: &FieldSet, combine: &dyn Fn(&Node, Option<&Node>) -> Node) -> FieldSet {
        let nodes = self.0.iter().filter_map(|(step, own)| {
            let node = combine(own, other.0.get(step));
            (!node.is_empty()).then(|| (step.clone(), node))
        });
        FieldSet(nodes.collect())
    }
    /// The set with those parents of its members that the type names (as opposed to keys of maps).
    pub(super) fn with_named_parents(&self, kind: Option<&Type>) -> FieldSet {
        let nodes = self.0.iter().map(|(step, node)| {
            let mut member = node.member;
            let child = match step {
                PathElement::Field(name) => kind.and_then(|kind| kind.map.as_ref()).and_then(|map| {
                    member |= !node.below.is_empty() && map.fields.contains_key(name);
                    map.field(name)
                }),
                PathElement::Key(_) => {
                    kind.and_then(|kind| kind.list.as_ref()).map(|list| TypeRef::get(&list.items))
                }
                _ => None,
            };
            (step.clone(), Node { member, below: node.below.with_named_parents(child) })
        });
        FieldSet(nodes.collect())
    }

    /// The value of `fieldsV1`: an object with a key for each step, `{}` for a member without members below, `"."` in one
    /// that has some.
    pub fn to_value(&self) -> Value {
        Value::Object(self.to_map(false))
    }
    fn to_map(&self, itself: bool) -> Map<String, Value> {
        let mut map = Map::new();
        if itself && !self.is_empty() {
            map.insert(".".into(), Value::Object(Map::new()));
        }
        for (step, node) in &self.0 {
            map.insert(step.serialized(), Value::Object(node.below.to_map(node.member)));
        }
        map
    }
    /// Reads the value of `fieldsV1`.
    pub fn from_value(value: &Value) -> Result<Self, String> {
        Ok(read(value)?.0)
    }
}

/// A set and whether the field it is below of is a member, too.
fn read(value: &Value) -> Result<(FieldSet, bool), String> {
    let Value::Object(map) = value else { return Err("a set of fields must be an object".into()) };
    let (mut set, mut member) = (FieldSet::default(), false);
    for (key, value) in map {
        if key == "." {
            member = true;
        } else if let Some(step) = PathElement::parse(key)? {
            let (below, is_member) = read(value)?;
            set.0.insert(step, Node { member: is_member, below });
        }
    }
    let member = member || set.is_empty();
    Ok((set, member))
}
