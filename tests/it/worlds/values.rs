//! Values of mapped fields, as each CRM would hold them, well formed and less so.

use concord::config::{Field, FieldType};

use super::dice::Dice;
use super::knobs::{Knob, Knobs};
use super::schema::SHORT;

/// One meaning in both CRMs' words; the two may mean different things where a knob is on.
#[derive(Clone, Debug, Default)]
pub struct Forms {
    pub hubspot: String,
    pub salesforce: String,
}

/// A user of both CRMs, or of one.
#[derive(Clone, Debug, Default)]
pub struct Staff {
    pub hubspot: String,
    pub salesforce: String,
    pub is_active: bool,
}

/// What values are drawn from.
pub struct Source<'a> {
    pub dice: &'a mut Dice,
    pub knobs: &'a Knobs,
    pub number: u64,
    pub staff: &'a [Staff],
}

const WORDS: [&str; 6] = ["Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta"];
const STRANGE: [&str; 9] = [
    "Zoë",
    "Zoe\u{308}",
    "李雷",
    "🚀 Rocket",
    "‏עברית",
    "a\u{200b}b",
    "İstanbul",
    "Straße",
    "O'Neil \"Ö\"; <b>",
];
const COUNTRIES: [&str; 4] = ["United States", "Germany", "United Kingdom", "Sweden"];

