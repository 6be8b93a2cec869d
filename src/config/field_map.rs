//! What `field_map.toml` settles: who owns which field, and how values translate.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::crm::CrmKind;

/// The page that both teams sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldMap {
    /// SHA-256 of the map's meaning, in hex; comments, layout and sign-offs do not change it.
    pub digest: String,
    /// Person, company, deal; one that the file leaves out is there without fields.
    pub entities: Vec<Entity>,
    pub sign_offs: Vec<SignOff>,
}

impl FieldMap {
    /// Makes a map that maps nothing: enough to pull, build and audit.
    pub fn empty() -> Self {
        Self {
            digest: String::new(),
            entities: EntityName::ALL.map(Entity::unmapped).into(),
            sign_offs: Vec::new(),
        }
    }

    /// Returns what the map says of one kind of entity.
    pub fn entity(&self, name: EntityName) -> Option<&Entity> {
        self.entities.iter().find(|entity| entity.name == name)
    }

    /// Returns the type of a field; keys, links and what the map does not name are text.
    pub fn field_type(&self, entity: &str, field: &str) -> FieldType {
        let entity = self.entities.iter().find(|known| known.name.as_str() == entity);
        let field = entity.and_then(|entity| entity.field(field));
        field.map_or(FieldType::Text, |field| field.field_type)
    }
}

/// A person's agreement to one version of the map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignOff {
    pub name: String,
    /// `YYYY-MM-DD`.
    pub date: String,
    /// [`FieldMap::digest`] at that time, or its first characters, at least 8.
    pub digest: String,
}

impl SignOff {
    /// Says whether the map is still the one that was signed.
    pub fn covers(&self, map: &FieldMap) -> bool {
        map.digest.starts_with(&self.digest)
    }
}

/// One kind of thing that both CRMs keep records of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entity {
    pub name: EntityName,
    /// The file names the entity.
    pub is_mapped: bool,
    /// HubSpot object: `contacts`.
    pub hubspot: String,
    /// Salesforce objects: `Lead` and `Contact`, between which conversion moves the link.
    pub salesforce: Vec<String>,
    pub create: Create,
    /// Of a person: the company of a contact's account in Salesforce becomes the primary one in HubSpot.
    pub follows_account: bool,
    /// Fields that carry the key minted in the plan for a create.
    pub key: SidePair,
    /// Fields that hold the other side's record id.
    pub link: SidePair,
    /// In the order of the file.
    pub fields: Vec<Field>,
    /// Line of `field_map.toml` on which the entity begins; zero where the file leaves it out.
    pub line: usize,
}

impl Entity {
    /// Makes the entity of a map that does not name it: looked at, never written.
    pub fn unmapped(name: EntityName) -> Self {
        let salesforce = name.salesforce_objects();
        Self {
            name,
            is_mapped: false,
            hubspot: name.hubspot_object().to_owned(),
            create: Create {
                salesforce: CreatePolicy::Never,
                hubspot: CreatePolicy::Never,
                as_object: salesforce.first().copied().unwrap_or_default().to_owned(),
            },
            salesforce: salesforce.iter().map(|&object| object.to_owned()).collect(),
            follows_account: false,
            key: SidePair::key(),
            link: SidePair::link(),
            fields: Vec::new(),
            line: 0,
        }
    }

    /// Returns one field of the entity by its name in the map.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityName {
    Person,
    Company,
    Deal,
}

impl EntityName {
    pub const ALL: [Self; 3] = [Self::Person, Self::Company, Self::Deal];

    /// Returns the word used in the field map, in SQL and on the screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Company => "company",
            Self::Deal => "deal",
        }
    }

    /// Returns the HubSpot object that holds its records.
    pub fn hubspot_object(self) -> &'static str {
        match self {
            Self::Person => "contacts",
            Self::Company => "companies",
            Self::Deal => "deals",
        }
    }

    /// Returns the Salesforce objects that may hold its records, the one to create first.
    pub fn salesforce_objects(self) -> &'static [&'static str] {
        match self {
            Self::Person => &["Lead", "Contact"],
            Self::Company => &["Account"],
            Self::Deal => &["Opportunity"],
        }
    }
}

