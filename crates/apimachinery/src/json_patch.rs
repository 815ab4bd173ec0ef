//! JSON patch, RFC 6902, with JSON pointers, RFC 6901.

use std::borrow::Cow;

use serde_json::Value;

use crate::{
    json::MAX_DEPTH,
    patch::{MAX_CARRIED_BYTES, MAX_JSON_PATCH_OPERATIONS, PatchError},
    status::quote,
};

/// Applies a JSON patch: all of it, or on error nothing.
///
/// Where the RFC leaves room or its library is lenient, this does as Kubernetes: a negative index counts from the end, `replace`
/// of a key that is not there sets it, a `copy` of one copies null, and an operation without a value means null.
pub fn json_patch(target: &mut Value, patch: &Value) -> Result<(), PatchError> {
    let none = Vec::new();
    let operations = if patch.is_null() { Some(&none) } else { patch.as_array() };
    let Some(operations) = operations.filter(|operations| operations.iter().all(Value::is_object)) else {
        return Err(PatchError::Malformed("a JSON patch must be a list of operations".into()));
    };
    if operations.len() > MAX_JSON_PATCH_OPERATIONS {
        return Err(PatchError::TooLarge(format!(
            "a JSON patch may have at most {MAX_JSON_PATCH_OPERATIONS} operations, this one has {}",
            operations.len()
        )));
    }
    let mut draft = Draft { root: target.clone(), carried_bytes: 0 };
    for (index, operation) in operations.iter().enumerate() {
        draft.apply(operation).map_err(|error| match error {
            PatchError::Malformed(fault) => PatchError::Malformed(format!("operation {index}: {fault}")),
            PatchError::NotApplicable(fault) => {
                PatchError::NotApplicable(format!("operation {index}: {fault}"))
            }
            PatchError::TooLarge(fault) => PatchError::TooLarge(format!("operation {index}: {fault}")),
            other => other,
        })?;
    }
    *target = draft.root;
    Ok(())
}

/// The patched tree in the making.
struct Draft {
    root: Value,
    carried_bytes: usize,
}

impl Draft {
    fn apply(&mut self, operation: &Value) -> Result<(), PatchError> {
        let path = Pointer::of(operation, "path")?;
        let value = operation.get("value").unwrap_or(&Value::Null);
        match operation.get("op").and_then(Value::as_str).unwrap_or_default() {
            "add" => self.add(&path, value.clone()),
            "remove" => self.remove(&path).map(drop),
            "replace" => {
                check_size(value, path.tokens.len(), usize::MAX)?;
                match self.parent_mut(&path)? {
                    (Value::Object(map), last) => {
                        map.insert(last.to_owned(), value.clone());
                    }
                    (Value::Array(items), last) => {
                        let index = path.index(last, items.len())?;
                        items[index] = value.clone();
                    }
                    _ => return Err(path.missing()),
                }
                Ok(())
            }
            "move" => {
                let from = Pointer::of(operation, "from")?;
                if path.tokens.len() > from.tokens.len() && path.tokens.starts_with(&from.tokens) {
                    return Err(not_applicable(format!("cannot move {} into itself", quote(from.text))));
                }
                self.carry(&from, &path)?;
                let value = self.remove(&from)?;
                self.add(&path, value)
            }
            "copy" => {
                let from = Pointer::of(operation, "from")?;
                self.carry(&from, &path)?;
                let value = self.get(&from)?.cloned().unwrap_or_default();
                self.add(&path, value)
            }
            "test" => match equal(self.get(&path)?.unwrap_or(&Value::Null), value) {
                true => Ok(()),
                false => Err(not_applicable(format!("testing value {} failed", quote(path.text)))),
            },
            "" => Err(not_applicable("\"op\" is missing")),
            other => Err(not_applicable(format!("unknown operation {}", quote(other)))),
        }
    }

    /// What a pointer leads to; nothing where the last step is a key that is not there.
    fn get(&self, pointer: &Pointer<'_>) -> Result<Option<&Value>, PatchError> {
        let Some((last, parents)) = pointer.tokens.split_last() else { return Err(pointer.missing()) };
        let parent = parents.iter().try_fold(&self.root, |value, token| match value {
            Value::Object(map) => map.get(token.as_ref()).ok_or_else(|| pointer.missing()),
            Value::Array(items) => {
                items.get(pointer.index(token, items.len())?).ok_or_else(|| pointer.missing())
            }
            _ => Err(pointer.missing()),
        })?;
        match parent {
            Value::Object(map) => Ok(map.get(last.as_ref())),
            Value::Array(items) => Ok(items.get(pointer.index(last, items.len())?)),
            _ => Err(pointer.missing()),
        }
    }

