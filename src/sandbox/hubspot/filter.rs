//! Which records a search or an export means, and in which order (reference sections 5 and 8).
//!
//! Conditions on ids, times and unique values are SQL; what SQL cannot say the vendor's way is
//! decided on the record. Order is always SQL, so that nothing is kept only to be sorted.

use std::cmp::Ordering;

use rusqlite::types::Value as SqlValue;
use serde::Deserialize;
use serde_json::Value;

use super::Work;
use super::errors::ApiError;
use super::record;
use super::schema::ObjectType;
use super::store::Stored;
use super::time::epoch_ms;

/// Properties that free text is looked for in.
const SEARCHABLE: [&str; 8] =
    ["email", "firstname", "lastname", "phone", "company", "name", "domain", "dealname"];

/// Groups are alternatives; the filters of one must all hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Criteria {
    pub filter_groups: Vec<FilterGroup>,
    pub query: Option<String>,
    pub sorts: Vec<Value>,
    #[serde(skip)]
    pub includes_archived: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub struct FilterGroup {
    #[serde(default)]
    pub filters: Vec<Filter>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    pub property_name: String,
    pub operator: String,
    #[serde(default)]
    value: Option<Value>,
    #[serde(default)]
    high_value: Option<Value>,
    #[serde(default)]
    values: Vec<Value>,
}

/// The part of a question that SQL answers.
pub struct Question {
    /// Over `records`, without `where`.
    pub condition: String,
    pub values: Vec<SqlValue>,
    /// Without `order by`; ends on the id.
    pub order: String,
    /// False when each row must pass [`Criteria::holds`] as well.
    pub is_whole: bool,
}

struct Sort {
    property: String,
    is_descending: bool,
}

impl Criteria {
    /// Turns the criteria into SQL for one object.
    ///
    /// # Errors
    /// 400 for a filter on an undefined property and for a sort that is not understood.
    pub fn question(&self, work: &Work<'_>, object: &ObjectType) -> Result<Question, ApiError> {
        let unknown = self
            .filter_groups
            .iter()
            .flat_map(|group| &group.filters)
            .find(|filter| object.property(&filter.property_name).is_none());
        if let Some(filter) = unknown {
            let name = &filter.property_name;
            return Err(ApiError::invalid(format!("Property \"{name}\" does not exist")));
        }
        let scope = if self.includes_archived { "" } else { " and archived = 0" };
        let mut question = Question {
            condition: format!("object = ?1{scope}"),
            values: vec![object.id.clone().into()],
            order: order(object, self.sort()?.as_ref()),
            is_whole: self.words().next().is_none(),
        };
        if work.settings.search_delay_ms > 0 {
            let indexed_until = work.now.saturating_sub(work.settings.search_delay_ms);
            let bound = question.bind(indexed_until);
            question.condition.extend([" and updated_at <= ", &bound]);
        }
        let mut groups = Vec::new();
        for group in self.filter_groups.iter().filter(|group| !group.filters.is_empty()) {
            let mut terms = vec!["1".to_owned()];
            for filter in &group.filters {
                match filter.sql(object, &mut question) {
                    Some(term) => terms.push(term),
                    None => question.is_whole = false,
                }
            }
            groups.push(format!("({})", terms.join(" and ")));
        }
        if !groups.is_empty() {
            question.condition.extend([" and (", &groups.join(" or "), ")"]);
        }
        Ok(question)
    }

    /// Tells whether a record is one of those meant.
    pub fn holds(&self, object: &ObjectType, record: &Stored) -> bool {
        let passes_filters = self.filter_groups.is_empty()
            || self
                .filter_groups
                .iter()
                .any(|group| group.filters.iter().all(|filter| filter.holds(object, record)));
        passes_filters
            && self.words().all(|word| {
                SEARCHABLE.iter().any(|name| {
                    record
                        .properties
                        .get(*name)
                        .is_some_and(|text| text.to_lowercase().contains(&word))
                })
            })
    }

