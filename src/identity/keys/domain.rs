//! Domains of companies, and of mail providers that have no say about companies.
//!
//! The registrable domain is one label more than the longest public suffix. Both sections of the
//! list count: `acme.github.io` and `other.github.io` belong to two owners just as `acme.co.uk` and
//! `other.co.uk` do.

use std::collections::HashSet;
use std::sync::LazyLock;

use idna::AsciiDenyList;

use super::fold::visible;

/// Sites on which a company has a page; such an address names the site and not the company.
static PAGE_HOSTS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "\
     about.me angel.co bit.ly crunchbase.com facebook.com fb.com g.page github.com goo.gl \
     google.com instagram.com linkedin.com linktr.ee medium.com pinterest.com t.me tiktok.com \
     twitter.com vimeo.com vk.com x.com xing.com yelp.com youtube.com"
        .split_ascii_whitespace()
        .collect()
});

/// Sites that give every customer a host of their own, and that the public suffix list lacks.
static SITE_HOSTS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "\
     blogspot.com business.site jimdofree.com squarespace.com substack.com tumblr.com webnode.com \
     weebly.com wixsite.com wordpress.com"
        .split_ascii_whitespace()
        .collect()
});

static FREE_MAIL: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    [include_str!("data/free_mail_domains.txt"), include_str!("data/disposable_domains.txt")]
        .iter()
        .flat_map(|list| list.lines())
        .filter(|line| !line.starts_with('#'))
        .collect()
});

/// Takes the registrable domain out of a URL, an e-mail address or a host name, in ASCII.
///
/// `None` for addresses of machines, for a bare public suffix, and for a page on a site where
/// anybody has one (`linkedin.com/company/acme`).
pub fn domain_key(text: &str) -> Option<String> {
    let text = visible(text);
    let (host, path) = split_url(&text);
    let domain = registrable(&ascii_host(host)?)?.to_owned();
    let is_page = !path.is_empty() && PAGE_HOSTS.contains(domain.as_str());
    (!is_page).then_some(domain)
}

/// Tells whether a domain gives mailboxes to anybody, for good or to throw away, so that sharing it
/// says nothing about the employer.
pub fn is_free_mail(domain: &str) -> bool {
    let text = visible(domain);
    let Some(host) = ascii_host(split_url(&text).0) else { return false };
    FREE_MAIL.contains(host.as_str())
        || registrable(&host).is_some_and(|domain| FREE_MAIL.contains(domain))
}

/// Brings a host name to lower-case ASCII. `None` for what cannot be one in the public DNS.
pub(super) fn ascii_host(host: &str) -> Option<String> {
    let host = host.trim_end_matches('.');
    let host = idna::domain_to_ascii_cow(host.as_bytes(), AsciiDenyList::STD3).ok()?;
    let (rest, last) = host.rsplit_once('.')?;
    let is_label = |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-');
    // Addresses of machines end in a number, no top-level domain does.
    let is_host = host.len() <= 253
        && rest.split('.').all(is_label)
        && is_label(last)
        && last.len() > 1
        && last.bytes().any(|b| b.is_ascii_alphabetic());
    is_host.then(|| host.into_owned())
}

/// Takes the part of a host name that has one owner.
fn registrable(host: &str) -> Option<&str> {
    let domain = psl::domain_str(host)?;
    if !SITE_HOSTS.contains(domain) {
        return Some(domain);
    }
    let customer = host.strip_suffix(domain)?.trim_end_matches('.').rsplit('.').next()?;
    let n_letters = if matches!(customer, "" | "www") { 0 } else { customer.len() + 1 };
    host.get(host.len() - domain.len() - n_letters..)
}

