//! Folding of text for comparison, shared by the keys.

use std::borrow::Cow;

use any_ascii::any_ascii_char;
use unicode_normalization::UnicodeNormalization;

/// Folds text to lower-case Latin letters and digits in words one space apart.
///
/// Every script is transliterated sign by sign (`ø` to `o`, `ß` to `ss`, `Иван` to `ivan`), which
/// is crude for reading and enough to compare. Apostrophes vanish, a dot vanishes within
/// initials (`S.p.A.` to `spa`), an ampersand becomes `and`; all other signs part words.
pub(super) fn fold(text: &str) -> String {
    let mut words = Words::default();
    if text.is_ascii() {
        text.chars().for_each(|c| words.push(c));
    } else {
        for c in compatible(text) {
            if c.is_ascii() {
                words.push(c);
            } else if c == '’' {
                words.push('\'');
            } else if c.is_whitespace() {
                words.push(' ');
            } else {
                // Signs that only modify their neighbour come out as these marks.
                any_ascii_char(c)
                    .chars()
                    .filter(|c| !matches!(c, '`' | '"'))
                    .for_each(|c| words.push(c));
            }
        }
    }
    words.text
}

/// Text being folded.
#[derive(Default)]
struct Words {
    text: String,
    /// Letters since the last sign, of which initials have one.
    n_letters: usize,
    /// Whether the next letter starts a word.
    is_apart: bool,
}

impl Words {
    fn push(&mut self, c: char) {
        match c {
            'a'..='z' | '0'..='9' => self.letter(c),
            'A'..='Z' => self.letter(c.to_ascii_lowercase()),
            '\'' | '`' | '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}' => {}
            '.' if self.n_letters == 1 => self.n_letters = 0,
            '&' => {
                self.part();
                "and".chars().for_each(|c| self.letter(c));
                self.part();
            }
            _ => self.part(),
        }
    }

    fn letter(&mut self, c: char) {
        if self.is_apart && !self.text.is_empty() {
            self.text.push(' ');
        }
        self.is_apart = false;
        self.text.push(c);
        self.n_letters += 1;
    }

    fn part(&mut self) {
        self.is_apart = true;
        self.n_letters = 0;
    }
}

/// Brings text to its compatibility form, without invisible characters and trade marks.
pub(super) fn compatible(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .filter(|c| !matches!(c, '®' | '©' | '™' | '℠'))
        .nfkc()
        .filter(|c| !is_invisible(*c))
}

/// Tells whether a character shows nothing: joiners, direction marks, soft hyphens, controls.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
    ) || (c.is_control() && !c.is_whitespace())
}

/// Brings text to its compatibility form without invisible characters and space around.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if text.is_ascii() && !text.bytes().any(|b| b.is_ascii_control()) {
        return Cow::Borrowed(text.trim());
    }
    Cow::Owned(compatible(text).collect::<String>().trim().to_owned())
}

/// Tells whether two words are one but for a slip of the pen: one sign in five, two in nine, the
/// first letter and all digits kept.
pub(super) fn is_slip(left: &str, right: &str) -> bool {
    let n = left.len().min(right.len());
    let allowed = match n {
        0..5 => return left == right,
        5..9 => 1,
        _ => 2,
    };
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).collect::<Vec<u8>>();
    left.len().abs_diff(right.len()) <= allowed
        && left.bytes().next() == right.bytes().next()
        && digits(left) == digits(right)
        && strsim::osa_distance(left, right) <= allowed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folds() {
        for (text, folded) in [
            ("José  O’Brien", "jose obrien"),
            ("Straße", "strasse"),
            ("Søren Łukasz Þór", "soren lukasz thor"),
            ("Иван Петров", "ivan petrov"),
            ("Ｆｕｌｌ\u{3000}ｗｉｄｔｈ", "full width"),
            ("e\u{301}te\u{301}", "ete"),
            ("S.p.A. J.P.Morgan Amazon.com", "spa jpmorgan amazon com"),
            ("Sp. z o.o.", "sp z oo"),
            ("AT&T", "at and t"),
            ("zero\u{200b}width", "zerowidth"),
            (" - / ", ""),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn slips() {
        for (left, right) in [("ericsson", "ericson"), ("acmee", "acme")] {
            assert_eq!(is_slip(left, right), left.len().min(right.len()) > 4, "{left} {right}");
        }
        for (left, right) in [("north", "south"), ("area51", "area52"), ("uk", "us")] {
            assert!(!is_slip(left, right), "{left} {right}");
        }
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in ".{0,40}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn case_and_space_say_nothing(text in "[a-zA-Zà-öø-ÿĀ-žА-я .&-]{0,40}") {
            let folded = fold(&text);
            prop_assert_eq!(fold(&text.to_uppercase()), folded.clone());
            prop_assert_eq!(fold(&text.to_lowercase()), folded.clone());
            prop_assert_eq!(fold(&format!("\u{a0} {}\t", text.replace(' ', "  "))), folded);
        }
    }
}
