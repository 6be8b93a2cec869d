//! E-mail addresses, as far as their providers tell mailboxes apart.
//!
//! Dots and tags are taken away only where the provider is known to ignore them; elsewhere
//! `ana.ruiz@` and `anaruiz@` may be two people. Providers whose rules could not be confirmed are
//! left alone, among them Yahoo, and the dots of Proton.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::domain::ascii_host;
use super::fold::visible;

/// What a provider ignores before the `@`.
struct Provider {
    /// Parted by spaces.
    domains: &'static str,
    /// The domain that stands for all of them, where they are names for the same mailboxes.
    canonical: Option<&'static str>,
    ignores_dots: bool,
}

/// Providers that ignore a plus sign and all that follows it.
const PROVIDERS: &[Provider] = &[
    Provider {
        domains: "gmail.com googlemail.com",
        canonical: Some("gmail.com"),
        ignores_dots: true,
    },
    // Outlook.com: a mailbox at one of these is none at another.
    Provider {
        domains: "\
              outlook.com hotmail.com live.com msn.com outlook.at outlook.be outlook.cl outlook.co.id \
              outlook.co.il outlook.co.th outlook.com.ar outlook.com.au outlook.com.br outlook.com.gr \
              outlook.com.tr outlook.cz outlook.de outlook.dk outlook.es outlook.fr outlook.hu outlook.ie \
              outlook.in outlook.it outlook.jp outlook.kr outlook.lv outlook.my outlook.ph outlook.pt \
              outlook.sa outlook.sg outlook.sk hotmail.be hotmail.ca hotmail.ch hotmail.co.jp hotmail.co.nz \
              hotmail.co.th hotmail.co.uk hotmail.com.ar hotmail.com.au hotmail.com.br hotmail.com.tr \
              hotmail.cz hotmail.de hotmail.dk hotmail.es hotmail.fi hotmail.fr hotmail.gr hotmail.it \
              hotmail.nl hotmail.no hotmail.se hotmail.sg live.at live.be live.ca live.ch live.cl live.cn \
              live.co.kr live.co.uk live.co.za live.com.ar live.com.au live.com.mx live.com.pt live.com.sg \
              live.de live.dk live.fi live.fr live.ie live.in live.it live.jp live.nl live.no live.se",
        canonical: None,
        ignores_dots: false,
    },
    Provider { domains: "icloud.com me.com mac.com", canonical: None, ignores_dots: false },
    Provider { domains: "fastmail.com fastmail.fm", canonical: None, ignores_dots: false },
    Provider {
        domains: "proton.me protonmail.com protonmail.ch pm.me",
        canonical: None,
        ignores_dots: false,
    },
];

static PROVIDER_BY_DOMAIN: LazyLock<HashMap<&str, &Provider>> = LazyLock::new(|| {
    let domains = |provider: &'static Provider| provider.domains.split_ascii_whitespace();
    PROVIDERS
        .iter()
        .flat_map(|provider| domains(provider).map(move |domain| (domain, provider)))
        .collect()
});

/// Mailbox names that a team reads, so that sharing one says nothing about the person.
static ROLE_MAILBOXES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "\
     abuse accounting accounts accountspayable accountsreceivable accueil admin administracao \
     administracion administration administrator all ap ar atencionalcliente atendimento azienda \
     bestellung bewerbung billing booking bookings buchhaltung bureau business careers cobranza \
     comercial commercial commerciale compras compta comptabilite contabilidad contabilidade \
     contabilita contact contacto contactus contato contatti customercare customerservice devnull \
     direccion direction do-not-reply donotreply einkauf email empfang enquiries enquiry events \
     everyone facturacion faktura faturamento feedback finance finanzas general hallo hei hello \
     help helpdesk hola hostmaster hr info infos inkoop inkop inquiries inquiry investors invoice \
     invoices invoicing it jobs karriere kontakt kontor kundendienst kundenservice kundeservice \
     kundservice legal mail mailbox marketing media myynti news newsletter no-reply no.reply \
     no_reply noreply office oficina operations order orders partner partners payables personal \
     personalabteilung post posta postmaster postmottak press presse privacy procurement purchase \
     purchasing recepcion reception rechnung rechnungen recruiting recruitment recursoshumanos \
     registration reservations rh root rrhh sac sales salg secretaria secretariat security \
     segreteria sekretariat service servicio shop soporte spam staff studio suporte support team \
     tech technik training vendas vendite ventas verkauf verkoop vertrieb webmaster welcome \
     zentrale"
        .split_ascii_whitespace()
        .collect()
});

