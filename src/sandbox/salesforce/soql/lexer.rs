//! Query text to tokens.

use super::super::errors::Fault;
use super::super::wire;
use super::refusal::malformed;

#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    pub kind: TokenKind,
    /// Byte position in the query.
    pub position: usize,
    pub end: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TokenKind {
    /// A keyword, a name or a dotted path.
    Word(String),
    Text(String),
    Number(f64),
    Date(String),
    Moment(String),
    Open,
    Close,
    Comma,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    End,
}

/// Splits a query into tokens, the last of them [`TokenKind::End`].
pub fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let bytes = text.as_bytes();
    let at = |index: usize| bytes.get(index).copied().unwrap_or(0);
    let mut tokens = Vec::new();
    let mut position = 0;
    while position < bytes.len() {
        let byte = at(position);
        let next = at(position + 1);
        let (kind, end) = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {
                position += 1;
                continue;
            }
            b'(' => (TokenKind::Open, position + 1),
            b')' => (TokenKind::Close, position + 1),
            b',' => (TokenKind::Comma, position + 1),
            b'=' => (TokenKind::Equal, position + 1),
            b'!' if next == b'=' => (TokenKind::NotEqual, position + 2),
            b'<' if next == b'>' => (TokenKind::NotEqual, position + 2),
            b'<' if next == b'=' => (TokenKind::LessOrEqual, position + 2),
            b'<' => (TokenKind::Less, position + 1),
            b'>' if next == b'=' => (TokenKind::GreaterOrEqual, position + 2),
            b'>' => (TokenKind::Greater, position + 1),
            b'\'' => quoted(text, position)?,
            b'0'..=b'9' | b'-' | b'+' => number_or_date(text, position)?,
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                let end = run(bytes, position, |byte| {
                    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.'
                });
                // `LAST_N_DAYS:30` is one word.
                let is_counted = at(end) == b':' && at(end + 1).is_ascii_digit();
                let end = if is_counted {
                    run(bytes, end + 1, |byte| byte.is_ascii_digit())
                } else {
                    end
                };
                (TokenKind::Word(slice(text, position, end)), end)
            }
            _ => {
                let shown = text.get(position..).and_then(|rest| rest.chars().next());
                let shown = shown.unwrap_or('?');
                return Err(malformed(text, position, &format!("unexpected token: '{shown}'")));
            }
        };
        tokens.push(Token { kind, position, end });
        position = end;
    }
    tokens.push(Token { kind: TokenKind::End, position: text.len(), end: text.len() });
    Ok(tokens)
}

fn quoted(text: &str, start: usize) -> Result<(TokenKind, usize), Fault> {
    let mut value = String::new();
    let mut characters = text.get(start + 1..).unwrap_or_default().char_indices();
    while let Some((offset, character)) = characters.next() {
        match character {
            '\'' => return Ok((TokenKind::Text(value), start + 1 + offset + 1)),
            '\\' => match characters.next() {
                Some((_, 'n' | 'N')) => value.push('\n'),
                Some((_, 'r' | 'R')) => value.push('\r'),
                Some((_, 't' | 'T')) => value.push('\t'),
                Some((_, 'b' | 'B')) => value.push('\u{8}'),
                Some((_, 'f' | 'F')) => value.push('\u{c}'),
                Some((_, own @ ('\'' | '"'))) => value.push(own),
                // Kept in pairs, since LIKE still has to tell `\_` from `_`.
                Some((_, own @ ('\\' | '_' | '%'))) => value.extend(['\\', own]),
                _ => {
                    let message = "Invalid string literal. Illegal character sequence";
                    return Err(malformed(text, start + 1 + offset, message));
                }
            },
            other => value.push(other),
        }
    }
    Err(malformed(text, start, "line has an unterminated string literal"))
}

fn number_or_date(text: &str, start: usize) -> Result<(TokenKind, usize), Fault> {
    let bytes = text.as_bytes();
    let end = run(bytes, start, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-' | b'+')
    });
    let token = slice(text, start, end);
    let is_dated = bytes.get(start + 4) == Some(&b'-') && bytes.get(start + 7) == Some(&b'-');
    let kind = if is_dated && token.len() == 10 {
        wire::parse_date(&token).map(TokenKind::Date)
    } else if is_dated {
        let has_zone = token.ends_with(['Z', 'z'])
            || token.get(19..).is_some_and(|tail| tail.contains(['+', '-']));
        wire::parse_moment(&token)
            .filter(|_| has_zone)
            .map(|at| TokenKind::Moment(wire::moment(at)))
    } else {
        token.parse::<f64>().ok().filter(|number| number.is_finite()).map(TokenKind::Number)
    };
    match kind {
        Some(kind) => Ok((kind, end)),
        None => Err(malformed(text, start, &format!("unexpected token: '{token}'"))),
    }
}

fn run(bytes: &[u8], start: usize, belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().skip(start).position(|&byte| !belongs(byte)).map_or(bytes.len(), |n| start + n)
}

fn slice(text: &str, start: usize, end: usize) -> String {
    text.get(start..end).unwrap_or_default().to_owned()
}
