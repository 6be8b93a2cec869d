//! The companies that Lumenforge sells to: HubSpot companies and Salesforce accounts.

use jiff::Timestamp;

use super::clock::{at, written};
use super::names::{LOCALES, Locale};
use super::people::{free_phone, latin_words};
use super::records::{Account, CompanyRow};
use super::staff::{ACTIVE_REPS, FORMER_REPS, INTEGRATION, owner_id, user_id};
use super::studio::Studio;
use super::words::{DESCRIPTIONS, HUBSPOT_INDUSTRIES, NAME_ENDS, NAME_STARTS};

/// One company, however many records it has.
#[derive(Clone, Debug)]
pub struct Firm {
    pub name: String,
    pub domain: String,
    /// Index into [`LOCALES`].
    pub locale: usize,
    pub city: &'static str,
    pub state: &'static str,
    pub industry: &'static str,
    /// `smb`, `mid_market` or `enterprise`.
    pub segment: &'static str,
    pub n_employees: usize,
    pub switchboard: String,
    pub created_at: Timestamp,
    /// Who sells to it, an index into the staff.
    pub owner: usize,
    /// Position among HubSpot's companies.
    pub company: Option<usize>,
    /// Position among Salesforce's accounts.
    pub account: Option<usize>,
}

/// Founds all companies and enters them in one or both CRMs.
pub fn found(studio: &mut Studio) {
    let size = studio.options.size;
    // The last few of each side are left to the duplicates.
    let n_companies = size.companies - size.companies / 60;
    let n_accounts = size.accounts - size.accounts / 60;
    let n_both = n_companies.min(n_accounts) * 17 / 20;
    let n_firms = n_companies + n_accounts - n_both;
    for index in 0..n_firms {
        let mut firm = firm(studio);
        if index < n_companies {
            firm.company = Some(enter_company(studio, &firm));
        }
        if index < n_both || index >= n_companies {
            firm.account = Some(enter_account(studio, &firm));
        }
        if let (Some(company), Some(account)) = (firm.company, firm.account) {
            pair(studio, company, account);
        }
        studio.firms.push(firm);
    }
}

/// Enters a firm among HubSpot's companies.
pub fn enter_company(studio: &mut Studio, firm: &Firm) -> usize {
    let id = studio.company_id(firm.created_at);
    let industry = HUBSPOT_INDUSTRIES.iter().find(|(sales, _)| *sales == firm.industry);
    let updated = studio.dice.instant(firm.created_at, studio.now);
    studio.hubspot.companies.push(CompanyRow {
        id,
        created_at: written(firm.created_at),
        updated_at: written(updated),
        archived: String::from("false"),
        name: firm.name.clone(),
        domain: firm.domain.clone(),
        phone: if studio.dice.chance(45) { firm.switchboard.clone() } else { String::new() },
        industry: industry.map_or(String::new(), |(_, hubspot)| (*hubspot).to_owned()),
        city: firm.city.to_owned(),
        country: LOCALES[firm.locale].country.to_owned(),
        n_employees: firm.n_employees.to_string(),
        revenue: if studio.dice.chance(40) { revenue(firm.n_employees) } else { String::new() },
        stage: String::from("lead"),
        owner: owner_id(firm.owner),
        ..CompanyRow::default()
    });
    studio.hubspot.companies.len() - 1
}