    /// What holds the value that a pointer leads to, and the value's key or index there.
    fn parent_mut<'a>(
        &'a mut self,
        pointer: &'a Pointer<'_>,
    ) -> Result<(&'a mut Value, &'a str), PatchError> {
        let Some((last, parents)) = pointer.tokens.split_last() else { return Err(pointer.missing()) };
        Ok((Self::walk_mut(&mut self.root, pointer, parents)?, last))
    }

    fn walk_mut<'a>(
        root: &'a mut Value,
        pointer: &Pointer<'_>,
        tokens: &[Cow<'_, str>],
    ) -> Result<&'a mut Value, PatchError> {
        tokens.iter().try_fold(root, |value, token| match value {
            Value::Object(map) => map.get_mut(token.as_ref()).ok_or_else(|| pointer.missing()),
            Value::Array(items) => {
                let index = pointer.index(token, items.len())?;
                items.get_mut(index).ok_or_else(|| pointer.missing())
            }
            _ => Err(pointer.missing()),
        })
    }

    fn add(&mut self, pointer: &Pointer<'_>, value: Value) -> Result<(), PatchError> {
        check_size(&value, pointer.tokens.len(), usize::MAX)?;
        match self.parent_mut(pointer)? {
            (Value::Object(map), last) => {
                map.insert(last.to_owned(), value);
            }
            (Value::Array(items), last) => {
                let index = if last == "-" { items.len() } else { pointer.index(last, items.len() + 1)? };
                items.insert(index, value);
            }
            _ => return Err(pointer.missing()),
        }
        Ok(())
    }

    fn remove(&mut self, pointer: &Pointer<'_>) -> Result<Value, PatchError> {
        match self.parent_mut(pointer)? {
            (Value::Object(map), last) => map.remove(last).ok_or_else(|| pointer.missing()),
            (Value::Array(items), last) => {
                let index = pointer.index(last, items.len())?;
                Ok(items.remove(index))
            }
            _ => Err(pointer.missing()),
        }
    }

    /// Charges what a copy or move carries to the patch's budget, before it is carried.
    fn carry(&mut self, from: &Pointer<'_>, to: &Pointer<'_>) -> Result<(), PatchError> {
        let left = MAX_CARRIED_BYTES - self.carried_bytes;
        let carried = self.get(from)?.unwrap_or(&Value::Null);
        self.carried_bytes += check_size(carried, to.tokens.len(), left)?;
        Ok(())
    }
}

/// A JSON pointer, taken apart.
struct Pointer<'a> {
    text: &'a str,
    tokens: Vec<Cow<'a, str>>,
}

impl<'a> Pointer<'a> {
    fn of(operation: &'a Value, field: &str) -> Result<Self, PatchError> {
        let text = operation.get(field).and_then(Value::as_str);
        let text = text.ok_or_else(|| not_applicable(format!("{} is missing", quote(field))))?;
        let rest = text.strip_prefix('/').ok_or_else(|| {
            not_applicable(format!("{} is no pointer into the object: it must start with /", quote(text)))
        })?;
        Ok(Pointer { text, tokens: rest.split('/').map(unescape).collect() })
    }

    fn missing(&self) -> PatchError {
        not_applicable(format!("nothing is at path {}", quote(self.text)))
    }

    /// An index below `length`; a negative one counts from there.
    fn index(&self, token: &str, length: usize) -> Result<usize, PatchError> {
        let index = token.parse::<i64>().ok().and_then(|index| match index {
            0.. => usize::try_from(index).ok(),
            _ => length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
        });
        index.filter(|index| *index < length).ok_or_else(|| {
            not_applicable(format!("{} is no index of the list in path {}", quote(token), quote(self.text)))
        })
    }
}

fn not_applicable(fault: impl Into<String>) -> PatchError {
    PatchError::NotApplicable(fault.into())
}

/// `~1` is a slash and `~0` a tilde; any other tilde is itself.
fn unescape(token: &str) -> Cow<'_, str> {
    if !token.contains('~') {
        return Cow::Borrowed(token);
    }
    Cow::Owned(token.replace("~1", "/").replace("~0", "~"))
}

/// Equality by value, as the RFC wants it: 1 and 1.0 are the same number.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || (left.is_f64() != right.is_f64() && left.as_f64() == right.as_f64())
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| equal(value, other)))
        }
        (left, right) => left == right,
    }
}