    fn words(&self) -> impl Iterator<Item = String> {
        self.query.iter().flat_map(|query| query.split_whitespace()).map(str::to_lowercase)
    }

    fn sort(&self) -> Result<Option<Sort>, ApiError> {
        let Some(sort) = self.sorts.first() else { return Ok(None) };
        let sort = match sort {
            Value::String(text) => match text.strip_prefix('-') {
                Some(name) => Sort { property: name.to_owned(), is_descending: true },
                None => Sort { property: text.clone(), is_descending: false },
            },
            Value::Object(keys) => {
                // Searches say `direction`, exports `order`.
                let direction = keys.get("direction").or_else(|| keys.get("order")).map(text_of);
                Sort {
                    property: keys.get("propertyName").map(text_of).unwrap_or_default(),
                    is_descending: direction.is_some_and(|word| word.starts_with("DES")),
                }
            }
            _ => return Err(ApiError::invalid("Invalid input: sort is not understood")),
        };
        Ok(Some(sort))
    }
}

impl Question {
    pub fn bind(&mut self, value: impl Into<SqlValue>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }
}

impl Filter {
    /// Writes the filter as SQL; none when only the record can tell.
    fn sql(&self, object: &ObjectType, question: &mut Question) -> Option<String> {
        let Some(column) = column(object, &self.property_name) else {
            return self.sql_of_key(object, question);
        };
        let number = |value: &Option<Value>| value.as_ref().map(text_of).and_then(|v| epoch_ms(&v));
        let operator = match self.operator.as_str() {
            "LT" => "<",
            "LTE" => "<=",
            "GT" => ">",
            "GTE" => ">=",
            "EQ" => "=",
            "NEQ" => "<>",
            "HAS_PROPERTY" => return Some("1".to_owned()),
            "BETWEEN" => {
                let (low, high) = (number(&self.value)?, number(&self.high_value)?);
                let (low, high) = (question.bind(low), question.bind(high));
                return Some(format!("{column} between {low} and {high}"));
            }
            "IN" => {
                let all: Option<Vec<i64>> =
                    self.values.iter().map(|one| epoch_ms(&text_of(one))).collect();
                let bound: Vec<String> = all?.into_iter().map(|one| question.bind(one)).collect();
                return Some(format!("{column} in ({})", bound.join(", ")));
            }
            _ => return None,
        };
        let value = question.bind(number(&self.value)?);
        Some(format!("{column} {operator} {value}"))
    }

    /// Looks a value up that one record at most can have.
    ///
    /// Only emails are kept in one case, so other keys are still compared on the record.
    fn sql_of_key(&self, object: &ObjectType, question: &mut Question) -> Option<String> {
        let is_email = object.is_contacts() && self.property_name == "email";
        if !is_email {
            return None;
        }
        let values: Vec<String> = match self.operator.as_str() {
            "EQ" => vec![text_of(self.value.as_ref()?).to_lowercase()],
            // A value of a list that is not in lower case matches nothing.
            "IN" => self.values.iter().map(text_of).collect(),
            _ => return None,
        };
        let bound: Vec<String> = values.into_iter().map(|one| question.bind(one)).collect();
        // On its own in a subquery, it cannot be taken for less selective than an index on `archived`.
        let keys = bound.join(", ");
        Some(format!(
            "id in (select id from records where object = ?1 and natural_key in ({keys}))"
        ))
    }

