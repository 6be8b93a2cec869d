//! Match keys: the normalized values by which records link exactly.
//!
//! A key is `None` when the value cannot identify anybody: blank, not of the kind, or a dummy
//! value that forms are filled with.

use phonenumber::Mode;
use phonenumber::country::Id as CountryId;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Mailbox names that a team reads, so that sharing one says nothing about the person.
const ROLE_MAILBOXES: &[&str] = &[
    "accounts",
    "admin",
    "billing",
    "careers",
    "contact",
    "contactus",
    "enquiries",
    "finance",
    "hello",
    "help",
    "hr",
    "info",
    "inquiries",
    "jobs",
    "legal",
    "mail",
    "marketing",
    "media",
    "no-reply",
    "noreply",
    "office",
    "orders",
    "postmaster",
    "press",
    "reception",
    "sales",
    "service",
    "support",
    "team",
    "webmaster",
];

/// Addresses that stand for "none".
const DUMMY_EMAILS: &[&str] = &[
    "a@a.com",
    "email@email.com",
    "n/a@n/a.com",
    "na@na.com",
    "no@email.com",
    "noemail@noemail.com",
    "none@none.com",
    "test@test.com",
    "unknown@unknown.com",
];

/// Words that say what kind of company it is, not which.
const LEGAL_FORMS: &[&str] = &[
    "ab",
    "ag",
    "as",
    "bv",
    "co",
    "company",
    "corp",
    "corporation",
    "gmbh",
    "holding",
    "holdings",
    "inc",
    "incorporated",
    "kg",
    "kk",
    "limited",
    "llc",
    "llp",
    "ltd",
    "nv",
    "oy",
    "oyj",
    "plc",
    "pte",
    "pty",
    "pvt",
    "sa",
    "sarl",
    "sas",
    "se",
    "sl",
    "spa",
    "srl",
    "sro",
];

/// Normalizes an e-mail address: trimmed, lower case. `None` for anything that is no address, for
/// role mailboxes and for dummy addresses.
pub fn email_key(text: &str) -> Option<String> {
    let email = text.trim().to_lowercase();
    let (local, domain) = email.split_once('@')?;
    let is_address = !local.is_empty()
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && !domain.contains('@')
        && !email.contains(char::is_whitespace);
    let is_personal = !ROLE_MAILBOXES.contains(&local) && !DUMMY_EMAILS.contains(&email.as_str());
    (is_address && is_personal).then_some(email)
}

/// Normalizes a phone number to E.164, read as dialled in `region` (ISO 3166-1 alpha-2) when it
/// has no country code. `None` for what is no number, or has one digit repeated throughout.
pub fn phone_key(text: &str, region: &str) -> Option<String> {
    let region: Option<CountryId> = region.parse().ok();
    let number = phonenumber::parse(region, text.trim()).ok()?;
    let key = number.format().mode(Mode::E164).to_string();
    let national = number.national().to_string();
    let first = national.chars().next()?;
    let is_dummy = national.len() < 6 || national.chars().all(|digit| digit == first);
    (!is_dummy).then_some(key)
}

/// Brings a Salesforce record id of 15 characters to its 18, whose last 3 are a checksum of the
/// others' case. Any other text stays as it is, and then names no record; `None` for blank.
pub fn salesforce_id(text: &str) -> Option<String> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    let text = text.trim();
    let is_short = text.len() == 15 && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_short {
        return (!text.is_empty()).then(|| text.to_owned());
    }
    let mut id = text.to_owned();
    for group in text.as_bytes().chunks(5) {
        let bits = group
            .iter()
            .enumerate()
            .fold(0, |bits, (k, b)| bits | (usize::from(b.is_ascii_uppercase()) << k));
        id.push(char::from(*LETTERS.get(bits)?));
    }
    Some(id)
}

/// Takes the host out of a URL, an e-mail address or a bare domain, lower case and without `www.`.
pub fn domain_key(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let text = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
    let text = text.split(['/', '?', '#']).next()?;
    let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let host = text.split(':').next()?.trim_end_matches('.');
    let host = host.strip_prefix("www.").unwrap_or(host);
    (host.contains('.') && !host.contains(char::is_whitespace)).then(|| host.to_owned())
}

/// Normalizes a company name: folded to plain letters, without punctuation and legal form.
pub fn company_name_key(text: &str) -> Option<String> {
    let folded = fold(text);
    let words: Vec<&str> = folded.split_whitespace().collect();
    let kept: Vec<&str> =
        words.iter().copied().filter(|word| !LEGAL_FORMS.contains(word)).collect();
    let kept = if kept.is_empty() { words } else { kept };
    (!kept.is_empty()).then(|| kept.join(" "))
}

/// Normalizes a person's name to its folded words in order. `None` unless both parts are given: a
/// single name identifies nobody.
pub fn person_name_key(first: &str, last: &str) -> Option<String> {
    let (first, last) = (fold(first), fold(last));
    (!first.is_empty() && !last.is_empty()).then(|| format!("{first} {last}"))
}

/// Folds text for comparison: compatibility forms, no accents, lower case, letters and digits only.
fn fold(text: &str) -> String {
    let folded: String = text
        .nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .filter(|c| !matches!(c, '.' | '\'' | '’'))
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_keys() {
        assert_eq!(email_key(" Ana.Ruiz@Example.ORG "), Some("ana.ruiz@example.org".into()));
        for none in ["", "ana", "@x.io", "info@acme.io", "none@none.com", "a b@c.io", "a@b@c.io"] {
            assert_eq!(email_key(none), None, "{none}");
        }
    }

    #[test]
    fn phone_keys() {
        let same = ["(415) 555-0132", "415.555.0132", "+1 415 555 0132", "1-415-555-0132"];
        for text in same {
            assert_eq!(phone_key(text, "US"), Some("+14155550132".into()), "{text}");
        }
        assert_eq!(phone_key("020 7946 0958", "GB"), Some("+442079460958".into()));
        for none in ["", "000", "0000000000", "call me"] {
            assert_eq!(phone_key(none, "US"), None, "{none}");
        }
    }

    #[test]
    fn salesforce_ids_are_whole() {
        for (short, end) in
            [("0015500001QdQWa", "AAN"), ("750Hn00000OUfXP", "IA1"), ("0GaHn000005s2T4", "KAI")]
        {
            assert_eq!(salesforce_id(short), Some(format!("{short}{end}")));
            assert_eq!(salesforce_id(&format!("{short}{end}")), Some(format!("{short}{end}")));
        }
        assert_eq!(salesforce_id("not an id"), Some("not an id".to_owned()));
        assert_eq!(salesforce_id(" "), None);
    }

    #[test]
    fn domain_keys() {
        for text in ["https://www.Acme.io/about?x=1", "acme.io", "ana@acme.io", "acme.io:443"] {
            assert_eq!(domain_key(text), Some("acme.io".into()), "{text}");
        }
        assert_eq!(domain_key("acme"), None);
    }

    #[test]
    fn name_keys() {
        assert_eq!(company_name_key("Müller & Söhne GmbH"), Some("muller sohne".into()));
        assert_eq!(company_name_key("The Limited, Inc."), Some("the".into()));
        assert_eq!(person_name_key("José", "O’Brien"), Some("jose obrien".into()));
        assert_eq!(person_name_key("", "Li"), None);
    }
}