impl fmt::Display for EntityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who gets created where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Create {
    pub salesforce: CreatePolicy,
    pub hubspot: CreatePolicy,
    /// Salesforce object that a create makes, one of [`Entity::salesforce`].
    pub as_object: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CreatePolicy {
    Never,
    /// Whoever the inclusion rule of that direction lets across.
    Included,
}

impl CreatePolicy {
    /// Returns the word used in the field map and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Included => "included",
        }
    }
}

impl Create {
    /// Returns the policy for creates in one CRM.
    pub fn of(&self, side: CrmKind) -> CreatePolicy {
        match side {
            CrmKind::HubSpot => self.hubspot,
            CrmKind::Salesforce => self.salesforce,
        }
    }
}

/// One name on each side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SidePair {
    pub hubspot: String,
    pub salesforce: String,
}

impl SidePair {
    /// Returns the key fields that a map has unless it names others.
    pub fn key() -> Self {
        Self { hubspot: "concord_key".to_owned(), salesforce: "Concord_Key__c".to_owned() }
    }

    /// Returns the link fields that a map has unless it names others.
    pub fn link() -> Self {
        Self { hubspot: "salesforce_record_id".to_owned(), salesforce: "HubSpot_Id__c".to_owned() }
    }

    pub fn of(&self, side: CrmKind) -> &str {
        match side {
            CrmKind::HubSpot => &self.hubspot,
            CrmKind::Salesforce => &self.salesforce,
        }
    }
}

/// One field that both CRMs keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    pub name: String,
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// HubSpot property.
    pub hubspot: String,
    /// Salesforce field by object; an object of the entity that lacks the field is absent.
    pub salesforce: BTreeMap<String, String>,
    pub owner: Owner,
    /// Who wins when both sides changed, or at the first agreement. Set for `two_way`.
    pub tie: Option<CrmKind>,
    /// The workflow on each side that needs to write. Complete for `two_way`.
    pub because: BTreeMap<CrmKind, String>,
    pub write: WriteMode,
    /// A blank in the owner erases the other side.
    pub clear: bool,
    /// A value too long for the target is cut; otherwise it is held back.
    pub truncate: bool,
    /// Null and `false` are the same value.
    pub blank_is_false: bool,
    /// Picklist values of one label are one value; `values` is then empty.
    pub is_mapped_by_label: bool,
    /// HubSpot value and Salesforce value, in the order of the file.
    pub values: Vec<(String, String)>,
    /// Decimal places at which two numbers count as equal.
    pub scale: Option<u32>,
    /// IANA zone in which an instant becomes a day, where one side keeps a datetime and one a date.
    pub zone: Option<String>,
    /// What a create in Salesforce sends where HubSpot is blank, in Salesforce's own words.
    pub create_default: Option<String>,
    /// Where each side says in which currency the amount is: a code of three capitals, or the field that
    /// holds it. Set for `currency`.
    pub currency: Option<SidePair>,
    /// HubSpot keeps 25 percent as `0.25`; Salesforce always as `25`. Set for `percent`.
    pub hubspot_keeps: Option<PercentForm>,
    /// Who owns what there is nobody for on that side, by e-mail address, record id or queue name.
    pub fallback: BTreeMap<CrmKind, String>,
    /// The model column that owns the field. Set for `warehouse`.
    pub from: Option<ModelColumn>,
    /// The consent value that wins over every other, in HubSpot's words.
    pub restrictive: bool,
    /// Line of `field_map.toml` on which the field begins.
    pub line: usize,
}

impl Field {
    /// Says whether this is HubSpot's lifecycle stage, which only moves forward.
    pub fn is_lifecycle(&self) -> bool {
        self.owner == Owner::Handoff && self.hubspot == "lifecyclestage"
    }

