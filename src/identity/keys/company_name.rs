//! Names of companies without their legal forms.
//!
//! No library is kept well enough to lean on: the lists of legal forms (the ISO 20275 code list,
//! the ones of name cleaners) are facts, taken from there as far as names in CRMs carry them. Words
//! such as `group`, `holding` or a country tell companies of one family apart, and stay.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use super::fold::{compatible, fold, is_slip};

/// Legal forms at the end of a name, folded; a form written with dots or slashes is one word here
/// (`spa`), whichever way it was parted. Left out are those that are countries as well (`NL`, `SK`).
const FORMS_AT_END: &[&str] = &[
    // English
    "\
     co, company, corp, corporation, inc, incorporated, limited, llc, lllp, llp, lp, ltd, plc, \
     pllc, unlimited, ultd, cic, cio, dac, clg, limited liability company, limited company, \
     public limited company, private limited, private limited company, pvt, pvt ltd, pvt limited, \
     pte, pte ltd, pte limited, pty, pty ltd, pty limited, proprietary limited, psc, pjsc, jsc, \
     ojsc, cjsc, bhd, sdn bhd, berhad, sendirian berhad, tbk, gte, fz llc, fze, fzco, fzc, fz, \
     dmcc, wll, bsc, saoc, saog, sae",
    // German, Dutch
    "\
     ag, ek, ev, eg, gbr, gesmbh, gmbh, ggmbh, kg, kgaa, mbh, ohg, partg, partgmbb, se, ug, ug \
     haftungsbeschrankt, haftungsbeschrankt, gesellschaft mit beschrankter haftung, \
     aktiengesellschaft, og, bv, bvba, cv, cvba, nv, vof, vzw, besloten vennootschap",
    // French, Italian, Spanish, Portuguese
    "\
     sa, sas, sasu, sarl, eurl, sca, scop, scs, selarl, snc, sprl, asbl, gie, cie, ltee, ltee \
     inc, societe anonyme, sapa, scarl, scrl, spa, srl, srls, sagl, societa per azioni, cxa, \
     eirl, saa, sab, sab de cv, sac, sad, sa de cv, sapi, sapi de cv, s de rl, s de rl de cv, s \
     en c, scl, sl, sll, slne, slp, slu, sau, sociedad anonima, sociedad limitada, crl, eireli, \
     lda, ltda, epp, sgps, unipessoal, unipessoal lda",
    // Nordic, Baltic
    "\
     ab, ab publ, publ, amba, ans, aps, as, asa, ehf, fmba, hb, hf, ivs, kb, ks, ky, nuf, ohf, \
     oy, oy ab, oyj, oyj abp, abp, smba, tmi, ou, sia, uab, mb, aktiebolag, aktieselskab, \
     aksjeselskap, osakeyhtio",
    // Central and eastern Europe, Turkey, Greece
    "\
     ad, bt, dd, doo, dooel, ead, eood, jdoo, kd, kft, kkt, nyrt, ood, shpk, ska, sp j, sp k, sp \
     p, sp z oo, sp zoo, spj, spk, spol s ro, spol sro, sro, s ro, vos, zrt, spolka z oo, spolka \
     akcyjna, ao, oao, ooo, pao, zao, tov, prat, sti, ltd sti, anonim sirketi, ae, epe, ike",
    // Asia
    "\
     gk, godo kaisha, kabushiki gaisha, kabushiki kaisha, kk, yk, co ltd",
];

/// Legal forms that also stand before the name.
const FORMS_AT_START: &[&str] = &[
    "ab",
    "jsc",
    "kabushiki kaisha",
    "oao",
    "ooo",
    "oy",
    "pao",
    "pjsc",
    "pt",
    "sarl",
    "sas",
    "sia",
    "tov",
    "uab",
    "zao",
];

/// Legal forms of scripts that part no words, as they stand before or after the name.
const UNPARTED_FORMS: &[&str] = &[
    "株式会社",
    "有限会社",
    "合同会社",
    "合資会社",
    "合名会社",
    "一般社団法人",
    "(株)",
    "(有)",
    "(同)",
    "股份有限公司",
    "有限责任公司",
    "有限責任公司",
    "有限公司",
    "주식회사",
    "유한회사",
    "(주)",
    "(유)",
    "בע\"מ",
    "בע״מ",
];