/// Splits what people put into a field for a website into the host and what follows it.
fn split_url(text: &str) -> (&str, &str) {
    let is_slash = |c: char| matches!(c, '/' | '\\');
    let is_edge = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '\'' | '<' | '>');
    let text = text.trim_matches(is_edge);
    let text = ["https", "http", "mailto"]
        .iter()
        .find_map(|scheme| {
            let (head, rest) = text.split_at_checked(scheme.len())?;
            let rest = head.eq_ignore_ascii_case(scheme).then_some(rest)?;
            rest.starts_with(|c| c == ':' || is_slash(c)).then_some(rest)
        })
        .or_else(|| text.split_once("://").map(|(_, rest)| rest))
        .unwrap_or(text)
        .trim_start_matches(|c| c == ':' || is_slash(c));
    let end = text.find(|c| is_slash(c) || matches!(c, '?' | '#')).unwrap_or(text.len());
    let (authority, path) = text.split_at_checked(end).unwrap_or((text, ""));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
    let host =
        host.split_once(':').filter(|(_, port)| is_port(port)).map_or(host, |(host, _)| host);
    (host, path.trim_start_matches(is_slash))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, key: Option<&str>) {
        assert_eq!(domain_key(text).as_deref(), key, "{text}");
    }

    #[test]
    fn a_domain_has_one_key_however_written() {
        for text in [
            "https://www.Acme.io/about?x=1",
            "acme.io",
            "ana@acme.io",
            "ana@mail.acme.io",
            "acme.io:443",
            "http:\\\\acme.io\\",
            "http//acme.io",
            "//acme.io.",
            "shop.eu.acme.io#top",
            " ACME.IO; ",
            "mailto:ana@acme.io",
            "https://ana:secret@acme.io/@home",
            "a\u{200b}cme.io",
        ] {
            check(text, Some("acme.io"));
        }
    }

    #[test]
    fn the_public_suffix_list_decides() {
        check("www.acme.co.uk", Some("acme.co.uk"));
        check("co.uk", None);
        check("www.acme.com.au", Some("acme.com.au"));
        check("acme.github.io", Some("acme.github.io"));
        check("www.acme.wordpress.com", Some("acme.wordpress.com"));
        check("github.io", None);
        check("www.wordpress.com", Some("wordpress.com"));
        check("acme.myshopify.com", Some("acme.myshopify.com"));
        check("www.食狮.公司.cn", Some("xn--85x722f.xn--55qx5d.cn"));
        check("公司.cn", None);
        check("www.acme.example", Some("acme.example"));
    }

    #[test]
    fn names_in_every_script_are_ascii() {
        check("www.Müller.de", Some("xn--mller-kva.de"));
        check("xn--mller-kva.de", Some("xn--mller-kva.de"));
        check("mu\u{308}ller.de", Some("xn--mller-kva.de"));
        check("ａｃｍｅ．ｉｏ", Some("acme.io"));
    }

    #[test]
    fn what_names_no_company_is_no_key() {
        for text in [
            "",
            "acme",
            "n/a",
            "none",
            "localhost",
            "192.168.0.1",
            "http://10.0.0.1:8080/x",
            "[::1]",
            "acme io",
            "acme.io, other.io",
            "acme..io",
            ".io",
            "v1.0",
            "-.com",
            "https://www.linkedin.com/company/acme",
            "facebook.com/acme",
        ] {
            check(text, None);
        }
        check("https://www.linkedin.com/", Some("linkedin.com"));
    }

    #[test]
    fn mail_for_everybody() {
        for domain in [
            "gmail.com",
            "GMAIL.com ",
            "googlemail.com",
            "outlook.com",
            "icloud.com",
            "proton.me",
            "yahoo.co.uk",
            "web.de",
            "mailinator.com",
            "x.mailinator.com",
            "ana@gmx.net",
            "fastmail.com",
            "laposte.net",
            "qq.com",
        ] {
            assert!(is_free_mail(domain), "{domain}");
        }
        for domain in ["acme.io", "microsoft.com", "example.com", "", "gmail", "acme.za.com"] {
            assert!(!is_free_mail(domain), "{domain}");
        }
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(text in "[a-zA-Zäß0-9.@/:-]{0,12}[.](com|co[.]uk|de|github[.]io|公司[.]cn)") {
            if let Some(key) = domain_key(&text) {
                prop_assert_eq!(domain_key(&key), Some(key.clone()));
                prop_assert_eq!(domain_key(&format!(" {text}/\n")), Some(key));
            }
        }

        #[test]
        fn case_says_nothing(text in "[a-zA-Z0-9.-]{0,12}[.](com|co[.]uk|de|GitHub[.]io)") {
            prop_assert_eq!(domain_key(&text.to_uppercase()), domain_key(&text.to_lowercase()));
        }

        #[test]
        fn any_text_is_read(text in ".{0,60}") {
            let _ = (domain_key(&text), is_free_mail(&text));
        }
    }
}
