//! Which country a text names.

use celes::Country;

/// Returns the ISO 3166-1 code of two letters, in lower case, of a country's code, English name or common
/// other name. `None` for what names no country that is known.
pub fn country_code(text: &str) -> Option<String> {
    let text = text.trim();
    let is_code = text.len() == 2 || text.len() == 3;
    let name: String =
        text.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
    // The library's codes are numbers as well; a number in a country field is a mistake, and `n/a` is
    // not Namibia.
    if name.is_empty() || text.chars().any(|c| c.is_ascii_digit() || c == '/') {
        return None;
    }
    let known = match name.as_str() {
        "uk" => Some(Country::the_united_kingdom_of_great_britain_and_northern_ireland()),
        _ if is_code => name.parse().ok(),
        _ => name.parse().ok().or_else(|| name.strip_prefix("the")?.parse().ok()),
    };
    known.map(|country| country.alpha2.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::country_code;

    #[test]
    fn names_and_codes_of_one_country_are_one() {
        let cases = [
            ("us", ["US", "usa", "United States", "The United States of America", "U.S.A."]),
            ("gb", ["GB", "UK", "United Kingdom", "Great Britain", "gbr"]),
            ("nl", ["NL", "Netherlands", "The Netherlands", "nld", "netherlands "]),
            ("de", ["DE", "Germany", "germany", "DEU", "GERMANY"]),
            ("kr", ["KR", "South Korea", "KOR", "Republic of Korea", "kr"]),
        ];
        for (code, texts) in cases {
            for text in texts {
                assert_eq!(country_code(text).as_deref(), Some(code), "{text}");
            }
        }
        for text in ["", "Atlantis", "840", "-", "n/a"] {
            assert_eq!(country_code(text), None, "{text}");
        }
        assert_eq!(country_code("Samoa").as_deref(), Some("ws"));
        assert_eq!(country_code("Ireland").as_deref(), Some("ie"));
        assert_eq!(country_code("Niger").as_deref(), Some("ne"));
        assert_eq!(country_code("Guinea").as_deref(), Some("gn"));
    }
}
