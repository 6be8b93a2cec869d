//! Names of persons.
//!
//! The key is for finding: exact, whichever field holds which part. The relation is for doubting:
//! it says that two names are of different people only where both are whole and nothing (nickname,
//! initial, compound, spelling, script, swapped fields) explains the difference.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::fold::{fold, is_slip};

/// What stands before or after a name and is no part of it, folded.
static TITLES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "\
     cpa dipl doctor dott dr drs esq frau herr hon ii iii ing ir iv jr junior lic madame mag mba md \
     miss mlle mme monsieur mr mrs ms msc mx phd prof professor rev sir sr sra srta"
    .split_ascii_whitespace()
    .collect()
});

/// Words that belong to the one after them: `de la Cruz` and `Delacruz` are one name.
static PARTICLES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "\
     af al av bin da dal das de degli del della den der des di do dos du el ibn la las le les lo \
     los mac mc o san st ten ter van vande ver vom von zu zum zur"
        .split_ascii_whitespace()
        .collect()
});

/// What fields are filled with where a name is wanted, folded.
static PLACEHOLDERS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "\
     admin, anonymous, asdf, blank, contact, customer, demo, desconocido, empty, fake, first, first \
     name, firstname, guest, inconnu, info, last, last name, lastname, lead, n a, na, name, nil, no \
     last name, no name, noname, none, not available, not given, not known, not provided, null, \
     sales, surname, tbc, tbd, test, tester, testing, unbekannt, undefined, unknown, user, xx, xxx"
    .split(", ")
    .collect()
});

/// How two names of persons relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRelation {
    /// One key: the same names, whichever way written.
    Same,
    /// The given names may be one person's; a family name may change.
    Compatible,
    /// A name is missing, filled in, shortened to initials or written in another script.
    Unknown,
    /// The family names agree, the given names do not.
    GivenNamesDiffer,
    /// Neither given nor family names agree.
    NamesDiffer,
}

impl NameRelation {
    /// Gives the word that SQL compares with.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Compatible => "compatible",
            Self::Unknown => "unknown",
            Self::GivenNamesDiffer => "given_names_differ",
            Self::NamesDiffer => "names_differ",
        }
    }
}

/// Nicknames: which names (lines of the list) a word stands for, and which it plainly stands for.
struct Nicknames {
    lines_by_word: HashMap<&'static str, Vec<u16>>,
    name_by_nickname: HashMap<&'static str, &'static str>,
}

static NICKNAMES: LazyLock<Nicknames> = LazyLock::new(|| {
    let mut nicknames =
        Nicknames { lines_by_word: HashMap::new(), name_by_nickname: HashMap::new() };
    let lines = include_str!("data/nicknames.txt").lines().filter(|line| !line.starts_with('#'));
    for (number, line) in (0u16..).zip(lines) {
        let Some((name, words)) = line.split_once(':') else { continue };
        for word in std::iter::once(name).chain(words.split_ascii_whitespace()) {
            let nickname = word.strip_prefix('=');
            nicknames.lines_by_word.entry(nickname.unwrap_or(word)).or_default().push(number);
            if let Some(nickname) = nickname {
                nicknames.name_by_nickname.insert(nickname, name);
            }
        }
    }
    nicknames
});

/// A name as its folded words, without titles.
struct PersonName {
    given: Vec<String>,
    family: Vec<String>,
    /// Whether letters beyond the Latin ones were transliterated.
    is_transliterated: bool,
}

/// Normalizes a person's name to its folded words, sorted, so that it does not matter which field
/// holds which: nicknames that stand for one name as that name, without titles and initials.
///
/// `None` unless both a given and a family name are there: a single name or an initial identifies
/// nobody.
pub fn person_name_key(first: &str, last: &str) -> Option<String> {
    key(&PersonName::read(first, last)?)
}

/// Tells whether two names say that these are different people. False where either is incomplete.
pub fn person_names_differ(
    left_first: &str,
    left_last: &str,
    right_first: &str,
    right_last: &str,
) -> bool {
    matches!(
        person_name_relation(left_first, left_last, right_first, right_last),
        NameRelation::GivenNamesDiffer | NameRelation::NamesDiffer
    )
}

