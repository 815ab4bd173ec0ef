//! Differences that stay, each with its reason; `docs/internals/kubernetes-differences.md` tells them to people.
use crate::Finding;

/// A difference that stays.
#[derive(Debug)]
pub struct Known {
    /// Short and unique; the heading in the document.
    pub id: &'static str,
    /// Whether a finding is this difference.
    matches: fn(&Finding) -> bool,
}

/// Every known difference.
pub const KNOWN: &[Known] = &[
    Known {
        id: "managers of answers that are not stored",
        matches: |finding| {
            finding.case.starts_with("reviews/") && finding.place == "body.metadata.managedFields"
        },
    },
    Known {
        id: "managers of an empty list",
        matches: |finding| {
            finding.place.contains("managedFields")
                && (finding.case.starts_with("patches/strategic role 1")
                    || finding.case == "access/escalation nothing")
        },
    },
    Known {
        id: "who made the first namespaces",
        matches: |finding| {
            finding.case.starts_with("updates/namespace protected") && finding.place.ends_with("].manager")
        },
    },
    Known { id: "list items name their kind", matches: names_its_kind },
    Known {
        id: "column descriptions",
        matches: |finding| {
            finding.place.starts_with("body.columnDefinitions[") && finding.place.ends_with("].description")
        },
    },
    Known { id: "decoding sentences", matches: is_decoding_sentence },
    Known { id: "number sentences", matches: is_number_sentence },
    Known { id: "duplicate keys in YAML", matches: tells_yaml_lines },
    Known { id: "values of refused patches", matches: shows_patch },
    Known { id: "failed patches", matches: says_why_patch_fails },
    Known {
        id: "empty segments in paths",
        matches: |finding| finding.request.contains("//") && finding.codes.0 == 400,
    },
    Known {
        id: "malformed percent encoding",
        matches: |finding| finding.request.contains("%zz") && finding.codes == (400, 200),
    },
    Known {
        id: "lone surrogates",
        matches: |finding| finding.case == "fields/body 12" && finding.codes == (400, 201),
    },
    Known { id: "expressions that cannot be read", matches: is_syntax_error },
    Known {
        id: "types of objects in expressions",
        matches: |finding| is_about_rules(finding) && normal(&finding.theirs, "selfType") == finding.ours,
    },
    Known {
        id: "messages about an optional past",
        matches: |finding| {
            is_about_rules(finding)
                && finding.case.starts_with("rules/transition optional")
                && finding.ours.contains(": was ")
                && finding.theirs.contains("failed rule: oldSelf.hasValue()")
        },
    },
    Known { id: "constrained impersonation", matches: is_constrained_impersonation },
    Known {
        id: "impersonating nobody",
        matches: |finding| {
            finding.codes.0 == finding.codes.1
                && finding.place == "body.message"
                && finding.theirs.contains("requested &user.DefaultInfo{")
        },
    },
];

/// The known difference that a finding is.
pub fn reason(finding: &Finding) -> Option<&'static Known> {
    KNOWN.iter().find(|known| (known.matches)(finding))
}

fn names_its_kind(finding: &Finding) -> bool {
    let item = finding.place.strip_prefix("body.items[").and_then(|place| place.split_once("]."));
    item.is_some_and(|(_, field)| matches!(field, "kind" | "apiVersion")) && finding.theirs == "(absent)"
}

/// Whether both servers say the same but for `body.message`.
fn is_sentence(finding: &Finding) -> bool {
    finding.place == "body.message" && finding.codes.0 == finding.codes.1
}

/// The same refusal up to where Go's decoders tell of themselves.
fn is_decoding_sentence(finding: &Finding) -> bool {
    const GO: &[&str] = &[
        "json: cannot unmarshal",
        "json parse error:",
        "parsing time",
        "illegal base64 data at",
        "in scheme \\\"",
        "unknown conversion",
        "yaml: ",
        "error decoding patch: ",
        "unexpected end of JSON input",
        "invalid character",
    ];
    let beginning = |text: &str| match text.split_once(" cannot be handled as a ") {
        Some((beginning, rest)) => format!("{beginning} {}", rest.split(':').next().unwrap_or_default()),
        None => String::new(),
    };
    is_sentence(finding)
        && GO.iter().any(|word| finding.theirs.contains(word))
        && beginning(&finding.ours) == beginning(&finding.theirs)
}

/// What Go says of a number that is none.
fn is_number_sentence(finding: &Finding) -> bool {
    is_sentence(finding) && finding.theirs.contains("strconv.Parse")
}

/// Kubernetes' YAML reader tells the line, and that before anything else.
fn tells_yaml_lines(finding: &Finding) -> bool {
    finding.codes.0 == finding.codes.1
        && matches!(finding.place.as_str(), "body.message" | "header.warning")
        && finding.theirs.contains("already set in map")
        && finding.ours.contains("duplicate field")
}

/// The refusal of a patched object shows it, in Go's form or order of fields, and why Go cannot read it.
fn shows_patch(finding: &Finding) -> bool {
    const SHOWN: &str = "Invalid value: \\\"";
    let is_value = |text: &str| match finding.place.as_str() {
        "body.message" => text.starts_with("\" \\\"\\\" is invalid: patch: Invalid value: "),
        "body.details.causes[0].message" => text.starts_with(&format!("\"{SHOWN}")),
        _ => false,
    };
    finding.codes == (422, 422)
        && finding.request.starts_with("PATCH ")
        && is_value(&finding.ours)
        && is_value(&finding.theirs)
}

/// Why a JSON patch does not apply, or a strategic one contradicts itself; Kubernetes tells of the former nothing at all.
fn says_why_patch_fails(finding: &Finding) -> bool {
    let nothing = finding.codes == (422, 422)
        && finding.ours.starts_with(finding.theirs.trim_end_matches('"'))
        && finding.theirs == "\"the server rejected our request due to an error in our request\"";
    let contradiction = finding.codes == (500, 500) && finding.case.starts_with("patches/strategic");
    is_sentence(finding) && (nothing || contradiction)
}

/// The same code, and another sentence, of a rule or its definition.
fn is_about_rules(finding: &Finding) -> bool {
    let sentence = finding.place == "body.message" || finding.place.starts_with("body.details.causes[");
    finding.case.starts_with("rules/") && finding.codes == (422, 422) && sentence
}

/// Both say that an expression has no syntax, at the same place; what was expected there is the parser's own.
fn is_syntax_error(finding: &Finding) -> bool {
    let beginning = |text: &str| text.split_once("Syntax error: ").map(|(beginning, _)| beginning.to_owned());
    let ours = beginning(&finding.ours);
    is_about_rules(finding) && ours.is_some() && ours == beginning(&finding.theirs)
}

/// A text in which words that begin so and go on with digits are `object`.
fn normal(text: &str, beginning: &str) -> String {
    let mut parts = text.split(beginning);
    let mut normal = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        normal.push_str("object");
        normal.push_str(part.trim_start_matches(|next: char| next.is_ascii_digit()));
    }
    normal
}

/// Kubernetes tries a new way of impersonation before the old one, and refuses in its words.
fn is_constrained_impersonation(finding: &Finding) -> bool {
    finding.case.starts_with("access/impersonation/")
        && finding.codes == (403, 403)
        && (finding.theirs.contains("cannot impersonate-on:user-info:")
            || matches!(
                finding.place.as_str(),
                "body.details.kind" | "body.details.name" | "body.details.group"
            ))
}
