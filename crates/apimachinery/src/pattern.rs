//! Regular expressions as Kubernetes, that is Go, reads them: patterns of schemas and of validation rules.
//!
//! They are translated into the syntax of the `regex` crate, which matches in linear time. There `\d`, `\s`, `\w` and `\b`
//! know all of Unicode, in Go only ASCII; in Go a class holds no class and knows no operators, a brace that counts nothing
//! is a brace, `\<` is a less-than sign, and `\Q…\E` is text.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

/// Compiles a pattern; compiled it may take so many bytes.
pub(crate) fn compile(pattern: &str, size_limit_bytes: usize) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&from_go(pattern)).size_limit(size_limit_bytes).build()
}

fn from_go(pattern: &str) -> String {
    let mut ours = String::with_capacity(pattern.len());
    let mut rest = pattern;
    // In a class: whether something of it came before.
    let mut class: Option<bool> = None;
    while let Some(character) = rest.chars().next() {
        let mut taken = &rest[..character.len_utf8()];
        let mut written = Cow::Borrowed(taken);
        let after = &rest[taken.len()..];
        class = match (character, class) {
            ('\\', _) => {
                (taken, written) = escape(rest, class.is_some());
                class.map(|_| true)
            }
            ('[', None) => {
                if after.starts_with('^') {
                    taken = &rest[..2];
                    written = taken.into();
                }
                Some(false)
            }
            (']', Some(true)) => None,
            ('[', Some(_)) if after.starts_with(':') => {
                // `[:alpha:]` up to its end.
                taken = &rest[..rest.find(']').map_or(rest.len(), |end| end + 1)];
                written = taken.into();
                Some(true)
            }
            ('[' | ']', Some(_)) => {
                written = format!("\\{character}").into();
                Some(true)
            }
            ('&' | '-' | '~', Some(_)) if after.starts_with(character) => {
                written = format!("\\{character}").into();
                Some(true)
            }
            ('{', None) if !counts(after) => {
                written = "\\{".into();
                None
            }
            (_, class) => class.map(|_| true),
        };
        ours.push_str(&written);
        rest = &rest[taken.len()..];
    }
    ours
}

/// Whether what follows a brace is a count: `2}`, `2,}`, `2,3}`.
fn counts(after: &str) -> bool {
    let Some((count, _)) = after.split_once('}') else { return false };
    let (least, most) = count.split_once(',').unwrap_or((count, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && is_number(least) && is_number(most)
}

/// A backslash with what belongs to it, and what stands for that.
fn escape(rest: &str, in_class: bool) -> (&str, Cow<'_, str>) {
    let Some(character) = rest[1..].chars().next() else { return (rest, rest.into()) };
    let taken = &rest[..1 + character.len_utf8()];
    let written = match (character, in_class) {
        ('d', false) => "[0-9]",
        ('D', _) => "[^0-9]",
        ('w', false) => "[0-9A-Za-z_]",
        ('W', _) => "[^0-9A-Za-z_]",
        ('s', false) => "[\\t\\n\\f\\r ]",
        ('S', _) => "[^\\t\\n\\f\\r ]",
        ('d', true) => "0-9",
        ('w', true) => "0-9A-Za-z_",
        ('s', true) => "\\t\\n\\f\\r ",
        ('b', false) => "(?-u:\\b)",
        ('B', false) => "(?-u:\\B)",
        ('<', _) => "<",
        ('>', _) => ">",
        ('Q', false) => {
            let text = &rest[2..];
            let (text, end) = text.split_once("\\E").map_or((text, 0), |(text, _)| (text, 2));
            return (&rest[..2 + text.len() + end], regex::escape(text).into());
        }
        ('p' | 'P' | 'x', _) if rest[2..].starts_with('{') => {
            // Its braces count nothing.
            let taken = &rest[..rest.find('}').map_or(rest.len(), |end| end + 1)];
            return (taken, taken.into());
        }
        _ => taken,
    };
    (taken, written.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 256 * 1024;

    #[test]
    fn patterns_are_read_as_go_reads_them() {
        for (pattern, text, expect) in [
            (r"^\w+$", "aZ_9", true),
            (r"^\w$", "é", false),
            (r"^\d$", "٣", false),
            (r"^\s$", "\u{2003}", false),
            (r"^\s$", "\u{b}", false),
            (r"a\b", "aé", true),
            (r"^[\d\s]+$", "1 2", true),
            (r"^[^\w]$", "é", true),
            (r"^[\W]$", "é", true),
            (r"\bc", "ab c", true),
            (r"^[[a]+$", "[a", true),
            (r"^[]a]+$", "]a", true),
            (r"^[^]a]$", "b", true),
            (r"^[a&&b]+$", "&ab", true),
            (r"^[a~~b]+$", "~ab", true),
            (r"^[[:alpha:]-]+$", "a-b", true),
            (r"^\[\d\]$", "[1]", true),
            (r"^\pL$", "é", true),
            (r"^\p{Greek}{2}$", "αβ", true),
            (r"^\x{e9}$", "é", true),
            (r"^.$", "é", true),
            (r"^${a}$", "", false),
            (r"^{a}$", "{a}", true),
            (r"^a{,2}$", "a{,2}", true),
            (r"^a{2$", "a{2", true),
            (r"^a{1,2}b{2,}$", "aabbb", true),
            (r"^\<\>$", "<>", true),
            (r"^\Qa.b{\E.$", "a.b{c", true),
            (r"^\Qa.b", "axb", false),
        ] {
            assert_eq!(compile(pattern, LIMIT).unwrap().is_match(text), expect, "{pattern} {text}");
        }
        for pattern in ["[", "(", "\\", "[[:alpha:"] {
            assert!(compile(pattern, LIMIT).is_err(), "{pattern}");
        }
    }
}
