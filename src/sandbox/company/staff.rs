//! Lumenforge's own people: owners in HubSpot, users and queues in Salesforce.

use super::clock::{at, written};
use super::ids::salesforce_id;
use super::records::{Group, List, Owner, User};
use super::studio::{EVENT_LIST, HANDOFF_LIST, Studio};

/// One colleague.
pub struct Colleague {
    pub first: &'static str,
    pub last: &'static str,
    pub title: &'static str,
    pub joined: &'static str,
    /// Day of leaving, empty for who is still there.
    pub left: &'static str,
}

pub const STAFF: &[Colleague] = &[
    rep("Dana", "Whitlock", "Account Executive", "2022-03-14"),
    rep("Marcus", "Ojo", "Account Executive", "2022-06-01"),
    rep("Priya", "Raman", "Senior Account Executive", "2022-01-17"),
    rep("Tomás", "Herrera", "Account Executive, LATAM", "2023-04-03"),
    rep("Ingrid", "Solheim", "Account Executive, EMEA", "2023-02-06"),
    rep("Jonah", "Feldman", "SDR", "2024-01-08"),
    rep("Keiko", "Arai", "SDR", "2024-05-13"),
    rep("Ben", "Castellanos", "SDR", "2024-09-02"),
    rep("Amara", "Diallo", "SDR, EMEA", "2025-01-13"),
    rep("Lucas", "Brandt", "Account Executive, DACH", "2024-02-19"),
    rep("Shreya", "Kapoor", "SDR Manager", "2022-10-10"),
    rep("Owen", "Gallagher", "Enterprise Account Executive", "2023-08-21"),
    Colleague {
        first: "Kyle",
        last: "Benning",
        title: "Account Executive",
        joined: "2022-02-07",
        left: "2026-05-29",
    },
    Colleague {
        first: "Renata",
        last: "Fuchs",
        title: "SDR",
        joined: "2023-05-15",
        left: "2026-03-13",
    },
    Colleague {
        first: "Scott",
        last: "Mayfield",
        title: "SDR",
        joined: "2022-08-01",
        left: "2025-07-31",
    },
    rep("Helen", "Marsh", "VP Sales", "2021-11-01"),
    rep("Nadia", "Petrov", "Director of Demand Generation", "2022-04-25"),
    rep("Theo", "Lang", "Marketing Operations Manager", "2022-09-12"),
    rep("Grace", "Okada", "Revenue Operations Manager", "2022-05-16"),
    rep("Concord", "Integration", "Integration user", "2021-10-01"),
];

/// Those who own records and still work here: indexes into [`STAFF`].
pub const ACTIVE_REPS: &[usize] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
/// Those who left and still own records.
pub const FORMER_REPS: &[usize] = &[12, 13, 14];
pub const MARKETER: usize = 16;
pub const MARKETING_OPS: usize = 17;
pub const REVENUE_OPS: usize = 18;
pub const INTEGRATION: usize = 19;

/// Queue for new leads of the Americas and for the rest of the world.
pub const QUEUES: &[(&str, &str)] = &[
    ("Inbound - Americas", "Inbound_Americas"),
    ("Inbound - International", "Inbound_International"),
];

const fn rep(
    first: &'static str,
    last: &'static str,
    title: &'static str,
    joined: &'static str,
) -> Colleague {
    Colleague { first, last, title, joined, left: "" }
}

/// Gives the address that both CRMs know a colleague by.
pub fn email(index: usize) -> String {
    let colleague = &STAFF[index];
    let first = if colleague.first == "Tomás" { "tomas" } else { colleague.first };
    format!("{}.{}@lumenforge.io", first.to_lowercase(), colleague.last.to_lowercase())
}

/// Gives a colleague's owner id in HubSpot.
pub fn owner_id(index: usize) -> String {
    (61_204_117 + index * 1_913).to_string()
}

/// Gives a colleague's user id in HubSpot, which is not the owner id.
pub fn hubspot_user_id(index: usize) -> String {
    (9_586_504 + index * 271).to_string()
}

/// Gives a colleague's id in Salesforce.
pub fn user_id(index: usize) -> String {
    salesforce_id("005", 812_300_000 + u64::try_from(index).unwrap_or(0) * 37)
}

/// Gives a queue's id in Salesforce.
pub fn queue_id(index: usize) -> String {
    salesforce_id("00G", 812_310_000 + u64::try_from(index).unwrap_or(0) * 11)
}

/// Enters owners, users, queues and lists.
pub fn hire(studio: &mut Studio) {
    for (index, colleague) in STAFF.iter().enumerate() {
        let joined = format!("{}T15:00:00Z", colleague.joined);
        let changed = if colleague.left.is_empty() {
            joined.clone()
        } else {
            format!("{}T22:00:00Z", colleague.left)
        };
        let active = colleague.left.is_empty();
        if index != INTEGRATION {
            studio.hubspot.owners.push(Owner {
                id: owner_id(index),
                // HubSpot keeps what was typed at invitation; Salesforce holds lower case.
                email: if index % 7 == 2 { capitalized(&email(index)) } else { email(index) },
                first: colleague.first.to_owned(),
                last: colleague.last.to_owned(),
                user_id: if active { hubspot_user_id(index) } else { String::new() },
                kind: String::from("PERSON"),
                archived: (!active).to_string(),
                created_at: joined.clone(),
                updated_at: changed.clone(),
            });
        }
        // The demand generation director works in HubSpot alone.
        if index != MARKETER {
            studio.salesforce.users.push(User {
                id: user_id(index),
                username: format!("{}.prod", email(index)),
                email: email(index),
                first: colleague.first.to_owned(),
                last: colleague.last.to_owned(),
                alias: format!("{}{}", &email(index)[..1], colleague.last.to_lowercase())
                    .chars()
                    .take(8)
                    .collect(),
                title: colleague.title.to_owned(),
                active: active.to_string(),
                kind: String::from("Standard"),
                time_zone: String::from(match index {
                    4 | 8 => "Europe/London",
                    9 => "Europe/Berlin",
                    0 | 1 | 10 => "America/New_York",
                    _ => "America/Los_Angeles",
                }),
                created_at: joined,
                modified_at: changed,
            });
        }
    }
    for (index, (name, developer_name)) in QUEUES.iter().enumerate() {
        studio.salesforce.queues.push(Group {
            id: queue_id(index),
            name: (*name).to_owned(),
            developer_name: (*developer_name).to_owned(),
            kind: String::from("Queue"),
            email: String::from("inbound@lumenforge.io"),
            created_at: String::from("2022-01-10T18:00:00Z"),
            modified_at: String::from("2024-02-05T19:30:00Z"),
        });
    }
    for (id, name, processing, created) in [
        (HANDOFF_LIST, "Sales handoff", "MANUAL", "2022-05-03T16:20:00Z"),
        ("12", "Newsletter subscribers", "DYNAMIC", "2022-02-11T10:05:00Z"),
        ("13", "MQLs this quarter", "DYNAMIC", "2023-01-09T09:45:00Z"),
        (EVENT_LIST, "Data Council 2026 badge scans", "MANUAL", "2026-04-24T17:00:00Z"),
    ] {
        studio.hubspot.lists.push(List {
            id: id.to_owned(),
            name: name.to_owned(),
            object_type_id: String::from("0-1"),
            processing_type: processing.to_owned(),
            created_at: written(at(created)),
            updated_at: String::from("2026-09-29T15:12:00Z"),
        });
    }
}

fn capitalized(address: &str) -> String {
    let mut letters = address.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