/// Words that join others, and which some leave out.
const CONJUNCTIONS: &[&str] = &["and", "e", "en", "et", "och", "og", "und", "y"];

/// Words that initials leave out.
const SMALL_WORDS: &[&str] =
    &["da", "de", "del", "der", "des", "di", "do", "for", "fur", "la", "of", "the", "und"];

/// Names that forms are filled with, folded.
const PLACEHOLDERS: &str = "\
    abc, acc, account, asdf, company, company name, confidential, demo, empty, firma, freelance, \
    freelancer, home, individual, keine, my company, n a, na, nil, no, no company, no name, none, \
    not applicable, not available, not known, not provided, not specified, null, other, \
    particular, personal, private, privat, retired, sample, self, self employed, selfemployed, \
    student, tbc, tbd, test, test account, test company, testing, unbekannt, undefined, \
    unemployed, unknown, unknown company, x, xx, xxx, your company";

static AT_END: LazyLock<HashSet<&str>> =
    LazyLock::new(|| FORMS_AT_END.iter().flat_map(|forms| forms.split(", ")).collect());
static FILLERS: LazyLock<HashSet<&str>> = LazyLock::new(|| PLACEHOLDERS.split(", ").collect());

/// Normalizes a company name: folded to Latin letters, without legal form, leading `the` and words
/// that only join others. `None` for blank and for what forms are filled with.
///
/// Something always stays: `The Limited, Inc.` is `limited`.
pub fn company_name_key(text: &str) -> Option<String> {
    let folded = fold(&without_unparted_forms(text));
    if FILLERS.contains(folded.as_str()) {
        return None;
    }
    let words: Vec<&str> = folded.split_ascii_whitespace().collect();
    let mut words = words.as_slice();
    if let ["the", rest @ ..] = words
        && !rest.is_empty()
    {
        words = rest;
    }
    words = without_form_at_start(words);
    while let Some(rest) = without_form_at_end(words) {
        words = rest;
    }
    let (first, last) = (words.first()?, words.len() - 1);
    let mut key = String::with_capacity(folded.len());
    key.push_str(first);
    for (place, word) in words.iter().enumerate().skip(1) {
        if place == last || !CONJUNCTIONS.contains(word) {
            key.push(' ');
            key.push_str(word);
        }
    }
    Some(key)
}

/// Tells whether two company names may be names of one company: the same key, the words in another
/// order or parted otherwise, the initials of the other, or a slip of the pen in one word.
///
/// Not when one has a word more, such as a country: those are companies of one family.
pub fn company_names_agree(left: &str, right: &str) -> bool {
    let (Some(left), Some(right)) = (company_name_key(left), company_name_key(right)) else {
        return false;
    };
    if left == right {
        return true;
    }
    let (left, right): (Vec<&str>, Vec<&str>) =
        (left.split(' ').collect(), right.split(' ').collect());
    left.concat() == right.concat()
        || are_initials(&left, &right)
        || are_initials(&right, &left)
        || differ_by_slip(&left, &right)
}

/// Takes out forms of scripts without spaces; the name keeps its own.
fn without_unparted_forms(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut name: String = compatible(text).collect();
    for form in UNPARTED_FORMS {
        let trimmed = name.trim();
        let rest = trimmed.strip_prefix(form).or_else(|| trimmed.strip_suffix(form));
        if let Some(rest) = rest.filter(|rest| !rest.trim().is_empty()) {
            name = rest.trim().to_owned();
        }
    }
    Cow::Owned(name)
}

fn without_form_at_start<'a, 'b>(words: &'a [&'b str]) -> &'a [&'b str] {
    FORMS_AT_START
        .iter()
        .find_map(|form| {
            let n_words = form.split(' ').count();
            let (head, rest) = words.split_at_checked(n_words)?;
            (!rest.is_empty() && head.iter().copied().eq(form.split(' '))).then_some(rest)
        })
        .unwrap_or(words)
}