    /// Returns the Salesforce value that a HubSpot value is written as, where `values` lists it.
    pub fn to_salesforce(&self, hubspot: &str) -> Option<&str> {
        self.values.iter().find(|(from, _)| from == hubspot).map(|(_, to)| to.as_str())
    }

    /// Returns the HubSpot value that a Salesforce value is written as; of several, the first in
    /// the file.
    pub fn to_hubspot(&self, salesforce: &str) -> Option<&str> {
        self.values.iter().find(|(_, to)| to == salesforce).map(|(from, _)| from.as_str())
    }
}

/// How HubSpot keeps a percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PercentForm {
    /// 25 percent is `0.25`.
    Fraction,
    /// 25 percent is `25`.
    Percent,
}

impl PercentForm {
    pub const ALL: [Self; 2] = [Self::Fraction, Self::Percent];

    /// Returns the word used in the field map.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fraction => "fraction",
            Self::Percent => "percent",
        }
    }
}

/// A column of a model, whose values are keyed by golden id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelColumn {
    /// Model with one row per `golden_id`.
    pub model: String,
    pub column: String,
}

/// What makes two values of a field equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    Text,
    Email,
    Phone,
    Picklist,
    MultiPicklist,
    Bool,
    Number,
    Currency,
    Percent,
    Date,
    Datetime,
    Owner,
    Reference,
    Country,
    Consent,
}

impl FieldType {
    pub const ALL: [Self; 15] = [
        Self::Text,
        Self::Email,
        Self::Phone,
        Self::Picklist,
        Self::MultiPicklist,
        Self::Bool,
        Self::Number,
        Self::Currency,
        Self::Percent,
        Self::Date,
        Self::Datetime,
        Self::Owner,
        Self::Reference,
        Self::Country,
        Self::Consent,
    ];

    /// Returns the word used in the field map.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Picklist => "picklist",
            Self::MultiPicklist => "multi_picklist",
            Self::Bool => "bool",
            Self::Number => "number",
            Self::Currency => "currency",
            Self::Percent => "percent",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Owner => "owner",
            Self::Reference => "reference",
            Self::Country => "country",
            Self::Consent => "consent",
        }
    }

    /// Returns the type of a word; `None` when there is no such type.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field_type| field_type.as_str() == word)
    }
}

/// Which side may change a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// HubSpot's value is written to Salesforce.
    Hubspot,
    /// Salesforce's value is written to HubSpot.
    Salesforce,
    /// The side that changed since the last agreement wins.
    TwoWay,
    /// HubSpot before the handoff, Salesforce after.
    Handoff,
    /// A model column is written to both.
    Warehouse,
    /// Never written, only reported.
    Compare,
}

impl Owner {
    pub const ALL: [Self; 6] = [
        Self::Hubspot,
        Self::Salesforce,
        Self::TwoWay,
        Self::Handoff,
        Self::Warehouse,
        Self::Compare,
    ];

    /// Returns the word used in the field map.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hubspot => "hubspot",
            Self::Salesforce => "salesforce",
            Self::TwoWay => "two_way",
            Self::Handoff => "handoff",
            Self::Warehouse => "warehouse",
            Self::Compare => "compare",
        }
    }

    /// Says whether values may travel in both directions.
    pub fn is_both_ways(self) -> bool {
        matches!(self, Self::TwoWay | Self::Handoff)
    }
}

/// When the owner's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteMode {
    Always,
    /// Only where the target is blank.
    WhenBlank,
    /// Only with the create of the record.
    OnCreate,
}

impl WriteMode {
    pub const ALL: [Self; 3] = [Self::Always, Self::WhenBlank, Self::OnCreate];

    /// Returns the word used in the field map.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::WhenBlank => "when_blank",
            Self::OnCreate => "on_create",
        }
    }
}
