//! Search: `FIND {text} IN … RETURNING Object(fields …), …` over the text fields of records.
//!
//! The vendor searches an index of words; here a word is found inside of any text field, at once.
//! `*` stands for any characters; other operators of the language are left out.

use serde_json::Value;

use super::answer::Answer;
use super::call::Call;
use super::errors::Fault;
use super::org::Org;
use super::query::{for_each_row, write_record};
use super::schema::{Field, FieldKind, Object};
use super::soql;

/// Records of one search.
const RECORDS_MAX: usize = 2_000;

/// Which fields a search looks into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    All,
    Name,
    Email,
    Phone,
}

/// One object to search and what to show of it.
struct Wanted<'a> {
    object: &'a Object,
    /// What stands between the parentheses: fields, then conditions.
    fields: String,
    rest: String,
}

/// Answers `GET search?q=FIND {…}`.
///
/// # Errors
/// `MALFORMED_SEARCH` for a text that is no search.
pub fn run(org: &Org<'_>, call: &Call) -> Result<Answer, Fault> {
    let text = call.parameter("q").unwrap_or_default().trim();
    let rest = keyword(text, "FIND").ok_or_else(|| malformed("expecting FIND"))?;
    let (words, rest) = rest
        .strip_prefix('{')
        .and_then(|rest| rest.split_once('}'))
        .ok_or_else(|| malformed("expecting a left brace"))?;
    let mut rest = rest.trim_start();
    let mut scope = Scope::All;
    if let Some(after) = keyword(rest, "IN") {
        let (name, after) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
        scope = match name.to_ascii_uppercase().as_str() {
            "ALL" => Scope::All,
            "NAME" => Scope::Name,
            "EMAIL" => Scope::Email,
            "PHONE" => Scope::Phone,
            _ => return Err(malformed(&format!("unexpected token: {name}"))),
        };
        rest = keyword(after, "FIELDS").ok_or_else(|| malformed("expecting FIELDS"))?;
    }
    let wanted = match keyword(rest, "RETURNING") {
        Some(list) => split_list(list)
            .into_iter()
            .map(|item| wanted(org, item))
            .collect::<Result<Vec<_>, _>>()?,
        None => searchable(org).map(by_id).collect(),
    };
    find(org, call, words, scope, &wanted)
}

/// Answers `GET parameterizedSearch?q=…&sobject=…`.
///
/// # Errors
/// `INVALID_TYPE` for an object that is not there.
pub fn by_parameters(org: &Org<'_>, call: &Call) -> Result<Answer, Fault> {
    let names: Vec<&str> =
        call.query.iter().filter(|(key, _)| key == "sobject").map(|(_, own)| &**own).collect();
    let wanted: Vec<Wanted<'_>> = if names.is_empty() {
        searchable(org).map(by_id).collect()
    } else {
        names
            .into_iter()
            .map(|name| {
                let object = object(org, name)?;
                let fields = call
                    .parameter(&format!("{name}.fields"))
                    .or_else(|| call.parameter("fields"))
                    .unwrap_or("Id");
                Ok(Wanted { object, fields: fields.to_owned(), rest: String::new() })
            })
            .collect::<Result<_, Fault>>()?
    };
    find(org, call, call.parameter("q").unwrap_or_default(), Scope::All, &wanted)
}

