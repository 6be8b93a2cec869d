//! The people in the CRMs: who they are, where they work, how they came.

use jiff::Timestamp;
use unicode_normalization::UnicodeNormalization;

use super::clock::quarter;
use super::dice::Dice;
use super::names::LOCALES;
use super::staff::ACTIVE_REPS;
use super::studio::Studio;
use super::words::{EVENTS, PAID_CAMPAIGNS, SDR_SEQUENCES, TITLES};

/// One person, before any CRM knows them.
#[derive(Clone, Debug)]
pub struct Person {
    pub first: String,
    pub last: String,
    pub email: String,
    pub phone: String,
    /// Index of the firm they work for.
    pub firm: usize,
    pub title: String,
    pub city: &'static str,
    pub state: &'static str,
    pub zip: String,
    pub country: &'static str,
    /// Value of `lead_source_detail`.
    pub source: &'static str,
    pub utm_source: String,
    pub utm_medium: String,
    pub utm_campaign: String,
    pub segment: &'static str,
    pub score: usize,
    /// Owner, an index into the staff.
    pub owner: usize,
}

const FREE_MAIL: &[&str] = &["gmail.com", "outlook.com", "yahoo.com", "icloud.com", "proton.me"];

/// Makes up a person whom no record names yet, who first shows up around `seen_at`.
///
/// Name, e-mail address and telephone number are theirs alone: a name may occur again only at
/// another company.
pub fn person(studio: &mut Studio, seen_at: Timestamp) -> Person {
    let firm = studio.dice.between(0, studio.firms.len() - 1);
    person_at(studio, firm, seen_at)
}

/// Makes up a person who works at a given firm.
pub fn person_at(studio: &mut Studio, firm: usize, seen_at: Timestamp) -> Person {
    let locale = &LOCALES[studio.firms[firm].locale];
    let domain = studio.firms[firm].domain.clone();
    let (first, last) = loop {
        let first = *studio.dice.pick(locale.given);
        let last = *studio.dice.pick(locale.family);
        if studio.take("name", &format!("{first} {last} {firm}")) {
            break (first, last);
        }
        // A company that employs everyone of its country's names hires from elsewhere.
        let elsewhere = studio.dice.between(0, LOCALES.len() - 1);
        let last = *studio.dice.pick(LOCALES[elsewhere].family);
        if studio.take("name", &format!("{first} {last} {firm}")) {
            break (first, last);
        }
    };
    let email = address(studio, first, last, &domain);
    let phone = own_phone(studio, firm);
    let (city, state) = (studio.firms[firm].city, studio.firms[firm].state);
    let zip = if studio.dice.chance(30) {
        fill(&mut studio.dice, locale.postal_code)
    } else {
        String::new()
    };
    let source = ["organic", "paid", "referral", "event", "outbound"]
        [studio.dice.weighted(&[38, 27, 10, 16, 9])];
    let [utm_source, utm_medium, utm_campaign] = utm(&mut studio.dice, source, seen_at);
    let title =
        if studio.dice.chance(92) { (*studio.dice.pick(TITLES)).to_owned() } else { String::new() };
    Person {
        first: native(first).to_owned(),
        last: native(last).to_owned(),
        email,
        phone,
        firm,
        title,
        city,
        state,
        zip,
        country: locale.country,
        source,
        utm_source,
        utm_medium,
        utm_campaign,
        segment: studio.firms[firm].segment,
        score: studio.dice.between(50, 98),
        owner: *studio.dice.pick(ACTIVE_REPS),
    }
}

/// Gives a telephone number in the firm's country that nobody has.
pub fn own_phone(studio: &mut Studio, firm: usize) -> String {
    let locale = studio.firms[firm].locale;
    free_phone(studio, locale)
}

/// Gives a telephone number of a country, by its place among the locales, that nobody has.
///
/// A very large company uses up a country's fictional range; whoever comes then has no telephone.
pub fn free_phone(studio: &mut Studio, locale: usize) -> String {
    let patterns = LOCALES[locale].phones;
    if studio.n_phones[locale] == n_numbers(patterns) {
        return String::new();
    }
    for _ in 0..40 {
        let number = digits(&mut studio.dice, patterns);
        if studio.take("phone", &number) {
            studio.n_phones[locale] += 1;
            return number;
        }
    }
    String::new()
}

