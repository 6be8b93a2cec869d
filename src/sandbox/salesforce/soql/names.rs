//! Names in a query held against the schema: which column, through which joins.

use std::fmt::Write as _;

use super::super::errors::Fault;
use super::super::schema::{Field, FieldKind, Object, quote};
use super::Frame;
use super::ast::Path;
use super::refusal::{no_such_column, no_such_relationship};

/// Parents of parents that can be reached.
const LEVELS_MAX: usize = 5;

/// The query's object and the parents reached so far.
pub struct Scope<'a> {
    pub text: &'a str,
    pub frame: &'a Frame<'a>,
    pub object: &'a Object,
    pub alias: Option<&'a str>,
    joins: Vec<Join<'a>>,
}

struct Join<'a> {
    /// Relationship names from the query's object on, lower case and dotted.
    path: String,
    name: String,
    targets: Vec<Target<'a>>,
    sql: String,
}

/// One object that a reference may lead to, and what it is called in the SQL.
#[derive(Clone)]
pub struct Target<'a> {
    pub object: &'a Object,
    pub table: String,
}

/// A column that a path leads to.
pub struct Column<'a> {
    pub sql: String,
    pub kind: FieldKind,
    /// `None` for the type of a parent.
    pub field: Option<&'a Field>,
    pub name: String,
    /// Joined parents on the way, nearest to the query's object first.
    pub parents: Vec<Parent<'a>>,
}

/// A parent on the way to a column.
#[derive(Clone)]
pub struct Parent<'a> {
    pub name: String,
    pub targets: Vec<Target<'a>>,
}

impl Parent<'_> {
    /// SQL for the parent's id.
    pub fn id_sql(&self) -> String {
        coalesce(self.targets.iter().map(|target| format!("{}.\"Id\"", target.table)).collect())
    }

    /// SQL for the name of the parent's object.
    pub fn object_sql(&self) -> String {
        case(&self.targets, |object| object.name.as_str())
    }
}

impl<'a> Scope<'a> {
    pub fn new(
        text: &'a str,
        frame: &'a Frame<'a>,
        object: &'a Object,
        alias: Option<&'a str>,
    ) -> Self {
        Self { text, frame, object, alias, joins: Vec::new() }
    }

    /// Returns `from … left join …` with every join asked for so far.
    pub fn tables_sql(&self) -> String {
        let mut sql = format!("from {} t0", self.object.table());
        for join in &self.joins {
            sql.push_str(&join.sql);
        }
        sql
    }

    /// Finds the column of a path, adding the joins it needs.
    pub fn column(&mut self, path: &Path) -> Result<Column<'a>, Fault> {
        let mut segments: Vec<&str> = path.text.split('.').collect();
        if let [first, _, ..] = segments.as_slice() {
            let is_own = self.alias.is_some_and(|alias| alias.eq_ignore_ascii_case(first))
                || (first.eq_ignore_ascii_case(&self.object.name)
                    && self.object.relationship(first).is_none());
            if is_own {
                segments.remove(0);
            }
        }
        let last = segments.pop().unwrap_or_default();
        if segments.len() > LEVELS_MAX {
            return Err(no_such_relationship(self.text, path.position, &path.text));
        }
        let mut targets = vec![Target { object: self.object, table: "t0".to_owned() }];
        let mut parents = Vec::new();
        let mut walked = String::new();
        for segment in segments {
            let unknown = || no_such_relationship(self.text, path.position, segment);
            let [only] = targets.as_slice() else { return Err(unknown()) };
            let reference = only.object.relationship(segment).ok_or_else(unknown)?;
            let _ = write!(walked, ".{}", segment.to_lowercase());
            let parent = self.join(&walked, &only.table.clone(), reference);
            if parent.targets.is_empty() {
                return Err(unknown());
            }
            targets.clone_from(&parent.targets);
            parents.push(parent);
        }
        self.last(path, last, &targets, parents)
    }

    fn last(
        &self,
        path: &Path,
        name: &str,
        targets: &[Target<'a>],
        parents: Vec<Parent<'a>>,
    ) -> Result<Column<'a>, Fault> {
        let is_parent_type = name.eq_ignore_ascii_case("Type")
            && !parents.is_empty()
            && (targets.len() > 1 || targets.iter().all(|target| target.object.name == "User"));
        if is_parent_type {
            let shown = case(targets, |object| match object.name.as_str() {
                "Group" => "Queue",
                other => other,
            });
            return Ok(Column {
                sql: format!("({shown} collate nocase)"),
                kind: FieldKind::Picklist,
                field: None,
                name: "Type".to_owned(),
                parents,
            });
        }
        let found: Vec<(&Target<'a>, &'a Field)> = targets
            .iter()
            .filter_map(|target| target.object.field(name).map(|field| (target, field)))
            .collect();
        let Some((_, field)) = found.first() else {
            let entity = match targets {
                [only] => only.object.name.as_str(),
                _ => "Name",
            };
            let at = path.position + path.text.len().saturating_sub(name.len());
            return Err(no_such_column(self.text, at, name, entity));
        };
        let columns = found
            .iter()
            .map(|(target, field)| format!("{}.{}", target.table, field.column()))
            .collect();
        // An expression does not inherit the collation of its columns.
        let sql = match coalesce(columns) {
            sql if found.len() > 1 && field.kind.is_text() => format!("({sql} collate nocase)"),
            sql => sql,
        };
        Ok(Column { sql, kind: field.kind, field: Some(field), name: field.name.clone(), parents })
    }

    fn join(&mut self, walked: &str, from: &str, reference: &'a Field) -> Parent<'a> {
        if let Some(join) = self.joins.iter().find(|join| join.path == walked) {
            return Parent { name: join.name.clone(), targets: join.targets.clone() };
        }
        let number = self.joins.len() + 1;
        let mut sql = String::new();
        let mut targets = Vec::new();
        for (index, name) in reference.reference_to.iter().enumerate() {
            let Some(object) = self.frame.catalog.object(name) else { continue };
            let table = format!("t{number}_{index}");
            let _ = write!(
                sql,
                " left join {} {table} on {table}.\"Id\" = {from}.{}",
                object.table(),
                reference.column()
            );
            targets.push(Target { object, table });
        }
        let name = reference.relationship_name.clone().unwrap_or_default();
        self.joins.push(Join {
            path: walked.to_owned(),
            name: name.clone(),
            targets: targets.clone(),
            sql,
        });
        Parent { name, targets }
    }
}

fn coalesce(mut columns: Vec<String>) -> String {
    match columns.as_slice() {
        [_] => columns.remove(0),
        _ => format!("coalesce({})", columns.join(", ")),
    }
}

fn case(targets: &[Target<'_>], name: impl Fn(&Object) -> &str) -> String {
    let mut sql = String::from("case");
    for target in targets {
        let shown = name(target.object).replace('\'', "''");
        let _ = write!(sql, " when {}.\"Id\" is not null then '{shown}'", target.table);
    }
    sql.push_str(" end");
    sql
}

/// Names the column of an address part, such as `MailingCity` for `City` of `MailingAddress`.
pub fn address_part<'a>(object: &'a Object, address: &Field, part: &str) -> Option<&'a Field> {
    let prefix = address.name.strip_suffix("Address")?;
    object.field(&format!("{prefix}{part}")).filter(|field| field.is_stored())
}

/// Column of the query's own object.
pub fn own_column(field: &Field) -> String {
    format!("t0.{}", quote(&field.name))
}