/// Tells how two names relate; the same in both directions.
pub fn person_name_relation(
    left_first: &str,
    left_last: &str,
    right_first: &str,
    right_last: &str,
) -> NameRelation {
    let (Some(left), Some(right)) =
        (PersonName::read(left_first, left_last), PersonName::read(right_first, right_last))
    else {
        return NameRelation::Unknown;
    };
    let left_key = key(&left);
    if left_key.is_some() && left_key == key(&right) {
        return NameRelation::Same;
    }
    let is_swapped =
        share_word(&left.given, &right.family) && share_word(&left.family, &right.given);
    if is_swapped || given_names_fit(&left.given, &right.given) {
        return NameRelation::Compatible;
    }
    let is_guess = [&left, &right].iter().any(|name| is_initials(&name.given))
        || left.is_transliterated != right.is_transliterated;
    if is_guess {
        return NameRelation::Unknown;
    }
    // The given name of one among the family names of the other: fields mixed up, or a second name.
    if share_word(&left.given, &right.family) || share_word(&left.family, &right.given) {
        return NameRelation::Unknown;
    }
    if family_names_fit(&left.family, &right.family) {
        NameRelation::GivenNamesDiffer
    } else {
        NameRelation::NamesDiffer
    }
}

impl PersonName {
    /// Reads a name. `None` if a part is missing or filled with something else.
    fn read(first: &str, last: &str) -> Option<Self> {
        let blank = |text: &str| text.trim().is_empty();
        let (first, last) = match (blank(first), blank(last)) {
            (false, false) => (first, last),
            // `Smith, John` in one field.
            (true, false) => last.split_once(',').map(|(family, given)| (given, family))?,
            (false, true) => first.split_once(',').map(|(family, given)| (given, family))?,
            (true, true) => return None,
        };
        let is_transliterated = [first, last].iter().any(|text| {
            text.chars().any(|c| c.is_alphabetic() && u32::from(c) > 0x24f && !is_latin(c))
        });
        Some(Self { given: words(first)?, family: words(last)?, is_transliterated })
    }
}

/// Tells Latin letters beyond the first blocks, such as those of Vietnamese.
fn is_latin(c: char) -> bool {
    matches!(u32::from(c), 0x250..=0x2ff | 0x1e00..=0x1eff | 0x2c60..=0x2c7f | 0xa720..=0xa7ff | 0xff21..=0xff5a)
}

/// Folds one part of a name to its words, particles joined to what they belong to.
fn words(text: &str) -> Option<Vec<String>> {
    let folded = fold(text);
    if PLACEHOLDERS.contains(folded.as_str()) {
        return None;
    }
    let parts =
        folded.split_ascii_whitespace().filter(|word| !word.bytes().all(|b| b.is_ascii_digit()));
    let mut words: Vec<String> = Vec::new();
    let mut particle = String::new();
    for part in parts {
        if TITLES.contains(part) && particle.is_empty() {
            continue;
        }
        particle.push_str(part);
        if !PARTICLES.contains(part) {
            words.push(std::mem::take(&mut particle));
        }
    }
    if !particle.is_empty() {
        words.push(particle);
    }
    if words.is_empty() {
        // A part that is a title and nothing else is a name after all: `Ms`, `Sir`.
        words.extend(folded.split_ascii_whitespace().next_back().map(str::to_owned));
    }
    let has_letter = |word: &String| word.bytes().any(|b| b.is_ascii_alphabetic());
    (!words.is_empty() && words.iter().any(has_letter)).then_some(words)
}

fn key(name: &PersonName) -> Option<String> {
    let whole = |words: &'_ [String]| -> Vec<String> {
        words
            .iter()
            .filter(|word| word.len() > 1)
            .map(|word| {
                NICKNAMES
                    .name_by_nickname
                    .get(word.as_str())
                    .map_or(word.clone(), |&n| n.to_owned())
            })
            .collect()
    };
    let (mut words, family) = (whole(&name.given), whole(&name.family));
    if words.is_empty() || family.is_empty() {
        return None;
    }
    words.extend(family);
    words.sort_unstable();
    Some(words.join(" "))
}

/// Tells whether given names may be one person's.
fn given_names_fit(left: &[String], right: &[String]) -> bool {
    if share_word(left, right) || initials_fit(left, right) || initials_fit(right, left) {
        return true;
    }
    let (left_name, right_name) = (left.concat(), right.concat());
    let starts = |long: &str, short: &str| short.len() > 1 && long.starts_with(short);
    starts(&left_name, &right_name)
        || starts(&right_name, &left_name)
        || any_pair(left, right, |left, right| {
            starts(left, right)
                || starts(right, left)
                || share_nickname(left, right)
                || are_spellings(left, right)
        })
}

/// Tells whether family names may be one person's at one time.
fn family_names_fit(left: &[String], right: &[String]) -> bool {
    share_word(left, right)
        || left.concat() == right.concat()
        || any_pair(left, right, |left, right| {
            (left.len().min(right.len()) == 1 && left.bytes().next() == right.bytes().next())
                || are_spellings(left, right)
        })
}

fn any_pair(left: &[String], right: &[String], test: impl Fn(&str, &str) -> bool) -> bool {
    left.iter().any(|left| right.iter().any(|right| test(left, right)))
}