/// Counts the numbers that some patterns stand for.
pub fn n_numbers(patterns: &[&str]) -> usize {
    let numbers = |pattern: &&str| {
        pattern.chars().filter(|sign| *sign == '#').fold(1, |numbers, _| numbers * 10)
    };
    patterns.iter().map(numbers).sum()
}

/// Gives an address at `domain`, or now and then at a free-mail provider, that nobody has.
fn address(studio: &mut Studio, first: &str, last: &str, domain: &str) -> String {
    let (first, last) = (latin_words(first, ""), latin_words(last, ""));
    let free = studio.dice.chance(7);
    let domain = if free { *studio.dice.pick(FREE_MAIL) } else { domain };
    let initial: String = first.chars().take(1).collect();
    let local = match studio.dice.weighted(&[60, 20, 12, 8]) {
        _ if free => format!("{first}{last}{}", studio.dice.between(10, 99)),
        0 => format!("{first}.{last}"),
        1 => format!("{initial}{last}"),
        2 => format!("{first}_{last}"),
        _ => format!("{first}{}", last.chars().take(1).collect::<String>()),
    };
    address_like(studio, &local, domain)
}

/// Gives an address close to `local` that nobody has.
pub fn address_like(studio: &mut Studio, local: &str, domain: &str) -> String {
    let mut email = format!("{local}@{domain}");
    let mut n = 2;
    while !studio.take("email", &email) {
        email = format!("{local}{n}@{domain}");
        n += 1;
    }
    email
}

/// Fills one of some patterns with digits.
fn digits(dice: &mut Dice, patterns: &[&str]) -> String {
    let pattern = *dice.pick(patterns);
    fill(dice, pattern)
}

/// Spells words with the letters a to z and digits, joined by `joint`.
///
/// A name written `native|latin` is spelt by its latin part.
pub fn latin_words(text: &str, joint: &str) -> String {
    let latin = text.rsplit('|').next().unwrap_or(text);
    let mut words = Vec::new();
    for word in latin.split([' ', '-']) {
        let mut plain = String::new();
        for letter in word.nfd() {
            match letter {
                'ł' | 'Ł' => plain.push('l'),
                'ø' | 'Ø' => plain.push('o'),
                'ß' => plain.push_str("ss"),
                _ if letter.is_ascii_alphanumeric() => plain.push(letter.to_ascii_lowercase()),
                _ => {}
            }
        }
        if !plain.is_empty() {
            words.push(plain);
        }
    }
    words.join(joint)
}

/// Gives source, medium and campaign of the visit that a lead source implies.
fn utm(dice: &mut Dice, source: &str, seen_at: Timestamp) -> [String; 3] {
    let season = quarter(seen_at);
    let (from, medium, campaign) = match source {
        "organic" if dice.chance(55) => return Default::default(),
        "organic" => {
            (*dice.pick(&["google", "bing", "chatgpt.com", "duckduckgo"]), "organic", String::new())
        }
        "paid" => {
            let campaign = format!("{}-{season}", dice.pick(PAID_CAMPAIGNS));
            match dice.weighted(&[55, 35, 10]) {
                0 => ("google", "cpc", campaign),
                1 => ("linkedin", "paid_social", campaign),
                _ => ("reddit", "paid_social", campaign),
            }
        }
        "referral" => (
            *dice.pick(&["g2", "capterra", "newsletter-partner", "customer"]),
            "referral",
            String::new(),
        ),
        "event" => {
            let event = latin_words(dice.pick::<&str>(EVENTS), "-");
            ("event", "badge-scan", format!("{event}-{}", &season[..4]))
        }
        _ => ("outreach", "email", format!("{}-{season}", dice.pick(SDR_SEQUENCES))),
    };
    [from.to_owned(), medium.to_owned(), campaign]
}

fn native(name: &'static str) -> &'static str {
    name.split('|').next().unwrap_or(name)
}

fn fill(dice: &mut Dice, pattern: &str) -> String {
    pattern
        .chars()
        .map(|sign| match sign {
            '#' => char::from(b'0' + u8::try_from(dice.between(0, 9)).unwrap_or(0)),
            other => other,
        })
        .collect()
}
