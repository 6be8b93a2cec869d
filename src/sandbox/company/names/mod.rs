//! Where the company's people live and what they are called there.
//!
//! A name in another script is written `native|latin`; e-mail addresses use the latin part.

mod americas;
mod asia_pacific;
mod europe;

/// One country's names, cities and telephone numbers.
pub struct Locale {
    pub country: &'static str,
    /// Share of the people, out of the sum of all shares.
    pub weight: usize,
    pub given: &'static [&'static str],
    pub family: &'static [&'static str],
    /// City and, where addresses carry one, state.
    pub cities: &'static [(&'static str, &'static str)],
    /// Telephone patterns, `#` for a digit; the ranges are kept for fiction where a country has some.
    pub phones: &'static [&'static str],
    /// Legal forms of its companies.
    pub legal: &'static [&'static str],
    pub domains: &'static [&'static str],
    pub postal_code: &'static str,
}

/// The countries; their order is part of what a seed gives.
pub const LOCALES: &[Locale] = &[
    americas::UNITED_STATES,
    europe::UNITED_KINGDOM,
    americas::CANADA,
    europe::GERMANY,
    europe::FRANCE,
    asia_pacific::INDIA,
    asia_pacific::AUSTRALIA,
    europe::NETHERLANDS,
    europe::SPAIN,
    americas::BRAZIL,
    europe::SWEDEN,
    europe::POLAND,
    europe::ITALY,
    asia_pacific::ISRAEL,
    asia_pacific::UNITED_ARAB_EMIRATES,
    asia_pacific::JAPAN,
];