/// Takes the longest legal form off the end, written as words or as single letters (`s p a`).
fn without_form_at_end<'a, 'b>(words: &'a [&'b str]) -> Option<&'a [&'b str]> {
    let longest = words.len().saturating_sub(1).min(5);
    let mut form = String::new();
    (1..=longest).rev().find_map(|n_words| {
        let (rest, tail) = words.split_at_checked(words.len() - n_words)?;
        let are_letters = n_words > 1 && tail.iter().all(|word| word.len() == 1);
        form.clear();
        for word in tail {
            if !are_letters && !form.is_empty() {
                form.push(' ');
            }
            form.push_str(word);
        }
        if !AT_END.contains(form.as_str()) {
            return None;
        }
        // What joined the name to its form goes as well: `& Co`, `GmbH & Co. KG`.
        match rest.split_last() {
            Some((joined, before)) if CONJUNCTIONS.contains(joined) && !before.is_empty() => {
                Some(before)
            }
            _ => Some(rest),
        }
    })
}

/// Tells whether a name is short for the words of another.
fn are_initials(short: &[&str], long: &[&str]) -> bool {
    let short_name = short.concat();
    let is_short = (2..=6).contains(&short_name.len())
        && short.iter().all(|word| word.len() <= 2 || short.len() == 1);
    if !is_short || long.len() < 2 || long.len() < short_name.len().min(3) {
        return false;
    }
    let first_letters = |words: &mut dyn Iterator<Item = &&str>| -> String {
        words.filter_map(|word| word.chars().next()).collect()
    };
    short_name == first_letters(&mut long.iter())
        || short_name == first_letters(&mut long.iter().filter(|word| !SMALL_WORDS.contains(word)))
}

/// Tells whether names have the same words in any order, but for a slip in one.
fn differ_by_slip(left: &[&str], right: &[&str]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut only_right: Vec<&str> = right.to_vec();
    let mut only_left = Vec::new();
    for word in left {
        match only_right.iter().position(|other| other == word) {
            Some(place) => {
                only_right.swap_remove(place);
            }
            None => only_left.push(*word),
        }
    }
    match (only_left.as_slice(), only_right.as_slice()) {
        ([], []) => true,
        ([left], [right]) => is_slip(left, right) || is_slip(&plain(left), &plain(right)),
        _ => false,
    }
}

