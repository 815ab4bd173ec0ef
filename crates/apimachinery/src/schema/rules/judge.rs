//! What is wrong with the rules of a schema itself: they must compile, and must not be able to cost too much.

use serde_json::Value;

use super::{KEY, Rules, declare::MAX_REQUEST_BYTES};
use crate::{
    FieldError,
    cel::Program,
    schema::node::{Additional, ListType, Node},
    status::FieldCause,
};

/// Most that a rule may be able to cost.
const MAX_RULE_COST: u64 = 10_000_000;
/// Most that all rules of a schema may be able to cost together.
const MAX_SCHEMA_COST: u64 = 100_000_000;
/// Of rules that cost too much together, how many are named.
const MOST_EXPENSIVE_NAMED: usize = 4;

/// Judges the rules of a schema whose document stands at `path`.
pub(in crate::schema) fn judge(root: &Node, document: &Value, path: &str) -> Vec<FieldError> {
    if !root.has_rules {
        return Vec::new();
    }
    let mut judge = Judge { errors: Vec::new(), total: 0, expensive: Vec::new() };
    judge.visit(root, document, path, None);
    judge.finish(path)
}

struct Judge {
    errors: Vec<FieldError>,
    total: u64,
    /// Rules that make up a noticeable part of the total.
    expensive: Vec<(u64, String)>,
}

impl Judge {
    /// `lost` is where values lose their past: below that, `oldSelf` means nothing.
    fn visit(&mut self, node: &Node, document: &Value, path: &str, lost: Option<&str>) {
        if !node.has_rules {
            return;
        }
        if let Additional::Schema(schema) = &node.additional {
            let inner = &document["additionalProperties"];
            self.visit(schema, inner, &format!("{path}.additionalProperties"), lost);
        }
        for (name, property) in &node.properties {
            let inner = &document["properties"][name];
            self.visit(property, inner, &format!("{path}.properties[{name}]"), lost);
        }
        if let Some(items) = &node.items {
            let keeps = node.list_type == ListType::Map;
            let lost = lost.or(if keeps { None } else { Some(path) });
            self.visit(items, &document["items"], &format!("{path}.items"), lost);
        }
        if let Some(rules) = &node.rules {
            self.rules(rules, &document[KEY], &format!("{path}.{KEY}"), lost);
        }
    }

    fn rules(&mut self, rules: &Rules, document: &Value, path: &str, lost: Option<&str>) {
        let Some(declared) = &rules.declared else {
            let why = "internal error: failed to construct type information for x-kubernetes-validations rules: unable to convert structural schema to CEL declarations";
            let cause = FieldCause::InternalError;
            let error = FieldError { field: path.to_owned(), cause, value: None, detail: why.to_owned() };
            return self.errors.push(error);
        };
        let unbounded = MAX_REQUEST_BYTES / (declared.min_size + 1);
        for (index, rule) in rules.list.iter().enumerate() {
            let at = format!("{path}[{index}]");
            let refused = |field: &str, why: &str| FieldError {
                value: Some(shown(&document[index])),
                ..FieldError::invalid(format!("{at}.{field}"), "", why)
            };
            let uses_old = match &rule.program {
                None => continue,
                Some(Err(why)) => {
                    self.errors.push(refused("rule", why));
                    false
                }
                Some(Ok(program)) => {
                    let times = rules.occurrences.unwrap_or(unbounded);
                    let cost = program.max_cost().saturating_mul(times);
                    self.cost("estimated rule cost", cost, format!("{at}.rule"));
                    program.uses_old()
                }
            };
            match &rule.message_program {
                None => {}
                Some(Err(why)) => self.errors.push(refused("messageExpression", why)),
                Some(Ok(program)) => {
                    let field = format!("{at}.messageExpression");
                    self.cost("estimated messageExpression cost", Program::max_cost(program), field);
                }
            }
            if uses_old {
                if let Some(lost) = lost {
                    let detail = format!(
                        "oldSelf cannot be used on the uncorrelatable portion of the schema within {lost}"
                    );
                    let field = format!("{at}.rule");
                    self.errors.push(FieldError::invalid(field, rule.expression.as_str(), detail));
                }
            } else if let Some(optional) = rule.optional_old {
                let detail = "may not be set if oldSelf is not used in rule";
                self.errors.push(FieldError::invalid(format!("{at}.optionalOldSelf"), optional, detail));
            }
        }
    }

    fn cost(&mut self, what: &str, cost: u64, field: String) {
        if cost > MAX_RULE_COST {
            self.errors.push(FieldError::forbidden(field.as_str(), too_expensive(what, cost, MAX_RULE_COST)));
        }
        self.total = self.total.saturating_add(cost);
        if cost >= MAX_SCHEMA_COST / 100 {
            self.expensive.push((cost, field));
        }
    }

    fn finish(mut self, path: &str) -> Vec<FieldError> {
        if self.total > MAX_SCHEMA_COST {
            self.expensive.sort_by_key(|(cost, _)| std::cmp::Reverse(*cost));
            for (_, field) in self.expensive.into_iter().take(MOST_EXPENSIVE_NAMED) {
                let detail = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
                self.errors.push(FieldError::forbidden(field, detail));
            }
            let what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
            self.errors.push(FieldError::forbidden(path, too_expensive(what, self.total, MAX_SCHEMA_COST)));
        }
        self.errors
    }
}

/// A rule as Kubernetes shows it: with all its fields by Go's names, as Go's encoder writes JSON.
fn shown(rule: &Value) -> String {
    let text = |key: &str| Value::from(rule[key].as_str().unwrap_or_default());
    let fields = [
        ("Rule", text("rule")),
        ("Message", text("message")),
        ("MessageExpression", text("messageExpression")),
        ("Reason", rule["reason"].clone()),
        ("FieldPath", text("fieldPath")),
        ("OptionalOldSelf", rule["optionalOldSelf"].clone()),
    ];
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    let shown = format!("{{{}}}", fields.join(","));
    shown.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

fn too_expensive(what: &str, cost: u64, limit: u64) -> String {
    let factor = cost as f64 / limit as f64;
    let factor = match factor {
        factor if factor > 100.0 => "more than 100x".to_owned(),
        // One digit would say 1.0.
        factor if factor < 1.5 => format!("{factor:.6}x"),
        factor => format!("{factor:.1}x"),
    };
    format!(
        "{what} exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)"
    )
}