/// Mailbox names by which forms are passed.
static DUMMY_MAILBOXES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "\
     anonymous asdf dummy fake invalid n.a n/a nil no-email no-mail no.email no_email nobody \
     noemail nomail none noone not.provided notprovided null test testing unknown xxx xxxx"
        .split_ascii_whitespace()
        .collect()
});

/// Words of addresses that are made up, if they stand both before the `@` and after it.
static DUMMY_WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "\
     abc asd asdf demo domain dummy email example fake foo mail na no noemail none qwe qwerty test \
     unknown xx"
        .split_ascii_whitespace()
        .collect()
});

/// Normalizes an e-mail address to the mailbox it reaches.
///
/// Lower case, the domain in ASCII, without what surrounds an address that was copied
/// (`mailto:`, `Name <address>`), and without the dots and tags that its provider ignores. `None`
/// for anything that is no address, for role mailboxes and for dummy addresses.
pub fn email_key(text: &str) -> Option<String> {
    let text = visible(text).to_lowercase();
    let (local, domain) = bare_address(&text).rsplit_once('@')?;
    let is_local = !local.is_empty()
        && local.len() <= 64
        && !local.contains(|c: char| {
            c.is_whitespace()
                || c.is_control()
                || matches!(c, '@' | ',' | ';' | ':' | '<' | '>' | '"')
        });
    if !is_local {
        return None;
    }
    let domain = ascii_host(domain)?;
    let untagged = local.split_once('+').map_or(local, |(name, _)| name);
    if is_role(untagged) || is_dummy(untagged, &domain) {
        return None;
    }
    let Some(provider) = PROVIDER_BY_DOMAIN.get(domain.as_str()) else {
        return Some(format!("{local}@{domain}"));
    };
    let domain = provider.canonical.unwrap_or(&domain);
    let mailbox =
        if provider.ignores_dots { untagged.replace('.', "") } else { untagged.to_owned() };
    (!mailbox.is_empty()).then(|| format!("{mailbox}@{domain}"))
}

/// Takes away what an address was copied with.
fn bare_address(text: &str) -> &str {
    let text = trim_punctuation(text);
    // `Name <address`, its closing bracket gone by now.
    let text = text.rsplit_once('<').map_or(text, |(_, address)| trim_punctuation(address));
    match text.strip_prefix("mailto:") {
        Some(text) => trim_punctuation(text.split('?').next().unwrap_or(text)),
        None => text,
    }
}

fn trim_punctuation(text: &str) -> &str {
    let is_edge = |c: char| {
        c.is_whitespace()
            || matches!(c, ';' | ',' | ':' | '"' | '\'' | '<' | '>' | '(' | ')' | '[' | ']')
    };
    text.trim_start_matches(is_edge).trim_end_matches(|c| c == '.' || is_edge(c))
}

fn is_role(local: &str) -> bool {
    ROLE_MAILBOXES.contains(local)
}