/// Writes the two-letter spelling of an umlaut as its one letter.
fn plain(word: &str) -> String {
    word.replace("ae", "a").replace("oe", "o").replace("ue", "u")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, key: &str) {
        assert_eq!(company_name_key(text).as_deref(), Some(key), "{text}");
    }

    #[test]
    fn legal_forms_say_nothing() {
        for text in [
            "Acme",
            "ACME, Inc.",
            "Acme Ltd",
            "Acme Co., Ltd.",
            "Acme Pty. Ltd.",
            "Acme Pvt Ltd",
            "Acme GmbH",
            "Acme G.m.b.H.",
            "Acme GmbH & Co. KG",
            "Acme GmbH & Co.KG",
            "Acme S.p.A.",
            "Acme S. p. A.",
            "Acme S.A. de C.V.",
            "Acme S. de R.L. de C.V.",
            "Acme K.K.",
            "Acme Sp. z o.o.",
            "Acme spol. s r.o.",
            "Acme, s.r.o.",
            "Acme A/S",
            "Acme ApS",
            "Acme AB (publ)",
            "Oy Acme Ab",
            "AB Acme",
            "PT Acme Tbk",
            "ООО Acme",
            "Acme ООО",
            "Acme Sdn. Bhd.",
            "Acme Ltda.",
            "Acme & Co",
            "Acme and Company",
            "The Acme Company",
            "Acme Corp. LLC",
            "Acme L.L.C.",
            "株式会社Acme",
            "Acme株式会社",
            "㈱Acme",
            "Acme 有限公司",
            "주식회사 Acme",
            "Acme B.V.",
            "Acme UG (haftungsbeschränkt)",
            "Acme Ltd. Şti.",
            "Acme d.o.o.",
            "Acme S.A.S.",
            "Acme e.K.",
            "acme®",
            "Acme™ Inc.",
            "“Acme”",
        ] {
            check(text, "acme");
        }
    }

    #[test]
    fn the_name_stays() {
        check("Müller & Söhne GmbH", "muller sohne");
        check("Müller und Söhne", "muller sohne");
        check("Johnson and Wright LLC", "johnson wright");
        check("Søren Ørsted A/S", "soren orsted");
        check("The Limited, Inc.", "limited");
        check("The Company", "company");
        check("Co", "co");
        check("Amazon.com, Inc.", "amazon com");
        check("J.P. Morgan", "jp morgan");
        check("Acme Holding AG", "acme holding");
        check("Moraine Security Group", "moraine security group");
        check("AT&T Inc.", "at t");
        check("Y Combinator", "y combinator");
        check("3M Company", "3m");
        check("Газпром ПАО", "gazprom");
        assert_eq!(company_name_key("株式会社トヨタ"), company_name_key("トヨタ"));
        assert!(company_name_key("株式会社").is_some());
    }

    #[test]
    fn fillers_are_no_names() {
        for text in [
            "",
            " ",
            "n/a",
            "N.A.",
            "[not provided]",
            "Unknown",
            "none",
            "self",
            "Self-employed",
            "-",
            ".",
        ] {
            assert_eq!(company_name_key(text), None, "{text}");
        }
    }

    #[test]
    fn names_that_agree() {
        for (left, right) in [
            ("Acme, Inc.", "ACME"),
            ("IBM", "International Business Machines Corp."),
            ("I.B.M.", "International Business Machines"),
            ("P&G", "Procter & Gamble"),
            ("BMW AG", "Bayerische Motoren Werke"),
            ("UCLA", "University of California, Los Angeles"),
            ("JP Morgan", "J.P.Morgan"),
            ("PriceWaterhouseCoopers", "Price Waterhouse Coopers"),
            ("Ericsson Telecom", "Ericson Telecom"),
            ("Brandt Müller", "Mueller Brandt"),
            ("Technologies Acme", "Acme Technologies"),
        ] {
            assert!(company_names_agree(left, right), "{left} / {right}");
            assert!(company_names_agree(right, left), "{right} / {left}");
        }
    }

    #[test]
    fn names_that_do_not_agree() {
        for (left, right) in [
            ("Acme", "Acme EMEA"),
            ("Acme UK Ltd", "Acme US Inc."),
            ("Acme NL", "Acme B.V."),
            ("Consolidated Industries", "Consolidated Industries UK"),
            ("Acme Systems North", "Acme Systems South"),
            ("Acme Austria", "Acme Australia"),
            ("Acme", "Apex"),
            ("Area 51", "Area 52"),
            ("Acme Holding", "Acme"),
            ("", ""),
            ("n/a", "n/a"),
            ("Data Inc", "Dat Inc"),
        ] {
            assert!(!company_names_agree(left, right), "{left} / {right}");
            assert!(!company_names_agree(right, left), "{right} / {left}");
        }
    }

    proptest! {
        #[test]
        fn case_and_space_say_nothing(text in "[a-zA-Zà-öø-ÿ .&]{0,24}( GmbH| S[.]p[.]A[.]| & Co[.] KG)?") {
            let key = company_name_key(&text);
            prop_assert_eq!(company_name_key(&text.to_uppercase()), key.clone());
            prop_assert_eq!(company_name_key(&format!("\u{a0}{}\n", text.replace(' ', "  "))), key);
        }

        #[test]
        fn a_name_without_form_is_its_own_key(text in "[a-z]{4,9}( [a-z]{4,9}){0,2}") {
            if let Some(key) = company_name_key(&text) {
                prop_assert_eq!(company_name_key(&key), Some(key));
            }
        }

        #[test]
        fn agreeing_has_no_direction(left in "[A-Ca-c&. ]{0,12}", right in "[A-Ca-c&. ]{0,12}") {
            prop_assert_eq!(company_names_agree(&left, &right), company_names_agree(&right, &left));
            if company_name_key(&left).is_some() {
                prop_assert!(company_names_agree(&left, &left));
            }
        }

        #[test]
        fn any_text_is_read(left in ".{0,40}", right in ".{0,40}") {
            let _ = company_names_agree(&left, &right);
        }
    }
}