/// The size of a value in bytes of JSON, roughly; refused where it exceeds `limit_bytes` or nests deeper than a body
/// may when it stands at `depth`. (Without the second check, moves could nest a tree until recursion ends the process.)
fn check_size(value: &Value, depth: usize, limit_bytes: usize) -> Result<usize, PatchError> {
    if depth > MAX_DEPTH {
        return Err(PatchError::TooLarge(format!("the result nests deeper than {MAX_DEPTH} levels")));
    }
    let mut size_bytes = 2;
    match value {
        Value::String(text) => size_bytes += text.len(),
        Value::Array(items) => {
            for item in items {
                size_bytes += 1 + check_size(item, depth + 1, limit_bytes.saturating_sub(size_bytes))?;
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                size_bytes += 4 + key.len();
                size_bytes += check_size(item, depth + 1, limit_bytes.saturating_sub(size_bytes))?;
            }
        }
        _ => size_bytes += 4,
    }
    if size_bytes > limit_bytes {
        return Err(PatchError::TooLarge(format!(
            "copy and move may carry at most {MAX_CARRIED_BYTES} bytes in one patch"
        )));
    }
    Ok(size_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn check(target: Value, patch: Value, expect: Value) {
        let mut result = target.clone();
        assert_eq!(json_patch(&mut result, &patch), Ok(()), "{target} + {patch}");
        assert_eq!(result, expect, "{target} + {patch}");
    }

    fn refused(target: &Value, patch: &Value) -> PatchError {
        let mut result = target.clone();
        let error = json_patch(&mut result, patch).expect_err(&patch.to_string());
        assert_eq!(&result, target, "a refused patch changes nothing");
        error
    }

    #[test]
    fn operations_follow_the_rfc() {
        for (target, patch, expect) in [
            (json!({"a": 1}), json!([{"op": "add", "path": "/b", "value": 2}]), json!({"a": 1, "b": 2})),
            (json!({"a": 1}), json!([{"op": "add", "path": "/a", "value": null}]), json!({"a": null})),
            (
                json!({"a": [1, 3]}),
                json!([{"op": "add", "path": "/a/1", "value": 2}]),
                json!({"a": [1, 2, 3]}),
            ),
            (json!({"a": [1]}), json!([{"op": "add", "path": "/a/1", "value": 2}]), json!({"a": [1, 2]})),
            (json!({"a": [1]}), json!([{"op": "add", "path": "/a/-", "value": 2}]), json!({"a": [1, 2]})),
            (
                json!({"a": {"": 1}}),
                json!([{"op": "replace", "path": "/a/", "value": 2}]),
                json!({"a": {"": 2}}),
            ),
            (json!({"a": [1, 2]}), json!([{"op": "remove", "path": "/a/0"}]), json!({"a": [2]})),
            (json!({"a": [1]}), json!([{"op": "add", "path": "/a/-1", "value": 2}]), json!({"a": [1, 2]})),
            (json!({"a": [1, 2]}), json!([{"op": "remove", "path": "/a/-1"}]), json!({"a": [1]})),
            (json!({"a": [1]}), json!([{"op": "add", "path": "/a/01", "value": 2}]), json!({"a": [1, 2]})),
            (json!({}), json!([{"op": "replace", "path": "/a", "value": 2}]), json!({"a": 2})),
            (json!({}), json!([{"op": "copy", "from": "/none", "path": "/a"}]), json!({"a": null})),
            (json!({}), json!([{"op": "add", "path": "/a"}]), json!({"a": null})),
            (json!({}), json!([{"op": "test", "path": "/none", "value": null}]), json!({})),
            (json!({"a~2": 1}), json!([{"op": "remove", "path": "/a~2"}]), json!({})),
            (json!({"a": 1}), json!(null), json!({"a": 1})),
            (
                json!({"a/b": 1, "c~d": 2}),
                json!([{"op": "remove", "path": "/a~1b"}, {"op": "remove", "path": "/c~0d"}]),
                json!({}),
            ),
            (json!({"~1": 1}), json!([{"op": "test", "path": "/~01", "value": 1}]), json!({"~1": 1})),
            (
                json!({"a": {"b": 1}}),
                json!([{"op": "move", "from": "/a/b", "path": "/c"}]),
                json!({"a": {}, "c": 1}),
            ),
            (json!({"a": 1}), json!([{"op": "move", "from": "/a", "path": "/a"}]), json!({"a": 1})),
            (
                json!({"a": [1, 2, 3]}),
                json!([{"op": "move", "from": "/a/0", "path": "/a/2"}]),
                json!({"a": [2, 3, 1]}),
            ),
            (
                json!({"a": [1]}),
                json!([{"op": "copy", "from": "/a", "path": "/a/0"}]),
                json!({"a": [[1], 1]}),
            ),
            (json!({"a": 1}), json!([{"op": "test", "path": "/a", "value": 1.0}]), json!({"a": 1})),
        ] {
            check(target, patch, expect);
        }
    }

    #[test]
    fn malformed_and_inapplicable_patches_are_told_apart() {
        let target = json!({"a": [1], "b": {"c": 1}, "s": "x"});
        for patch in [json!({}), json!([1]), json!("text")] {
            assert!(matches!(refused(&target, &patch), PatchError::Malformed(_)), "{patch}");
        }
        for patch in [
            json!([{}]),
            json!([{"op": "add"}]),
            json!([{"op": "spin", "path": "/a"}]),
            json!([{"op": "test", "path": "/a"}]),
            json!([{"op": "test", "path": "", "value": 1}]),
            json!([{"op": "add", "path": "", "value": 1}]),
            json!([{"op": "add", "path": "a", "value": 1}]),
            json!([{"op": "remove", "path": "/a~2"}]),
            json!([{"op": "move", "path": "/a"}]),
            json!([{"op": "move", "from": "/b", "path": "/b/c/d"}]),
            json!([{"op": "move", "from": "/none", "path": "/a"}]),
            json!([{"op": "add", "path": 5, "value": 1}]),
            json!([{"op": "test", "path": "/s", "value": "y"}]),
            json!([{"op": "remove", "path": "/none"}]),
            json!([{"op": "replace", "path": "/a/1", "value": 1}]),
            json!([{"op": "add", "path": "/none/x", "value": 1}]),
            json!([{"op": "add", "path": "/a/2", "value": 1}]),
            json!([{"op": "add", "path": "/a/-3", "value": 1}]),
            json!([{"op": "add", "path": "/a/x", "value": 1}]),
            json!([{"op": "remove", "path": "/a/-"}]),
            json!([{"op": "remove", "path": "/a/1"}]),
            json!([{"op": "add", "path": "/s/x", "value": 1}]),
            json!([{"op": "copy", "from": "/a/7", "path": "/a"}]),
            json!([{"op": "replace", "path": "/b", "value": 1}, {"op": "remove", "path": "/b/c"}]),
            json!([{"op": "remove", "path": "/a/99999999999999999999999"}]),
        ] {
            assert!(matches!(refused(&target, &patch), PatchError::NotApplicable(_)), "{patch}");
        }
        let error = refused(
            &target,
            &json!([{"op": "add", "path": "/x", "value": 1}, {"op": "remove", "path": "/none"}]),
        );
        assert_eq!(error.to_string(), "operation 1: nothing is at path \"/none\"");
    }

    #[test]
    fn amplification_is_bounded() {
        let double = json!({"op": "copy", "from": "/x", "path": "/x/x"});
        let many = Value::Array(vec![
            json!({"op": "test", "path": "/a", "value": 1});
            MAX_JSON_PATCH_OPERATIONS + 1
        ]);
        assert!(matches!(refused(&json!(1), &many), PatchError::TooLarge(_)));
        let wide: Vec<Value> = (0..64)
            .map(|index| json!({"op": "copy", "from": "/a", "path": format!("/a/x{index}")}))
            .collect();
        assert!(matches!(
            refused(&json!({"a": {"t": "x".repeat(1000)}}), &Value::Array(wide)),
            PatchError::TooLarge(_)
        ));
        let nesting: Vec<Value> = vec![double; 200];
        assert!(matches!(refused(&json!({"x": {}}), &Value::Array(nesting)), PatchError::TooLarge(_)));
        let moves: Vec<Value> = (0..200)
            .flat_map(|_| {
                [
                    json!({"op": "add", "path": "/n", "value": {}}),
                    json!({"op": "move", "from": "/a", "path": "/n/a"}),
                    json!({"op": "move", "from": "/n", "path": "/a"}),
                ]
            })
            .collect();
        assert!(matches!(refused(&json!({"a": {}}), &Value::Array(moves)), PatchError::TooLarge(_)));
    }

    fn pointer() -> impl Strategy<Value = String> {
        "(/([abc]|0|1|-|~0)){0,3}"
    }

    fn operation() -> impl Strategy<Value = Value> {
        (prop::sample::select(vec!["add", "remove", "replace", "move", "copy", "test"]), pointer(), pointer(), 0..3)
            .prop_map(|(op, path, from, value)| json!({"op": op, "path": path, "from": from, "value": {"a": value}}))
    }

    proptest! {
        #[test]
        fn patches_apply_wholly_or_not_at_all(operations in prop::collection::vec(operation(), 0..8)) {
            let before = json!({"a": [{"b": 1}, 2], "b": {"c": [0]}});
            let mut after = before.clone();
            if json_patch(&mut after, &Value::Array(operations)).is_err() {
                prop_assert_eq!(after, before);
            }
        }

        #[test]
        fn what_add_puts_in_remove_takes_out(path in "/(a/[0-2]|a/-|b/x|c)") {
            let before = json!({"a": [{"b": 1}, 2], "b": {"c": [0]}});
            let mut after = before.clone();
            json_patch(&mut after, &json!([{"op": "add", "path": path, "value": {"new": [1]}}])).unwrap();
            let back = path.replace('-', "2");
            json_patch(&mut after, &json!([{"op": "test", "path": back, "value": {"new": [1]}}, {"op": "remove", "path": back}])).unwrap();
            prop_assert_eq!(after, before);
        }
    }
}
