//! What of a vendor's text may be shown.

use super::{Method, Request};
use crate::crm::url::decode;

/// Names shown of one text.
const NAMES_MAX: usize = 5;

/// Returns as much of a vendor's text as can hold neither a secret nor a personal value: which of
/// the `phrases` it holds, and the names in quotes that the request itself asked for.
///
/// Vendors quote what they were sent and what they store: `STRING_TOO_LONG` the value, a unique
/// clash the other record's, `MALFORMED_QUERY` the whole query. Chosen: to show only words known
/// beforehand. Instead of: masking what looks like a value, because a name looks like any word.
pub fn shown(text: &str, request: &Request, phrases: &[&str]) -> String {
    let phrase = phrases.iter().find(|phrase| text.contains(**phrase)).copied();
    let names = names(text, request);
    match (phrase, names.is_empty()) {
        (Some(phrase), true) => phrase.to_owned(),
        (Some(phrase), false) => format!("{phrase} ({})", names.join(", ")),
        (None, false) => format!("about {}", names.join(", ")),
        (None, true) => "the text is not shown, since it may quote values".to_owned(),
    }
}

/// Returns a vendor's error code, if it is one by its look.
pub fn shown_code(code: &str) -> Option<&str> {
    let is_code = !code.is_empty()
        && code.len() <= 80
        && code.bytes().all(|byte| byte.is_ascii_uppercase() || b"_0123456789".contains(&byte));
    is_code.then_some(code)
}

/// Finds the names in quotes that the request holds too. Only a request without a body or a literal
/// is sure to hold names alone.
fn names(text: &str, request: &Request) -> Vec<String> {
    let path = decode(&request.path);
    if request.method != Method::GET || path.contains(['\'', '@']) {
        return Vec::new();
    }
    let is_name = |word: &&str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let asked: Vec<&str> = path.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let mut names: Vec<String> = Vec::new();
    for word in text.split(['\'', '"', '`']).skip(1).step_by(2).filter(is_name) {
        let name = format!("`{word}`");
        if asked.contains(&word) && !names.contains(&name) && names.len() < NAMES_MAX {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crm::transport::Purpose;

    const HIDDEN: &str = "the text is not shown, since it may quote values";

    #[test]
    fn names_that_were_asked_for_are_shown_and_nothing_else() {
        let get = |path: &str| Request::get("Lead query", Purpose::Read, path);
        let text = "\nSELECT Id,Nick__c FROM Lead\n ^\nNo such column 'Nick__c' on entity 'Lead'.";
        let asked = get("/services/data/v67.0/queryAll?q=SELECT%20Id%2CNick__c%20FROM%20Lead");
        assert_eq!(shown(text, &asked, &[]), "about `Nick__c`, `Lead`");
        assert_eq!(shown("'Smith' is not 'Id'", &asked, &["is not"]), "is not (`Id`)");
        let literal = get(
            "/services/data/v67.0/query?q=SELECT%20Id%20FROM%20Lead%20WHERE%20LastName%3D'Smith'",
        );
        assert_eq!(shown("'Smith' and 'Id'", &literal, &[]), HIDDEN);
        let body = Request::post_json("contacts batch read", Purpose::Read, "/Smith", "{}".into());
        assert_eq!(shown("no such record: \"Smith\"", &body, &[]), HIDDEN);
    }

    #[test]
    fn codes_look_like_codes() {
        assert_eq!(shown_code("INVALID_FIELD"), Some("INVALID_FIELD"));
        assert_eq!(shown_code("ann@acme.example"), None);
        assert_eq!(shown_code(""), None);
    }
}
