//! What may be odd about a world, each on or off.

use std::collections::BTreeSet;
use std::fmt;

use super::dice::Dice;

/// Chance of each knob to be on, in percent.
const PERCENT_ON: u64 = 33;

macro_rules! knobs {
    ($($name:ident: $says:literal,)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Knob { $($name,)+ }

        impl Knob {
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            pub fn says(self) -> &'static str {
                match self { $(Self::$name => $says,)+ }
            }
        }
    };
}

knobs! {
    SeveralLeads: "several leads and a contact for one person",
    SeveralContacts: "several HubSpot contacts for one person",
    AdditionalEmails: "additional e-mails",
    EmailChanges: "e-mails change during the week",
    Conversions: "leads are converted, before and during the week",
    ConversionChains: "two leads end in one contact, which is merged on",
    HubSpotMerges: "HubSpot contacts are merged during the week",
    SalesforceMerges: "leads and contacts are merged during the week",
    StaleLinks: "links to records that are gone or somebody else's",
    TwoClaimOne: "two HubSpot contacts claim one lead",
    RoleMailbox: "a role mailbox shared by several",
    Switchboard: "one switchboard number for a company",
    Placeholders: "none@none.com and 000",
    FreeMail: "free-mail addresses",
    Family: "a family on one telephone",
    Namesakes: "two people of one name at one company",
    LegalSuffixes: "company names with legal suffixes",
    Subsidiaries: "subsidiaries on one domain",
    BlankNames: "blank names",
    Unicode: "letters of every kind",
    OverLong: "values that are too long",
    Unmapped: "values that the map does not know",
    Retired: "retired values",
    InactiveOwners: "owners who left, and queues",
    Gone: "archived and deleted records",
    Phones: "telephone numbers in many forms",
    Zones: "instants near midnight",
    Spaces: "white space and case",
    MultiOrder: "multiple values in any order",
    BothSides: "both sides edit one field",
    Clears: "values are cleared",
    Reverts: "values are cleared, filled again and taken back",
    Deletions: "records are deleted during the week",
    Arrivals: "records are entered during the week",
}

/// The knobs of one world that are on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Knobs(BTreeSet<Knob>);

impl Knobs {
    pub fn draw(dice: &mut Dice) -> Self {
        Self(Knob::ALL.iter().copied().filter(|_| dice.chance(PERCENT_ON)).collect())
    }

    pub fn has(&self, knob: Knob) -> bool {
        self.0.contains(&knob)
    }
}

impl fmt::Display for Knobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.0.iter().map(|knob| knob.says()).collect();
        f.write_str(&words.join("; "))
    }
}

/// Names the pairs of knobs whose four combinations do not all occur.
pub fn uncovered(worlds: &[Knobs]) -> Vec<String> {
    let mut missing = Vec::new();
    for (at, one) in Knob::ALL.iter().enumerate() {
        for other in &Knob::ALL[at + 1..] {
            let found: BTreeSet<(bool, bool)> =
                worlds.iter().map(|knobs| (knobs.has(*one), knobs.has(*other))).collect();
            if found.len() < 4 {
                missing.push(format!("{one:?} with {other:?}: only {found:?}"));
            }
        }
    }
    missing
}
