//! From text to tokens.

use std::sync::Arc;

use super::{
    syntax::Fault,
    value::{Text, Value},
};

/// A token and where it begins, in characters.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) kind: TokenKind,
}

/// What a token is.
#[derive(Debug)]
pub(super) enum TokenKind {
    Literal(Value<'static>),
    /// Digits of an integer beyond those of `int`: only `-` makes it one.
    Huge,
    Name(String),
    Symbol(&'static str),
    End,
}

/// Longest first.
const SYMBOLS: &[&str] = &[
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "?", ":", "+", "-", "*", "/", "%", ".", ",", "(", ")",
    "[", "]", "{", "}",
];

/// Words that can be no names.
pub(super) const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// All tokens of a text; the last is the end.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, Fault> {
    let characters: Vec<char> = source.chars().collect();
    let mut lexer = Lexer { characters: &characters, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_space();
        let at = lexer.at;
        let kind = lexer.next()?;
        let is_end = matches!(kind, TokenKind::End);
        tokens.push(Token { at, kind });
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    characters: &'a [char],
    at: usize,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    fn fault(&self, at: usize, why: &str) -> Fault {
        Fault::new(at, format!("Syntax error: {why}"))
    }

    fn starts_with(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(ahead, character)| self.peek(ahead) == Some(character))
    }

    fn skip_space(&mut self) {
        loop {
            match self.peek(0) {
                Some(' ' | '\t' | '\n' | '\r' | '\u{c}') => self.at += 1,
                Some('/') if self.peek(1) == Some('/') => {
                    while self.peek(0).is_some_and(|character| character != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    fn take_while(&mut self, is: impl Fn(char) -> bool) -> String {
        let start = self.at;
        while self.peek(0).is_some_and(&is) {
            self.at += 1;
        }
        self.characters[start..self.at].iter().collect()
    }

    fn next(&mut self) -> Result<TokenKind, Fault> {
        let Some(first) = self.peek(0) else { return Ok(TokenKind::End) };
        let second_is_digit = self.peek(1).is_some_and(|next| next.is_ascii_digit());
        if first.is_ascii_digit() || (first == '.' && second_is_digit) {
            return self.number();
        }
        if let Some(text) = self.string()? {
            return Ok(text);
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let name = self.take_while(|next| next.is_ascii_alphanumeric() || next == '_');
            return Ok(match name.as_str() {
                "true" => TokenKind::Literal(Value::Bool(true)),
                "false" => TokenKind::Literal(Value::Bool(false)),
                "null" => TokenKind::Literal(Value::Null),
                "in" => TokenKind::Symbol("in"),
                _ => TokenKind::Name(name),
            });
        }
        match SYMBOLS.iter().find(|symbol| self.starts_with(symbol)) {
            Some(symbol) => {
                self.at += symbol.len();
                Ok(TokenKind::Symbol(symbol))
            }
            None => Err(self.fault(self.at, &format!("token recognition error at: '{first}'"))),
        }
    }

    fn number(&mut self) -> Result<TokenKind, Fault> {
        let start = self.at;
        let wrong = |what: &str| Fault::new(start, format!("Syntax error: invalid {what} literal"));
        let is_unsigned = |lexer: &mut Self| {
            let is = matches!(lexer.peek(0), Some('u' | 'U'));
            lexer.at += usize::from(is);
            is
        };
        if self.peek(0) == Some('0') && matches!(self.peek(1), Some('x' | 'X')) {
            self.at += 2;
            let digits = self.take_while(|next| next.is_ascii_hexdigit());
            if is_unsigned(self) {
                let number = u64::from_str_radix(&digits, 16).map_err(|_| wrong("uint"))?;
                return Ok(TokenKind::Literal(Value::Uint(number)));
            }
            let number = i64::from_str_radix(&digits, 16).map_err(|_| wrong("int"))?;
            return Ok(TokenKind::Literal(Value::Int(number)));
        }
        let mut digits = self.take_while(|next| next.is_ascii_digit());
        let whole_digits = digits.len();
        if self.peek(0) == Some('.') && self.peek(1).is_some_and(|next| next.is_ascii_digit()) {
            self.at += 1;
            digits.push('.');
            digits.push_str(&self.take_while(|next| next.is_ascii_digit()));
        }
        let signed = matches!(self.peek(1), Some('+' | '-'));
        let exponent = self.peek(1 + usize::from(signed)).is_some_and(|next| next.is_ascii_digit());
        if matches!(self.peek(0), Some('e' | 'E')) && exponent {
            digits.push('e');
            self.at += 1;
            if signed {
                digits.extend(self.peek(0));
                self.at += 1;
            }
            digits.push_str(&self.take_while(|next| next.is_ascii_digit()));
        }
        if digits.len() > whole_digits {
            let number = digits.parse::<f64>().map_err(|_| wrong("double"))?;
            return Ok(TokenKind::Literal(Value::Double(number)));
        }
        if is_unsigned(self) {
            return Ok(TokenKind::Literal(Value::Uint(digits.parse().map_err(|_| wrong("uint"))?)));
        }
        match digits.parse::<i64>() {
            Ok(number) => Ok(TokenKind::Literal(Value::Int(number))),
            Err(_) if digits.trim_start_matches('0') == "9223372036854775808" => Ok(TokenKind::Huge),
            Err(_) => Err(wrong("int")),
        }
    }

    /// A text or bytes, if one begins here.
    fn string(&mut self) -> Result<Option<TokenKind>, Fault> {
        let start = self.at;
        let (mut raw, mut bytes, mut ahead) = (false, false, 0);
        while let Some(prefix @ ('r' | 'R' | 'b' | 'B')) = self.peek(ahead) {
            let flag = if matches!(prefix, 'r' | 'R') { &mut raw } else { &mut bytes };
            if std::mem::replace(flag, true) {
                return Ok(None);
            }
            ahead += 1;
        }
        let Some(quote @ ('"' | '\'')) = self.peek(ahead) else { return Ok(None) };
        self.at += ahead + 1;
        let long = self.peek(0) == Some(quote) && self.peek(1) == Some(quote);
        self.at += if long { 2 } else { 0 };
        let mut content = Vec::new();
        loop {
            let Some(next) = self.peek(0).filter(|next| long || !matches!(next, '\n' | '\r')) else {
                return Err(self.fault(start, "token recognition error at: an open string"));
            };
            let closes =
                next == quote && (!long || (self.peek(1) == Some(quote) && self.peek(2) == Some(quote)));
            if closes {
                self.at += if long { 3 } else { 1 };
                break;
            }
            self.at += 1;
            if next == '\\' && !raw {
                self.escape(bytes, &mut content)?;
            } else {
                content.extend(next.encode_utf8(&mut [0; 4]).bytes());
            }
        }
        if bytes {
            return Ok(Some(TokenKind::Literal(Value::Bytes(content.into()))));
        }
        let text =
            String::from_utf8(content).map_err(|_| self.fault(start, "a string is no Unicode text"))?;
        Ok(Some(TokenKind::Literal(Value::String(Text::Shared(Arc::from(text))))))
    }

    /// What stands behind a backslash.
    fn escape(&mut self, bytes: bool, content: &mut Vec<u8>) -> Result<(), Fault> {
        let at = self.at - 1;
        let wrong = || Fault::new(at, "Syntax error: token recognition error at: an unknown escape");
        let Some(letter) = self.peek(0) else { return Err(wrong()) };
        self.at += 1;
        let digits = |lexer: &mut Self, count: usize, radix: u32| {
            let digits: String = (0..count).filter_map(|ahead| lexer.peek(ahead)).collect();
            lexer.at += count;
            let fits = digits.len() == count;
            u32::from_str_radix(&digits, radix).ok().filter(|_| fits).ok_or_else(wrong)
        };
        let code = match letter {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            '\\' | '\'' | '"' | '`' | '?' => letter as u32,
            'x' | 'X' => digits(self, 2, 16)?,
            'u' if !bytes => digits(self, 4, 16)?,
            'U' if !bytes => digits(self, 8, 16)?,
            '0'..='3' => {
                self.at -= 1;
                digits(self, 3, 8)?
            }
            _ => return Err(wrong()),
        };
        if bytes {
            content.push(u8::try_from(code).map_err(|_| wrong())?);
        } else {
            let character = char::from_u32(code).ok_or_else(wrong)?;
            content.extend(character.encode_utf8(&mut [0; 4]).bytes());
        }
        Ok(())
    }
}