fn find(
    org: &Org<'_>,
    call: &Call,
    words: &str,
    scope: Scope,
    wanted: &[Wanted<'_>],
) -> Result<Answer, Fault> {
    let words = words.trim().trim_matches('"');
    if words.chars().filter(|c| c.is_alphanumeric()).count() < 2 {
        return Err(malformed("search term must be longer than one character"));
    }
    let pattern: String = words
        .chars()
        .flat_map(|c| match c {
            '*' => vec!['%'],
            '?' => vec!['_'],
            '\'' | '\\' | '%' | '_' => vec!['\\', c],
            other => vec![other],
        })
        .collect();
    let mut out = String::from("{\"searchRecords\":[");
    let mut n_found = 0;
    for wanted in wanted {
        let looked_into: Vec<String> = wanted
            .object
            .visible_fields()
            .filter(|field| is_in(scope, field))
            .map(|field| format!("{} LIKE '%{pattern}%'", field.name))
            .collect();
        if looked_into.is_empty() {
            continue;
        }
        let text = format!(
            "SELECT {} FROM {} WHERE ({}){}",
            wanted.fields,
            wanted.object.name,
            looked_into.join(" OR "),
            wanted.rest
        );
        let query = soql::parse(&text)?;
        let plan = soql::translate(&org.frame(), &text, &query, false)?;
        let mut statement = org.connection.prepare_cached(&plan.sql)?;
        let rows = statement
            .query_map(rusqlite::params_from_iter(&plan.parameters), |row| row.get(0))?
            .take(RECORDS_MAX - n_found)
            .collect::<Result<Vec<i64>, _>>()?;
        for_each_row(org, &plan, &rows, |row| {
            if n_found > 0 {
                out.push(',');
            }
            n_found += 1;
            write_record(org, &mut out, call, row, &plan)
        })?;
    }
    out.push_str("]}");
    Ok(Answer::text(200, out))
}

fn is_in(scope: Scope, field: &Field) -> bool {
    let is_phone = field.described.get("type").and_then(Value::as_str) == Some("phone");
    let is_text = matches!(field.kind, FieldKind::Text | FieldKind::Email) && field.is_filterable;
    is_text
        && match scope {
            Scope::All => true,
            Scope::Name => field.name == "Name",
            Scope::Email => field.kind == FieldKind::Email,
            Scope::Phone => is_phone,
        }
}

fn searchable<'a>(org: &Org<'a>) -> impl Iterator<Item = &'a Object> {
    org.catalog.visible_objects().filter(|object| object.is_createable)
}

fn by_id(object: &Object) -> Wanted<'_> {
    Wanted { object, fields: "Id".to_owned(), rest: String::new() }
}

/// Reads `Object` or `Object(fields WHERE … ORDER BY … LIMIT …)`.
fn wanted<'a>(org: &Org<'a>, item: &str) -> Result<Wanted<'a>, Fault> {
    let Some((name, inner)) = item.split_once('(') else {
        return Ok(by_id(object(org, item.trim())?));
    };
    let object = object(org, name.trim())?;
    let inner = inner.trim_end().strip_suffix(')').ok_or_else(|| malformed("expecting )"))?;
    let upper = inner.to_ascii_uppercase();
    let end = [" WHERE ", " ORDER ", " LIMIT ", " OFFSET "]
        .iter()
        .filter_map(|clause| upper.find(clause))
        .min()
        .unwrap_or(inner.len());
    let (fields, clauses) = inner.split_at(end);
    let rest = match keyword(clauses.trim_start(), "WHERE") {
        None => format!(" {clauses}"),
        Some(condition) => {
            let upper = condition.to_ascii_uppercase();
            let end = [" ORDER ", " LIMIT ", " OFFSET "]
                .iter()
                .filter_map(|clause| upper.find(clause))
                .min()
                .unwrap_or(condition.len());
            let (condition, clauses) = condition.split_at(end);
            format!(" AND ({condition}) {clauses}")
        }
    };
    Ok(Wanted { object, fields: fields.to_owned(), rest })
}

fn object<'a>(org: &Org<'a>, name: &str) -> Result<&'a Object, Fault> {
    org.catalog.object(name).ok_or_else(|| {
        Fault::new(400, "INVALID_TYPE", format!("sObject type '{name}' is not supported."))
    })
}

/// Splits at the commas outside of parentheses.
fn split_list(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let (mut start, mut depth) = (0, 0_i32);
    for (index, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                items.push(text.get(start..index).unwrap_or_default().trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    items.push(text.get(start..).unwrap_or_default().trim());
    items
}

/// Returns what follows a keyword that a text begins with.
fn keyword<'t>(text: &'t str, keyword: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(keyword.len())?;
    let is_whole = rest.chars().next().is_none_or(|c| !c.is_alphanumeric());
    (head.eq_ignore_ascii_case(keyword) && is_whole).then(|| rest.trim_start())
}

fn malformed(problem: &str) -> Fault {
    Fault::new(400, "MALFORMED_SEARCH", problem.to_owned())
}
