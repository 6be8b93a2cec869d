//! Opportunities and deals, with the stages they went through.

use jiff::{SignedDuration, Timestamp};

use super::clock::{at, date, next_sync, written};
use super::connector::{contact_change, touch, travel};
use super::crowd::firm_with_account;
use super::records::{
    ContactRole, Deal, Opportunity, OpportunityFieldHistory, OpportunityHistory, PropertyVersion,
    SalesContact,
};
use super::staff::{INTEGRATION, hubspot_user_id, owner_id, user_id};
use super::studio::{Conversion, Studio};
use super::words::NEXT_STEPS;

/// One stage as both CRMs know it.
struct Stage {
    hubspot: &'static str,
    salesforce: &'static str,
    probability: &'static str,
    forecast: &'static str,
}

/// The open stages in order; the last was retired in 2025 and stays on old opportunities.
const OPEN: &[Stage] = &[
    stage("appointmentscheduled", "Qualification", "10", "Pipeline"),
    stage("qualifiedtobuy", "Needs Analysis", "20", "Pipeline"),
    stage("presentationscheduled", "Value Proposition", "50", "Pipeline"),
    stage("decisionmakerboughtin", "Proposal/Price Quote", "75", "Best Case"),
    stage("contractsent", "Negotiation/Review", "90", "Commit"),
    stage("contractsent", "Verbal Commit", "95", "Commit"),
];
const WON: Stage = stage("closedwon", "Closed Won", "100", "Closed");
const LOST: Stage = stage("closedlost", "Closed Lost", "0", "Omitted");

const fn stage(
    hubspot: &'static str,
    salesforce: &'static str,
    probability: &'static str,
    forecast: &'static str,
) -> Stage {
    Stage { hubspot, salesforce, probability, forecast }
}