fn is_dummy(local: &str, domain: &str) -> bool {
    if DUMMY_MAILBOXES.contains(local) {
        return true;
    }
    let label = domain.split('.').next().unwrap_or(domain);
    let is_dummy_word = |word: &str| DUMMY_WORDS.contains(word);
    (is_dummy_word(local) && is_dummy_word(label))
        // One letter, such as a@a.com.
        || (local == label && local.chars().all(|c| local.starts_with(c)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, key: Option<&str>) {
        assert_eq!(email_key(text).as_deref(), key, "{text}");
    }

    #[test]
    fn an_address_has_one_key_however_copied() {
        for text in [
            " Ana.Ruiz@Example.ORG ",
            "mailto:ana.ruiz@example.org",
            "mailto:ana.ruiz@example.org?subject=hello",
            "Ana Ruiz <ana.ruiz@example.org>",
            "\"Ruiz, Ana\" <Ana.Ruiz@example.org>;",
            "ana.ruiz@example.org.",
            "ana.ruiz@example.org;",
            "(ana.ruiz@example.org)",
            "\u{200b}ana.ruiz@example.org\u{feff}",
            "\u{a0}ana.ruiz@exam\u{ad}ple.org",
            "ａｎａ.ruiz＠example.org",
        ] {
            check(text, Some("ana.ruiz@example.org"));
        }
    }

    #[test]
    fn a_provider_says_what_it_ignores() {
        check("Ana.Ruiz+news@gmail.com", Some("anaruiz@gmail.com"));
        check("a.n.a.ruiz@googlemail.com", Some("anaruiz@gmail.com"));
        check("ana.ruiz+news@outlook.com", Some("ana.ruiz@outlook.com"));
        check("ana.ruiz+news@hotmail.co.uk", Some("ana.ruiz@hotmail.co.uk"));
        check("ana.ruiz+x@proton.me", Some("ana.ruiz@proton.me"));
        check("ana.ruiz+x@icloud.com", Some("ana.ruiz@icloud.com"));
        check("ana.ruiz+x@fastmail.com", Some("ana.ruiz@fastmail.com"));
        // Nobody knows what a company's server does.
        check("ana.ruiz+news@example.org", Some("ana.ruiz+news@example.org"));
        check("ana.ruiz@yahoo.com", Some("ana.ruiz@yahoo.com"));
        check("+@gmail.com", None);
        check("...@gmail.com", None);
    }

    #[test]
    fn domains_in_every_script_are_ascii() {
        check("ana@Müller.de", Some("ana@xn--mller-kva.de"));
        check("ana@XN--mller-kva.de", Some("ana@xn--mller-kva.de"));
        check("josé@exämple.org", Some("josé@xn--exmple-cua.org"));
    }

    #[test]
    fn what_reaches_no_one_person_is_no_key() {
        for text in [
            "",
            "ana",
            "@x.io",
            "a b@c.io",
            "a@b@c.io",
            "ana@localhost",
            "ana@10.0.0.1",
            "ana@acme..io",
            "ana@.io",
            "ana@acme",
            "one@acme.io, two@acme.io",
            "n/a",
            "info@acme.io",
            "Sales@acme.io",
            "kontakt@acme.de",
            "info+crm@acme.io",
            "buchhaltung@acme.de",
            "compras@acme.es",
            "no-reply@acme.io",
            "none@none.com",
            "test@test.com",
            "noemail@acme.io",
            "test@acme.io",
            "a@a.com",
            "xxx@xxx.com",
            "email@email.com",
            "abc@abc.com",
            "unknown@unknown.com",
            "na@na.com",
            "n/a@n/a.com",
            "no@email.com",
        ] {
            check(text, None);
        }
        // Whole names only, and a name of one's own domain is a name.
        for text in ["sales.us@acme.io", "infante@acme.io", "smith@smith.com", "a@acme.io"] {
            check(text, Some(text));
        }
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(
            text in "[a-zA-Zäé0-9._+'-]{1,12}@(gmail[.]com|Outlook[.]com|example[.]org|müller[.]de)[.; ]{0,2}",
        ) {
            if let Some(key) = email_key(&text) {
                prop_assert_eq!(email_key(&key), Some(key.clone()));
                prop_assert_eq!(email_key(&format!("\t<{text}> ")), Some(key));
            }
        }

        #[test]
        fn case_says_nothing(text in "[a-zA-Z0-9._+-]{1,12}@[a-zA-Z]{1,8}[.](com|DE)") {
            prop_assert_eq!(email_key(&text.to_uppercase()), email_key(&text.to_lowercase()));
        }

        #[test]
        fn any_text_is_read(text in ".{0,60}") {
            let _ = email_key(&text);
        }
    }
}