    fn holds(&self, object: &ObjectType, record: &Stored) -> bool {
        let held = record::value(object, record, &self.property_name);
        let kind = object.property(&self.property_name).map_or("string", |one| one.kind.as_str());
        let sent = self.value.as_ref().map(text_of).unwrap_or_default();
        let order = |sent: &str| held.as_deref().map(|held| compare(kind, held, sent));
        let is_in = || {
            self.values.iter().map(text_of).any(|one| match (kind, held.as_deref()) {
                // Text values of a list must be sent in lower case to match.
                ("string", Some(held)) => held.to_lowercase() == one,
                (_, Some(held)) => compare(kind, held, &one) == Ordering::Equal,
                (_, None) => false,
            })
        };
        match self.operator.as_str() {
            "HAS_PROPERTY" => held.is_some(),
            "NOT_HAS_PROPERTY" => held.is_none(),
            "EQ" => order(&sent) == Some(Ordering::Equal),
            "NEQ" => order(&sent) != Some(Ordering::Equal),
            "LT" => order(&sent) == Some(Ordering::Less),
            "LTE" => order(&sent).is_some_and(Ordering::is_le),
            "GT" => order(&sent) == Some(Ordering::Greater),
            "GTE" => order(&sent).is_some_and(Ordering::is_ge),
            "BETWEEN" => {
                let high = self.high_value.as_ref().map(text_of).unwrap_or_default();
                order(&sent).is_some_and(Ordering::is_ge)
                    && order(&high).is_some_and(Ordering::is_le)
            }
            "IN" => is_in(),
            "NOT_IN" => !is_in(),
            "CONTAINS_TOKEN" => held.is_some_and(|held| contains_token(&held, &sent)),
            "NOT_CONTAINS_TOKEN" => !held.is_some_and(|held| contains_token(&held, &sent)),
            _ => false,
        }
    }
}

/// Returns the column that holds a property, if one does.
fn column(object: &ObjectType, property: &str) -> Option<&'static str> {
    if property == "hs_object_id" {
        Some("id")
    } else if property == object.modified_property() || property == "hs_lastmodifieddate" {
        Some("updated_at")
    } else if property == object.created_property() {
        Some("created_at")
    } else {
        None
    }
}

/// Orders by a column or by the property's type; records without the value come last either way.
fn order(object: &ObjectType, sort: Option<&Sort>) -> String {
    let Some(sort) = sort else { return "id".to_owned() };
    let direction = if sort.is_descending { "desc" } else { "asc" };
    match column(object, &sort.property) {
        Some("id") => return format!("id {direction}"),
        Some(column) => return format!("{column} {direction}, id {direction}"),
        None => {}
    }
    // An undefined property orders nothing, and its name must not reach the SQL.
    let Some(property) = object.property(&sort.property) else { return "id".to_owned() };
    let value = format!("properties ->> '$.\"{}\"'", property.name.replace(['\'', '"'], ""));
    let value = match property.kind.as_str() {
        "number" => format!("cast({value} as real)"),
        "date" | "datetime" => format!("unixepoch({value}, 'subsec')"),
        "enumeration" => value,
        _ => format!("lower({value})"),
    };
    format!("({value}) is null, {value} {direction}, id")
}

fn compare(kind: &str, held: &str, sent: &str) -> Ordering {
    match kind {
        "number" => match (held.parse::<f64>(), sent.parse::<f64>()) {
            (Ok(held), Ok(sent)) => held.total_cmp(&sent),
            _ => held.cmp(sent),
        },
        "date" | "datetime" => super::time::date_ms(held).cmp(&super::time::date_ms(sent)),
        "enumeration" => held.cmp(sent),
        _ => held.to_lowercase().cmp(&sent.to_lowercase()),
    }
}

/// Looks for a word; `*` at either end stands for anything.
fn contains_token(held: &str, sent: &str) -> bool {
    let (held, sent) = (held.to_lowercase(), sent.to_lowercase());
    let core = sent.trim_matches('*');
    held.split(|c: char| c.is_whitespace() || c == '@' || c == ',').chain([held.as_str()]).any(
        |word| match (sent.starts_with('*'), sent.ends_with('*')) {
            (true, true) => word.contains(core),
            (true, false) => word.ends_with(core),
            (false, true) => word.starts_with(core),
            (false, false) => word == core,
        },
    )
}

/// Returns the text of a value that a client may send as a string or a number.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
