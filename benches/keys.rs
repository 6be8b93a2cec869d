//! Seconds for a million values of each match key, on one core.
//!
//! The values are made from a seed: what people type, with duplicates, blanks and values that are
//! none. `.ci/bench-keys` runs it.

use std::hint::black_box;
use std::time::Instant;

use concord::identity::keys;
use rand::rngs::ChaCha12Rng;
use rand::{RngExt, SeedableRng};

const N_VALUES: usize = 1_000_000;
const SEED: u64 = 7;

const GIVEN: &[&str] = &[
    "Anna",
    "Bob",
    "Robert",
    "José",
    "Jean-Luc",
    "Søren",
    "Иван",
    "Katherine",
    "Cathy",
    "Mohammed",
    "Li",
    "J.",
    "",
    "Unknown",
    "Dr. Peter",
    "Alex",
    "Maria del Carmen",
    "Łukasz",
    "Michael",
    "Mike",
];
const FAMILY: &[&str] = &[
    "Smith",
    "O'Brien",
    "van der Berg",
    "Müller",
    "Mueller",
    "García Márquez",
    "Петров",
    "Nguyen",
    "Żak",
    "Picard",
    "",
    "n/a",
    "Johnson Jr.",
    "Ali",
    "Tanaka",
    "de la Cruz",
    "Hall, PhD",
];
const COMPANY: &[&str] = &[
    "Acme",
    "Johnson & Wright",
    "Müller und Söhne",
    "International Business Machines",
    "IBM",
    "Northgate Cloud",
    "株式会社トヨタ",
    "Газпром",
    "Moraine Security",
    "Amazon.com",
    "Saffron Energy",
];
const FORM: &[&str] = &[
    "",
    "",
    " Inc.",
    ", LLC",
    " GmbH & Co. KG",
    " S.A. de C.V.",
    " Pty. Ltd.",
    " Group",
    " S.p.A.",
    " AB (publ)",
];
const DOMAIN: &[&str] = &[
    "gmail.com",
    "outlook.com",
    "acme.io",
    "northgate-cloud.co.uk",
    "müller.de",
    "GoogleMail.com",
    "saffronenergy.com.au",
    "proton.me",
    "shop.acme.com",
    "acme.github.io",
    "mailinator.com",
];
const PHONE: &[&str] = &[
    "+1 (415) 555-####",
    "415-555-####",
    "(604) 555-#### x12",
    "+44 20 7946 0###",
    "0044 20 7946 0###",
    "+49 (0)30 90 18 2###",
    "+33 1 99 00 ## ##",
    "+91 40 4020 ####",
    "+81 3-1234-####",
    "+55 11 91234-####",
    "n/a",
    "0000000000",
    "call me",
    "55#####",
    "",
];
const WEBSITE: &[&str] =
    &["https://www.{}/about?x=1", "{}", "http://{}", "www.{}", "ana@{}", "n/a", ""];

fn main() {
    let mut random = ChaCha12Rng::seed_from_u64(SEED);
    let mut values = |make: &dyn Fn(&mut Source) -> [String; 4]| -> Vec<[String; 4]> {
        let mut source = Source { random: &mut random };
        (0..N_VALUES).map(|_| make(&mut source)).collect()
    };
    let emails = values(&|s| [s.email(), String::new(), String::new(), String::new()]);
    let phones = values(&|s| [s.phone(), String::new(), String::new(), String::new()]);
    let domains = values(&|s| [s.website(), String::new(), String::new(), String::new()]);
    let companies = values(&|s| [s.company(), s.company(), String::new(), String::new()]);
    let people = values(&|s| [s.pick(GIVEN), s.pick(FAMILY), s.pick(GIVEN), s.pick(FAMILY)]);

    time("email_key", &emails, |[text, ..]| keys::email_key(text).is_some());
    time("phone_key", &phones, |[text, ..]| keys::phone_key(text, "US").is_some());
    time("domain_key", &domains, |[text, ..]| keys::domain_key(text).is_some());
    time("is_free_mail", &domains, |[text, ..]| keys::is_free_mail(text));
    time("company_name_key", &companies, |[text, ..]| keys::company_name_key(text).is_some());
    time("company_names_agree", &companies, |[l, r, ..]| keys::company_names_agree(l, r));
    time("person_name_key", &people, |[f, l, ..]| keys::person_name_key(f, l).is_some());
    time("person_name_relation", &people, |[lf, ll, rf, rl]| {
        keys::person_names_differ(lf, ll, rf, rl)
    });
}

#[expect(clippy::print_stdout, reason = "a benchmark reads the clock and prints")]
fn time(name: &str, values: &[[String; 4]], run: impl Fn(&[String; 4]) -> bool) {
    // The first call loads the lists.
    black_box(values.first().map(&run));
    let start = Instant::now();
    let n_found = values.iter().filter(|value| run(black_box(value))).count();
    let seconds = start.elapsed().as_secs_f64();
    println!("{seconds:6.2} s  {name}: true or a key for {n_found} of {}", values.len());
}

struct Source<'a> {
    random: &'a mut ChaCha12Rng,
}

impl Source<'_> {
    fn below(&mut self, limit: usize) -> usize {
        self.random.random_range(0..limit)
    }

    fn pick(&mut self, words: &[&str]) -> String {
        let place = self.below(words.len());
        words[place].to_owned()
    }

    fn email(&mut self) -> String {
        let name =
            format!("{}.{}", self.pick(GIVEN), self.pick(FAMILY)).replace([' ', '\'', ','], "");
        let domain = self.pick(DOMAIN);
        match self.below(20) {
            0 => String::new(),
            1 => name,
            2 => format!("info@{domain}"),
            3 => format!("{name} <{name}@{domain}>"),
            4 => format!(" {name}+news@{domain};"),
            _ => format!("{name}{}@{domain}", self.below(1000)),
        }
    }

    fn phone(&mut self) -> String {
        let pattern = self.pick(PHONE);
        pattern.chars().map(|c| if c == '#' { self.digit() } else { c }).collect()
    }

    fn digit(&mut self) -> char {
        char::from(b'0' + u8::try_from(self.below(10)).expect("ten digits"))
    }

    fn website(&mut self) -> String {
        let domain = self.pick(DOMAIN);
        self.pick(WEBSITE).replace("{}", &domain)
    }

    fn company(&mut self) -> String {
        format!("{}{}", self.pick(COMPANY), self.pick(FORM))
    }
}
