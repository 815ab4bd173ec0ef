//! Fields of protocol buffers.

use crate::{Source, mutate};

/// A message of some fields, each of any wire type.
pub(crate) fn message(source: &mut Source, depth: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..source.below(6) {
        let number = source.range(1..=12) as u64;
        match source.below(if depth == 0 { 4 } else { 6 }) {
            0 => {
                put_number(&mut out, number << 3);
                put_number(&mut out, source.number());
            }
            1 => {
                put_number(&mut out, number << 3 | 1);
                out.extend_from_slice(&source.number().to_le_bytes());
            }
            2 => {
                put_number(&mut out, number << 3 | 5);
                out.extend_from_slice(&(source.number() as u32).to_le_bytes());
            }
            3 => put_bytes(&mut out, number, mutate::word(source).as_bytes()),
            _ => {
                let inner = message(source, depth - 1);
                put_bytes(&mut out, number, &inner);
            }
        }
    }
    out
}

/// Appends a field of bytes, text or a message.
pub(crate) fn put_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_number(out, number << 3 | 2);
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