fn share_word(left: &[String], right: &[String]) -> bool {
    any_pair(left, right, |left, right| left.len() > 1 && left == right)
}

/// Tells whether given names are initials only, `J.` or `JP`.
fn is_initials(words: &[String]) -> bool {
    let is_vowel = |b: u8| matches!(b, b'a' | b'e' | b'i' | b'o' | b'u' | b'y');
    words.iter().all(|word| word.len() == 1 || (word.len() == 2 && !word.bytes().any(is_vowel)))
}

/// Tells whether the first names of one are initials of the other's.
fn initials_fit(short: &[String], long: &[String]) -> bool {
    let initials = short.concat();
    let letters: String = long.iter().filter_map(|word| word.chars().next()).collect();
    is_initials(short)
        && (letters.starts_with(&initials)
            || initials.starts_with(&letters)
            || letters.contains(&initials)
            || (short.iter().any(|word| word.len() == 1)
                && initials.chars().any(|c| nickname_starts_with(long, c))))
}

/// Tells whether somebody of these names may be called something that starts with a letter.
fn nickname_starts_with(words: &[String], letter: char) -> bool {
    words.iter().any(|word| {
        word.starts_with(letter)
            || NICKNAMES
                .name_by_nickname
                .get(word.as_str())
                .is_some_and(|name| name.starts_with(letter))
    })
}

fn share_nickname(left: &str, right: &str) -> bool {
    let lines = |word| NICKNAMES.lines_by_word.get(word);
    let (Some(left), Some(right)) = (lines(left), lines(right)) else { return false };
    left.iter().any(|line| right.contains(line))
}

/// Tells whether two words are spellings of one name: a slip apart, or with the same consonants.
fn are_spellings(left: &str, right: &str) -> bool {
    if is_slip(left, right) {
        return true;
    }
    let (left, right) = (consonants(left), consonants(right));
    left.len() > 2 && left == right
}