/// What is being sold, before a CRM holds it.
struct Sale {
    name: String,
    firm: usize,
    owner: usize,
    amount: usize,
    opened: Timestamp,
    close_date: Timestamp,
    renewal: bool,
    stages: Vec<(Timestamp, &'static Stage)>,
}

/// Adds opportunities of conversions and customers, more at other accounts, and HubSpot's deals.
pub fn add(studio: &mut Studio) {
    let size = studio.options.size;
    let conversions = std::mem::take(&mut studio.conversions);
    // Every converted lead has its opportunity; of the older customers only some still have one.
    let (converted, customers): (Vec<&Conversion>, Vec<&Conversion>) =
        conversions.iter().partition(|conversion| conversion.lead.is_some());
    for conversion in converted {
        of_conversion(studio, conversion);
    }
    for conversion in customers {
        if studio.salesforce.opportunities.len() < size.opportunities && studio.dice.chance(40) {
            of_conversion(studio, conversion);
        }
    }
    let n = studio.firms.len();
    while studio.salesforce.opportunities.len() < size.opportunities {
        let drawn = studio.dice.between(0, n - 1);
        // A few opportunities were never given an account.
        let firm = match firm_with_account(studio) {
            Some(firm) if !studio.dice.chance(4) => firm,
            _ => drawn,
        };
        let opened =
            studio.dice.working_instant(at("2023-03-01T09:00:00Z"), at("2026-09-20T18:00:00Z"));
        let owner = studio.firms[firm].owner;
        let sale = sale(studio, firm, owner, opened);
        enter_opportunity(studio, &sale);
    }
    while studio.hubspot.deals.len() < size.deals {
        let firm = studio.dice.between(0, n - 1);
        let opened =
            studio.dice.working_instant(at("2024-03-01T09:00:00Z"), at("2026-09-20T18:00:00Z"));
        let owner = studio.firms[firm].owner;
        let sale = sale(studio, firm, owner, opened);
        enter_deal(studio, &sale);
    }
}

/// Gives a converted person an opportunity, a role in it, and mostly a deal.
fn of_conversion(studio: &mut Studio, conversion: &Conversion) {
    let mut sale = sale(studio, conversion.firm, conversion.owner, conversion.at);
    settle(studio, conversion, &mut sale);
    let row = enter_opportunity(studio, &sale);
    let SalesContact { id: contact_id, source, .. } =
        studio.salesforce.contacts.get(conversion.sales_contact);
    let opportunity_id = studio.salesforce.opportunities.id(row);
    studio.salesforce.opportunities.update(row, |opportunity| opportunity.source = source);
    if let Some(lead) = conversion.lead {
        let opportunity_id = opportunity_id.clone();
        studio.salesforce.leads.update(lead, |lead| lead.converted_opportunity = opportunity_id);
    }
    let role = *studio.dice.pick(&[
        "Decision Maker",
        "Evaluator",
        "Business User",
        "Executive Sponsor",
        "",
    ]);
    let id = studio.sales_id("00K", conversion.at);
    studio.salesforce.contact_roles.push(ContactRole {
        id,
        deleted: String::from("false"),
        opportunity_id: opportunity_id.clone(),
        contact_id,
        role: role.to_owned(),
        primary: String::from("true"),
        created_at: written(conversion.at),
        created_by: user_id(conversion.owner),
        modified_at: written(conversion.at),
        modified_by: user_id(conversion.owner),
    });
    if studio.hubspot.deals.len() < studio.options.size.deals && studio.dice.chance(88) {
        let deal = enter_deal(studio, &sale);
        let deal_id = studio.hubspot.deals.id(deal);
        studio.hubspot.deals.update(deal, |deal| {
            deal.opportunity_id.clone_from(&opportunity_id);
            deal.record_id = opportunity_id;
        });
        studio.salesforce.opportunities.update(row, |row| row.hubspot_id.clone_from(&deal_id));
        let contact = conversion.hubspot_contact;
        studio.hubspot.contacts.update(contact, |contact| contact.n_deals = String::from("1"));
        let contact_id = studio.hubspot.contacts.id(contact);
        studio.associate(("deals", &deal_id), ("contacts", &contact_id), "3");
    }
}

/// Makes the sale's end and the contact's lifecycle stage say the same.
fn settle(studio: &mut Studio, conversion: &Conversion, sale: &mut Sale) {
    let row = conversion.hubspot_contact;
    let mut contact = studio.hubspot.contacts.get(row);
    let Some((ended, last)) = sale.stages.last_mut() else { return };
    if contact.stage == "customer" {
        // The contact became a customer when the deal was won.
        let became = contact.customer_at.parse().unwrap_or(*ended);
        sale.close_date = became;
        sale.stages.retain(|(when, stage)| {
            *when < became && stage.forecast != "Omitted" && stage.forecast != "Closed"
        });
        sale.stages.push((became, &WON));
    } else if last.salesforce == WON.salesforce {
        let (won, learnt) = (*ended, next_sync(*ended, 25));
        travel(studio, &mut contact, &[(won, "customer")]);
        touch(&mut contact, learnt);
        contact.synced_at = written(learnt);
        studio.hubspot.contacts.put(row, contact);
        let mut other = studio.salesforce.contacts.get(conversion.sales_contact);
        contact_change(
            studio,
            &other,
            "Lifecycle_Stage__c",
            ("Opportunity", "Customer"),
            learnt,
            INTEGRATION,
        );
        other.stage = String::from("Customer");
        other.modified_at = written(learnt);
        other.modified_by = user_id(INTEGRATION);
        studio.salesforce.contacts.put(conversion.sales_contact, other);
    }
}

/// Decides what is sold, for how much, and how far it got by now.
fn sale(studio: &mut Studio, firm: usize, owner: usize, opened: Timestamp) -> Sale {
    let n_employees = studio.firms[firm].n_employees;
    let base = match n_employees {
        0..200 => studio.dice.between(6, 24),
        200..2_000 => studio.dice.between(20, 80),
        _ => studio.dice.between(60, 320),
    };
    let amount = base * 1_000 + [0, 0, 500, 400, 250][studio.dice.between(0, 4)];
    let renewal = studio.dice.chance(14);
    let product = *studio.dice.pick(&["Team", "Team", "Business", "Enterprise"]);
    let kind = if renewal { "Renewal" } else { "New" };
    let name = format!("{} - {product} - {kind}", studio.firms[firm].name);
    let mut stages = vec![(opened, &OPEN[0])];
    let mut moment = opened;
    let settled = at("2026-06-01T00:00:00Z");
    let n_steps = if opened < settled { 5 } else { studio.dice.between(1, 4) };
    for next in OPEN.iter().take(n_steps).skip(1) {
        let after = moment
            + SignedDuration::from_hours(
                24 * i64::try_from(studio.dice.between(3, 21)).unwrap_or(3),
            );
        if after > studio.now - SignedDuration::from_hours(30) {
            break;
        }
        stages.push((after, next));
        moment = after;
        // Most of what is lost is lost early.
        if opened < settled && studio.dice.chance(15) {
            break;
        }
    }
    let ends = moment + SignedDuration::from_hours(24 * 9 + 5);
    let retired = opened < at("2025-03-01T00:00:00Z") && studio.dice.chance(5);
    let ended = opened < settled && ends < at("2026-09-29T00:00:00Z") && !retired;
    let close_date = if ended {
        let won = stages.len() >= 4 && studio.dice.chance(46);
        stages.push((ends, if won { &WON } else { &LOST }));
        ends
    } else {
        if retired && ends < studio.now {
            stages.push((ends, &OPEN[5]));
        }
        let days = i64::try_from(studio.dice.between(8, 150)).unwrap_or(30);
        studio.now + SignedDuration::from_hours(24 * days)
    };
    Sale { name, firm, owner, amount, opened, close_date, renewal, stages }
}

fn enter_opportunity(studio: &mut Studio, sale: &Sale) -> usize {
    let id = studio.sales_id("006", sale.opened);
    let account = studio.firms[sale.firm].account;
    let account_id = account.map_or(String::new(), |row| studio.salesforce.accounts.id(row));
    let (changed, stage) =
        sale.stages.last().map_or((sale.opened, &OPEN[0]), |(when, stage)| (*when, *stage));
    let closed = stage.forecast == "Closed" || stage.forecast == "Omitted";
    if let Some(row) = account.filter(|_| stage.salesforce == WON.salesforce) {
        let kind = String::from("Customer - Direct");
        studio.salesforce.accounts.update(row, |account| account.kind = kind);
    }
    let next_step = if !closed && studio.dice.chance(50) {
        (*studio.dice.pick(NEXT_STEPS)).to_owned()
    } else {
        String::new()
    };
    studio.salesforce.opportunities.push(Opportunity {
        id: id.clone(),
        deleted: String::from("false"),
        name: sale.name.chars().take(120).collect(),
        account_id,
        stage: stage.salesforce.to_owned(),
        amount: sale.amount.to_string(),
        probability: stage.probability.to_owned(),
        close_date: date(sale.close_date),
        kind: String::from(if sale.renewal {
            "Existing Customer - Upgrade"
        } else {
            "New Customer"
        }),
        next_step,
        closed: closed.to_string(),
        won: (stage.salesforce == WON.salesforce).to_string(),
        forecast: stage.forecast.to_owned(),
        owner: user_id(sale.owner),
        created_at: written(sale.opened),
        created_by: user_id(sale.owner),
        modified_at: written(changed),
        modified_by: user_id(sale.owner),
        ..Opportunity::default()
    });
    let n_stages = sale.stages.len();
    for (position, (when, step)) in sale.stages.iter().enumerate() {
        // Of what closed before 2025 only the first and the last state were kept.
        let old = sale.close_date < at("2025-01-01T00:00:00Z");
        if old && position > 0 && position + 1 < n_stages {
            continue;
        }
        let history_id = studio.sales_id("008", *when);
        studio.salesforce.opportunity_history.push(OpportunityHistory {
            id: history_id,
            deleted: String::from("false"),
            opportunity_id: id.clone(),
            stage: step.salesforce.to_owned(),
            amount: sale.amount.to_string(),
            close_date: date(sale.close_date),
            probability: step.probability.to_owned(),
            forecast: forecast_category(step.forecast).to_owned(),
            created_at: written(*when),
            created_by: user_id(sale.owner),
        });
    }
    // Field history was switched on late, so only the last change of stage is in it.
    let since = at("2025-06-01T00:00:00Z");
    if let [.., (_, old), (when, new)] = sale.stages.as_slice()
        && *when > since
    {
        let field_id = studio.sales_id("017", *when);
        studio.salesforce.opportunity_field_history.push(OpportunityFieldHistory {
            id: field_id,
            deleted: String::from("false"),
            parent_id: id.clone(),
            field: String::from("StageName"),
            old: old.salesforce.to_owned(),
            new: new.salesforce.to_owned(),
            created_at: written(*when),
            created_by: user_id(sale.owner),
        });
    }
    studio.salesforce.opportunities.len() - 1
}

fn enter_deal(studio: &mut Studio, sale: &Sale) -> usize {
    let created = sale.opened.max(
        next_sync(sale.opened, 95).min(sale.stages.last().map_or(sale.opened, |(when, _)| *when)),
    );
    let id = studio.deal_id(created);
    let (changed, stage) =
        sale.stages.last().map_or((sale.opened, &OPEN[0]), |(when, stage)| (*when, *stage));
    let mut last = "";
    for (when, step) in &sale.stages {
        // Two Salesforce stages share one of HubSpot's.
        if step.hubspot == last {
            continue;
        }
        last = step.hubspot;
        studio.hubspot.deal_history.push(PropertyVersion {
            id: id.clone(),
            property: String::from("dealstage"),
            value: step.hubspot.to_owned(),
            at: written((*when).max(created)),
            source_type: String::from("CRM_UI"),
            source_id: String::new(),
            source_label: String::new(),
            user_id: hubspot_user_id(sale.owner),
        });
    }
    if let Some(company) = studio.firms[sale.firm].company {
        let company_id = studio.hubspot.companies.id(company);
        studio.associate(("deals", &id), ("companies", &company_id), "5");
    }
    studio.hubspot.deals.push(Deal {
        id,
        created_at: written(created),
        updated_at: written(changed.max(created)),
        archived: String::from("false"),
        name: sale.name.clone(),
        amount: sale.amount.to_string(),
        currency: String::from("USD"),
        close_at: written(sale.close_date),
        pipeline: String::from("default"),
        stage: stage.hubspot.to_owned(),
        owner: owner_id(sale.owner),
        kind: String::from(if sale.renewal { "existingbusiness" } else { "newbusiness" }),
        ..Deal::default()
    });
    studio.hubspot.deals.len() - 1
}

fn forecast_category(name: &str) -> &str {
    if name == "Best Case" {
        "BestCase"
    } else if name == "Commit" {
        "Forecast"
    } else {
        name
    }
}