/// Enters a firm among Salesforce's accounts.
pub fn enter_account(studio: &mut Studio, firm: &Firm) -> usize {
    let id = studio.sales_id("001", firm.created_at);
    let modified = written(studio.dice.instant(firm.created_at, studio.now));
    let description = if studio.dice.chance(4) {
        (*studio.dice.pick(DESCRIPTIONS)).to_owned()
    } else {
        String::new()
    };
    studio.salesforce.accounts.push(Account {
        id,
        deleted: String::from("false"),
        name: firm.name.clone(),
        kind: String::from("Prospect"),
        website: if studio.dice.chance(60) {
            format!("https://www.{}", firm.domain)
        } else {
            String::new()
        },
        phone: if studio.dice.chance(45) { firm.switchboard.clone() } else { String::new() },
        industry: firm.industry.to_owned(),
        n_employees: firm.n_employees.to_string(),
        revenue: if studio.dice.chance(40) { revenue(firm.n_employees) } else { String::new() },
        city: firm.city.to_owned(),
        state: firm.state.to_owned(),
        country: LOCALES[firm.locale].country.to_owned(),
        description,
        owner: user_id(firm.owner),
        domain: firm.domain.clone(),
        created_at: written(firm.created_at),
        created_by: user_id(INTEGRATION),
        modified_at: modified,
        modified_by: user_id(INTEGRATION),
        ..Account::default()
    });
    studio.salesforce.accounts.len() - 1
}

/// Links a HubSpot company and a Salesforce account.
pub fn pair(studio: &mut Studio, company: usize, account: usize) {
    let (company_id, account_id) =
        (studio.hubspot.companies.id(company), studio.salesforce.accounts.id(account));
    studio.hubspot.companies.update(company, |row| {
        row.account_id.clone_from(&account_id);
        row.record_id = account_id;
    });
    studio.salesforce.accounts.update(account, |row| row.hubspot_id = company_id);
}

fn firm(studio: &mut Studio) -> Firm {
    let weights: Vec<usize> = LOCALES.iter().map(|locale| locale.weight).collect();
    let locale_index = studio.dice.weighted(&weights);
    let locale = &LOCALES[locale_index];
    let (city, state) = *studio.dice.pick(locale.cities);
    let (name, domain, industry) = loop {
        let (end, industry) = *studio.dice.pick(NAME_ENDS);
        let plain = match studio.dice.weighted(&[78, 12, 7, 3]) {
            // Once the plain pairs run out, a firm is told apart by a second word.
            0 if studio.firms.len() > 2_600 => three_words(studio, end),
            0 => format!("{} {end}", studio.dice.pick(NAME_STARTS)),
            1 => format!("{} {end}", founder(studio, locale)),
            2 => format!("{} & {}", founder(studio, locale), founder(studio, locale)),
            _ => three_words(studio, end),
        };
        let domain = format!("{}.{}", latin_words(&plain, ""), studio.dice.pick(locale.domains));
        if studio.take("firm", &plain) && studio.take("domain", &domain) {
            let legal = *studio.dice.pick(locale.legal);
            let name = if legal.is_empty() { plain } else { format!("{plain} {legal}") };
            break (name, domain, industry);
        }
    };
    let (segment, n_employees) = match studio.dice.weighted(&[45, 38, 17]) {
        0 => ("smb", studio.dice.between(8, 180)),
        1 => ("mid_market", studio.dice.between(200, 1_900)),
        _ => ("enterprise", studio.dice.between(2_000, 64_000)),
    };
    let owner = if studio.dice.chance(8) {
        *studio.dice.pick(FORMER_REPS)
    } else {
        *studio.dice.pick(ACTIVE_REPS)
    };
    let switchboard = free_phone(studio, locale_index);
    let created_at =
        studio.dice.working_instant(at("2022-02-01T09:00:00Z"), at("2024-12-20T18:00:00Z"));
    Firm {
        name,
        domain,
        locale: locale_index,
        city,
        state,
        industry,
        segment,
        n_employees,
        switchboard,
        created_at,
        owner,
        company: None,
        account: None,
    }
}

fn three_words(studio: &mut Studio, end: &str) -> String {
    format!("{} {} {end}", studio.dice.pick(NAME_STARTS), studio.dice.pick(NAME_STARTS))
}

/// Gives a family name of the country, in Latin letters.
fn founder(studio: &mut Studio, locale: &Locale) -> &'static str {
    let name = *studio.dice.pick(locale.family);
    name.rsplit('|').next().unwrap_or(name)
}

fn revenue(n_employees: usize) -> String {
    (n_employees * 165_000 / 50_000 * 50_000).max(250_000).to_string()
}
