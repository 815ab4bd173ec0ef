//! Damage: what is nearly right finds more than what is all wrong.

use crate::Source;

/// Pieces that parsers stumble over: ends, separators, signs, characters of several bytes.
const PIECES: &[&str] = &[
    "",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\0",
    "\u{7f}",
    "\u{85}",
    "\u{feff}",
    "\u{2028}",
    "ß",
    "é",
    "٣",
    "İ",
    "😀",
    "\u{202e}",
    ",",
    ".",
    "..",
    "/",
    "//",
    "\\",
    "'",
    "\"",
    "`",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    ">",
    "=",
    "==",
    "!=",
    "!",
    "?",
    "*",
    "**",
    "+",
    "-",
    "--",
    "%",
    "%00",
    "%2f",
    "%zz",
    "%",
    "&",
    "&&",
    "|",
    "^",
    "$",
    "#",
    "@",
    ":",
    "::",
    ";",
    "~",
    "_",
    "0",
    "00",
    "-0",
    "9",
    "1e9",
    "1e999999999",
    "-1",
    "0x",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "0.1",
    "NaN",
    "Infinity",
    "null",
    "true",
    "e",
    "E",
    "i",
    "m",
    "k",
    "a",
    "Z",
    "in",
    "notin",
    "exists",
];

/// Longest run of one repeated piece.
const MAX_REPETITIONS: usize = 3000;

/// Text that is `valid`, or, more often than not, that with something wrong in it.
pub(crate) fn text(source: &mut Source, valid: String) -> String {
    if source.one_in(3) {
        return valid;
    }
    let mut text: Vec<char> = valid.chars().collect();
    for _ in 0..source.range(0..=3) {
        let at = source.below(text.len() + 1);
        match source.below(5) {
            0 => {
                let piece = source.pick(PIECES);
                text.splice(at..at, piece.chars());
            }
            1 => {
                let end = (at + source.range(1..=4)).min(text.len());
                text.drain(at..end);
            }
            2 => {
                let end = (at + source.range(1..=8)).min(text.len());
                let copy: Vec<char> = text[at..end].to_vec();
                let to = source.below(text.len() + 1);
                text.splice(to..to, copy);
            }
            3 => text.truncate(at),
            _ => {
                // Depth and length, which limits are for.
                let repetitions = if source.one_in(20) { MAX_REPETITIONS } else { 8 };
                let piece = source.pick(PIECES).repeat(source.below(repetitions));
                text.splice(at..at, piece.chars());
            }
        }
    }
    text.into_iter().collect()
}

/// The same for bytes.
pub(crate) fn bytes(source: &mut Source, mut bytes: Vec<u8>) -> Vec<u8> {
    if source.one_in(4) {
        return bytes;
    }
    for _ in 0..source.range(0..=4) {
        let at = source.below(bytes.len() + 1);
        match source.below(5) {
            0 if at < bytes.len() => bytes[at] = source.number() as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << source.below(8),
            2 => {
                let end = (at + source.range(1..=8)).min(bytes.len());
                bytes.drain(at..end);
            }
            3 => bytes.truncate(at),
            _ => {
                let more = source.list(9, |source| source.number() as u8);
                bytes.splice(at..at, more);
            }
        }
    }
    bytes
}

/// A word of a few letters, rarely a strange one.
pub(crate) fn word(source: &mut Source) -> String {
    let words = &[
        "a",
        "b",
        "c",
        "name",
        "app",
        "tier",
        "kind",
        "spec",
        "status",
        "metadata",
        "items",
        "value",
        "x-y",
        "a.b",
        "example.com/app",
        "k8s.io",
        "0",
        "1",
        "true",
        "null",
    ];
    if source.one_in(12) {
        return text(source, "word".into());
    }
    source.pick(words).to_owned()
}