/// Reduces a name to how its consonants sound in most languages: `Mohammed` and `Muhamad`,
/// `Katherine` and `Catarina`, `Jürgen` and `Juergen` come out alike.
fn consonants(word: &str) -> String {
    let mut sounds = String::with_capacity(word.len());
    for c in word.replace("ph", "f").replace("th", "t").replace('x', "ks").chars() {
        let sound = match c {
            'a' | 'e' | 'i' | 'o' | 'u' | 'y' => continue,
            'c' | 'q' => 'k',
            'z' => 's',
            'v' | 'w' => 'f',
            c => c,
        };
        if !sounds.ends_with(sound) {
            sounds.push(sound);
        }
    }
    sounds
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn same_key(names: &[(&str, &str)], key: &str) {
        for (first, last) in names {
            assert_eq!(person_name_key(first, last).as_deref(), Some(key), "{first} {last}");
        }
    }

    #[test]
    fn a_name_has_one_key_however_written() {
        same_key(
            &[
                ("José", "O’Brien"),
                ("JOSE", "O'Brien"),
                ("Jose", "O Brien"),
                ("O'Brien", "José"),
                ("", "O'Brien, José"),
                ("Mr. José", "O'Brien Jr."),
                ("José M.", "O'Brien III"),
                ("Dr José", "O'Brien, PhD"),
            ],
            "jose obrien",
        );
        same_key(
            &[("Robert", "Smith"), ("Bob", "Smith"), ("Smith", "Rob"), ("Bobby J.", "SMITH")],
            "robert smith",
        );
        same_key(
            &[("Anna", "van der Berg"), ("Anna", "Vanderberg"), ("van der Berg", "anna")],
            "anna vanderberg",
        );
        same_key(&[("Иван", "Петров"), ("Ivan", "Petrov")], "ivan petrov");
        same_key(&[("Łukasz", "Żak"), ("Lukasz", "Zak")], "lukasz zak");
        same_key(&[("Jean-Luc", "Picard"), ("Jean Luc", "Picard")], "jean luc picard");
        // Alex may be Alexander, Alexandra or just Alex.
        same_key(&[("Alex", "Kim")], "alex kim");
    }

    #[test]
    fn half_a_name_is_no_key() {
        for (first, last) in [
            ("", "Li"),
            ("Ana", ""),
            ("J.", "Smith"),
            ("Unknown", "Smith"),
            ("Ana", "n/a"),
            ("Ana", "[not provided]"),
            ("Ana", "."),
            ("-", "Ruiz"),
            ("test", "test"),
            ("Ana", "123"),
        ] {
            assert_eq!(person_name_key(first, last), None, "{first} {last}");
        }
        assert!(person_name_key("Li", "Na Wei").is_some());
    }

    fn check(left: (&str, &str), right: (&str, &str), relation: NameRelation) {
        for (left, right) in [(left, right), (right, left)] {
            let found = person_name_relation(left.0, left.1, right.0, right.1);
            assert_eq!(found, relation, "{left:?} {right:?}");
        }
    }

    #[test]
    fn names_of_one_person() {
        use NameRelation::{Compatible, Same};
        check(("Bob", "Smith"), ("Robert", "Smith"), Same);
        check(("Smith", "Robert"), ("Robert", "Smith"), Same);
        for (left, right) in [
            (("Anna", "Ruiz"), ("Anna", "Miller")),
            (("Anna", "Ruiz"), ("Anna Maria", "Ruiz")),
            (("Maria", "Ruiz"), ("Anna Maria", "Ruiz")),
            (("Jean-Luc", "Picard"), ("Jean", "Picard")),
            (("Jean-Luc", "Picard"), ("JL", "Picard")),
            (("J.", "Smith"), ("John", "Smith")),
            (("J.P.", "Smith"), ("John Paul", "Smith")),
            (("B.", "Smith"), ("Bob", "Smith")),
            (("R.", "Smith"), ("Bob", "Smith")),
            (("Chris", "Smith"), ("Christina", "Smith")),
            (("Alex", "Smith"), ("Sandra", "Smith")),
            (("Jon", "Smith"), ("Jonathan", "Smith")),
            (("Steven", "Smith"), ("Stephan", "Smith")),
            (("Mohammed", "Ali"), ("Muhamad", "Ali")),
            (("Katherine", "Li"), ("Catherine", "Li")),
            (("Juergen", "Mueller"), ("Jürgen", "Müller")),
            (("Micheal", "Smith"), ("Michael", "Smith")),
            (("Dan", "Smith"), ("Daniel", "Smyth")),
        ] {
            check(left, right, Compatible);
        }
    }

    #[test]
    fn names_of_two_people() {
        use NameRelation::{GivenNamesDiffer, NamesDiffer};
        check(("Anna", "Ruiz"), ("Carlos", "Ruiz"), GivenNamesDiffer);
        check(("Robert", "Smith"), ("William", "Smith"), GivenNamesDiffer);
        check(("Anna", "Müller"), ("Peter", "Mueller"), GivenNamesDiffer);
        check(("Anna", "Ruiz"), ("Peter", "Hall"), NamesDiffer);
        assert!(person_names_differ("Anna", "Ruiz", "Peter", "Hall"));
        assert!(!person_names_differ("Anna", "Ruiz", "Anna", "Hall"));
    }

    #[test]
    fn names_that_say_nothing() {
        for (left, right) in [
            (("", "Ruiz"), ("Anna", "Ruiz")),
            (("Anna", ""), ("Peter", "Hall")),
            (("Unknown", "Ruiz"), ("Anna", "Ruiz")),
            (("X.", "Smith"), ("John", "Smith")),
            (("TJ", "Smith"), ("Robert", "Smith")),
            (("伟", "李"), ("Kevin", "Lee")),
            (("Test", "Test"), ("Anna", "Ruiz")),
        ] {
            check(left, right, NameRelation::Unknown);
        }
    }

    proptest! {
        #[test]
        fn fields_may_be_swapped(first in "[A-Z][a-zé]{2,8}", last in "[A-Z][a-zö]{2,8}( [A-Z][a-z]{2,5})?") {
            prop_assert_eq!(person_name_key(&first, &last), person_name_key(&last, &first));
        }

        #[test]
        fn case_and_space_say_nothing(first in "[A-Za-zé. ]{0,10}", last in "[A-Za-zö' -]{0,12}") {
            let key = person_name_key(&first, &last);
            prop_assert_eq!(person_name_key(&first.to_uppercase(), &last.to_lowercase()), key.clone());
            prop_assert_eq!(person_name_key(&format!(" {first}\u{a0}"), &format!("{last}\t")), key);
        }

        #[test]
        fn a_relation_has_no_direction(
            names in proptest::collection::vec("[A-Ea-eé. ]{0,8}|Bob|Robert|Anna Maria|JP|伟", 4),
        ) {
            let [a, b, c, d] = &names[..] else { unreachable!("four were asked for") };
            prop_assert_eq!(person_name_relation(a, b, c, d), person_name_relation(c, d, a, b));
            prop_assert!(!person_names_differ(a, b, a, b));
        }

        #[test]
        fn any_text_is_read(a in ".{0,20}", b in ".{0,20}", c in ".{0,20}", d in ".{0,20}") {
            let _ = (person_name_key(&a, &b), person_name_relation(&a, &b, &c, &d));
        }
    }
}