impl Source<'_> {
    fn odd(&mut self, knob: Knob, percent: u64) -> bool {
        self.knobs.has(knob) && self.dice.chance(percent)
    }

    /// Writes the `meaning`-th value of a field. Meanings repeat after a few.
    pub fn forms(&mut self, field: &Field, meaning: usize) -> Forms {
        match field.field_type {
            FieldType::Phone => self.phone(1_000 + meaning % 6),
            FieldType::Email => self.email(meaning),
            FieldType::Picklist => self.picklist(field, meaning),
            FieldType::MultiPicklist => self.choices(field, meaning),
            FieldType::Bool | FieldType::Consent => {
                let text = if meaning.is_multiple_of(2) { "true" } else { "false" };
                Forms::both(text)
            }
            FieldType::Number | FieldType::Currency | FieldType::Percent => {
                self.number(field, meaning)
            }
            FieldType::Date | FieldType::Datetime => self.time(field, meaning),
            FieldType::Owner => self.owner(meaning),
            FieldType::Country => {
                let name = COUNTRIES[meaning % COUNTRIES.len()];
                let mut forms = Forms::both(name);
                if self.odd(Knob::Spaces, 40) {
                    forms.salesforce = name.to_uppercase();
                }
                forms
            }
            FieldType::Text | FieldType::Reference => self.text(field, meaning),
        }
    }

    /// Writes a telephone number of this world's own.
    pub fn phone(&mut self, line: usize) -> Forms {
        let digits = phone_digits(self.number, line);
        let mut forms = Forms::both(&format!("+1{digits}"));
        if self.odd(Knob::Phones, 70) {
            forms.hubspot = self.phone_form(&digits);
            forms.salesforce = self.phone_form(&digits);
        }
        if self.odd(Knob::Placeholders, 10) {
            forms = Forms::both(self.dice.pick(&["000", "n/a", "0000000000"]));
        }
        forms
    }

    fn phone_form(&mut self, digits: &str) -> String {
        let (area, exchange, line) = (&digits[..3], &digits[3..6], &digits[6..]);
        match self.dice.below(7) {
            0 => format!("({area}) {exchange}-{line}"),
            1 => format!("{area}.{exchange}.{line}"),
            2 => format!("+1 {area} {exchange} {line}"),
            3 => format!("1-{area}-{exchange}-{line}"),
            4 => format!("  +1{digits} "),
            5 => digits.to_owned(),
            _ => format!("+1 ({area}) {exchange}-{line}"),
        }
    }

    fn email(&mut self, meaning: usize) -> Forms {
        let text = format!("other{}@{}", meaning % 5, domain(self.number));
        let mut forms = Forms::both(&text);
        if self.odd(Knob::Spaces, 40) {
            forms.salesforce = text.to_uppercase();
        }
        forms
    }

    fn picklist(&mut self, field: &Field, meaning: usize) -> Forms {
        if self.odd(Knob::Unmapped, 25) {
            let stray = match field.name.as_str() {
                "lead_source" => Some(("partner", "Web")),
                "segment" => Some(("startup", "SMB")),
                "tier" => Some(("trial", "Free")),
                "channel" => Some(("gold", "Lead")),
                "lifecycle_stage" => Some(("evangelist", "Lead")),
                "lead_status" => Some(("OPEN", "Accepted")),
                _ => None,
            };
            if let Some((hubspot, salesforce)) = stray {
                return Forms { hubspot: hubspot.to_owned(), salesforce: salesforce.to_owned() };
            }
        }
        let is_retired = |hubspot: &str| ["legacy", "bronze"].contains(&hubspot);
        let known: Vec<&(String, String)> = field
            .values
            .iter()
            .filter(|(hubspot, to)| {
                (self.knobs.has(Knob::Retired) || !is_retired(hubspot))
                    && (self.knobs.has(Knob::Unmapped) || to != "Fax")
                    && to != "Closed - Converted"
            })
            .collect();
        let (hubspot, salesforce) = known[meaning % known.len()];
        Forms { hubspot: hubspot.clone(), salesforce: salesforce.clone() }
    }

    fn choices(&mut self, field: &Field, meaning: usize) -> Forms {
        let mut chosen: Vec<&(String, String)> = Vec::new();
        for (at, pair) in field.values.iter().enumerate() {
            if (meaning + 1) & (1 << (at % 4)) != 0 {
                chosen.push(pair);
            }
        }
        let mut hubspot: Vec<String> = chosen.iter().map(|(from, _)| from.clone()).collect();
        let mut salesforce: Vec<String> = Vec::new();
        for (_, to) in chosen {
            if !salesforce.contains(to) {
                salesforce.push(to.clone());
            }
        }
        if self.odd(Knob::MultiOrder, 60) {
            hubspot.reverse();
        }
        if self.odd(Knob::MultiOrder, 60) {
            salesforce.reverse();
        }
        if self.odd(Knob::Unmapped, 20) {
            match field.name.as_str() {
                "topics" => hubspot.push("ops".to_owned()),
                _ => hubspot.push("mars".to_owned()),
            }
        }
        Forms { hubspot: hubspot.join(";"), salesforce: salesforce.join(";") }
    }

    fn number(&mut self, field: &Field, meaning: usize) -> Forms {
        let whole = [0, 7, 50, 64, 100, 1_250][meaning % 6];
        if field.scale == Some(0) {
            let mut forms = Forms::both(&whole.to_string());
            if self.odd(Knob::Spaces, 40) {
                forms.hubspot = format!("{whole}.0");
            }
            return forms;
        }
        let cents = [0, 25, 50, 99][meaning % 4];
        let mut forms = Forms::both(&format!("{whole}.{cents:02}"));
        if self.odd(Knob::Spaces, 40) {
            forms.hubspot = match self.dice.below(3) {
                0 => format!("{whole}.{cents:02}00"),
                1 => format!("{whole}.{cents:02}1"),
                _ => format!("{whole}.{cents:02}"),
            };
        }
        forms
    }

    fn time(&mut self, field: &Field, meaning: usize) -> Forms {
        let day = 10 + meaning % 6;
        let near_midnight = self.odd(Knob::Zones, 70);
        let hour =
            if near_midnight { self.dice.pick(&[0, 1, 3, 4, 5, 14, 15, 16, 23]) } else { 18 };
        let instant = format!("2026-03-{day:02}T{hour:02}:59:30Z");
        match field.name.as_str() {
            "birthday" => Forms::both(&format!("1980-05-{day:02}")),
            "renewal" => {
                // A new contact with the day is refused, so most worlds have none.
                let day = format!("2026-03-{day:02}");
                let salesforce = if self.knobs.has(Knob::Zones) { day } else { String::new() };
                Forms { hubspot: instant, salesforce }
            }
            "signed" => Forms { hubspot: format!("2026-03-{day:02}"), salesforce: instant },
            _ => {
                let mut forms = Forms::both(&instant);
                if near_midnight {
                    forms.hubspot = instant.replace(":30Z", ":30.789Z");
                }
                forms
            }
        }
    }

    fn owner(&mut self, meaning: usize) -> Forms {
        let wanted = self.odd(Knob::InactiveOwners, 35);
        let staff: Vec<&Staff> = self.staff.iter().filter(|one| one.is_active != wanted).collect();
        let one = staff[meaning % staff.len()];
        Forms { hubspot: one.hubspot.clone(), salesforce: one.salesforce.clone() }
    }

    fn text(&mut self, field: &Field, meaning: usize) -> Forms {
        let mut text = WORDS[meaning % WORDS.len()].to_owned();
        if self.odd(Knob::Unicode, 50) {
            STRANGE[meaning % STRANGE.len()].clone_into(&mut text);
        }
        let mut forms = Forms::both(&text);
        if self.odd(Knob::OverLong, 50) {
            let n = match field.name.as_str() {
                "nickname" | "motto" => SHORT + meaning % 3 * 4,
                "first_name" => 39 + meaning % 3,
                "last_name" => 79 + meaning % 3,
                "job_title" => 127 + meaning % 3,
                _ => 254 + meaning % 3,
            };
            let letters = if self.knobs.has(Knob::Unicode) { "ß𝔘" } else { "xy" };
            forms.hubspot = letters.chars().cycle().take(n).collect();
        }
        if self.odd(Knob::Spaces, 40) {
            let wide = format!(" {} \t", forms.hubspot);
            match self.dice.below(4) {
                0 => forms.hubspot = wide,
                1 => forms.salesforce = format!(" {}", forms.salesforce),
                2 => forms.salesforce = forms.salesforce.to_uppercase(),
                _ => forms.hubspot = format!("\u{a0}{}\u{3000}", forms.hubspot),
            }
        }
        forms
    }
}

impl Forms {
    pub fn both(text: &str) -> Self {
        Self { hubspot: text.to_owned(), salesforce: text.to_owned() }
    }
}

/// The e-mail domain of a world, which no other has.
pub fn domain(number: u64) -> String {
    format!("w{number}works.com")
}

/// Ten digits that no other world and no other line has, as North America writes them.
pub fn phone_digits(number: u64, line: usize) -> String {
    let areas = [212, 303, 312, 404, 415, 503, 617, 702, 206, 512];
    // 2000 lines for each world, 3000 worlds for each area, all with exchanges from 200 on.
    let local = 2_000_000 + (number % 3_000) * 2_000 + line as u64 % 2_000;
    let area = areas[usize::try_from(number / 3_000).unwrap_or_default() % areas.len()];
    format!("{area}{local}")
}
