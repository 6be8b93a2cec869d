//! The columns of one row, and where in a record they go.

use super::super::errors::Fault;
use super::super::schema::{Field, FieldKind, Object};
use super::ast::{FieldGroup, Operand, Path, Query, SelectItem};
use super::finder::Finder;
use super::names::{Column, Parent, Scope, address_part, own_column};
use super::refusal::{malformed, no_such_children, no_such_column, refuse};
use super::translate::{Output, translate_children};

/// Most rows of a query that names its fields by `FIELDS()`.
const FIELDS_LIMIT_MAX: u64 = 200;

/// Builds the columns of one row and where they go.
pub struct Reader<'a> {
    pub finder: Finder<'a>,
    pub columns: Vec<String>,
}

impl<'a> Reader<'a> {
    fn text(&self) -> &'a str {
        self.finder.scope.text
    }

    pub fn outputs(&mut self, query: &Query) -> Result<Vec<Output>, Fault> {
        let id = self.add("t0.\"Id\"".to_owned());
        let mut outputs = Vec::new();
        debug_assert_eq!(id, 0, "the record's own id is the first column");
        for item in &query.select {
            match item {
                SelectItem::Value { operand: Operand::Field(path), alias: None } => {
                    let column = self.finder.scope.column(path)?;
                    self.place(path, column, &mut outputs)?;
                }
                SelectItem::Value { operand: operand @ Operand::Shown { path, .. }, alias } => {
                    let mut column = self.finder.operand(operand)?;
                    if let Some(alias) = alias {
                        column.name.clone_from(alias);
                        column.parents.clear();
                    }
                    self.place(path, column, &mut outputs)?;
                }
                SelectItem::Value { operand: Operand::Field(path), alias: Some(_) } => {
                    let message = "only aggregate expressions use field aliasing";
                    return Err(malformed(self.text(), path.position, message));
                }
                SelectItem::Value { operand, .. } => {
                    let message = "functions of a date need a grouped query";
                    return Err(malformed(self.text(), operand.path().position, message));
                }
                SelectItem::Children(inner) => {
                    outputs.push(children(&self.finder.scope, inner)?);
                }
                SelectItem::Fields { group, position } => {
                    if query.limit.is_none_or(|limit| limit > FIELDS_LIMIT_MAX) {
                        let message = "The SOQL FIELDS function must have a LIMIT of at most 200";
                        return Err(malformed(self.text(), *position, message));
                    }
                    let object = self.finder.scope.object;
                    for field in object.visible_fields() {
                        let is_wanted = match group {
                            FieldGroup::All => true,
                            FieldGroup::Standard => !field.is_custom,
                            FieldGroup::Custom => field.is_custom,
                        };
                        if is_wanted {
                            let output = self.own(object, field);
                            outputs.push(output);
                        }
                    }
                }
                SelectItem::CountRows { position } => {
                    return Err(malformed(self.text(), *position, "unexpected token: 'COUNT'"));
                }
            }
        }
        Ok(outputs)
    }

    fn place(
        &mut self,
        path: &Path,
        column: Column<'a>,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Fault> {
        let Column { sql, kind, field, name, parents } = column;
        let mut here = outputs;
        for parent in &parents {
            here = self.parent(parent, here);
        }
        let is_there = here.iter().any(|output| match output {
            Output::Field { name: own, .. }
            | Output::Address { name: own, .. }
            | Output::Parent { name: own, .. }
            | Output::Children { name: own, .. } => *own == name,
        });
        if is_there {
            let message = format!("duplicate field selected: {name}");
            return Err(refuse(self.text(), path.position, "INVALID_FIELD", &message));
        }
        let output = match field.filter(|field| !field.is_stored()) {
            Some(address) if parents.is_empty() => self.own(self.finder.scope.object, address),
            Some(_) => {
                let entity = parents.last().map_or("Name", |parent| parent.name.as_str());
                return Err(no_such_column(self.text(), path.position, &name, entity));
            }
            None => Output::Field { name, column: self.add(sql), kind },
        };
        here.push(output);
        Ok(())
    }

    fn own(&mut self, object: &Object, field: &Field) -> Output {
        const PARTS: [(&str, &str); 8] = [
            ("city", "City"),
            ("country", "Country"),
            ("geocodeAccuracy", "GeocodeAccuracy"),
            ("latitude", "Latitude"),
            ("longitude", "Longitude"),
            ("postalCode", "PostalCode"),
            ("state", "State"),
            ("street", "Street"),
        ];
        if field.is_stored() {
            let column = self.add(own_column(field));
            return Output::Field { name: field.name.clone(), column, kind: field.kind };
        }
        let parts = PARTS
            .iter()
            .map(|&(key, part)| match address_part(object, field, part) {
                Some(part) => (key, self.add(own_column(part)), part.kind),
                None => (key, self.add("null".to_owned()), FieldKind::Text),
            })
            .collect();
        Output::Address { name: field.name.clone(), parts }
    }

    fn parent<'o>(
        &mut self,
        parent: &Parent<'a>,
        outputs: &'o mut Vec<Output>,
    ) -> &'o mut Vec<Output> {
        let found = outputs.iter().position(
            |output| matches!(output, Output::Parent { name, .. } if *name == parent.name),
        );
        let index = found.unwrap_or_else(|| {
            outputs.push(Output::Parent {
                name: parent.name.clone(),
                id_column: self.add(parent.id_sql()),
                object_column: self.add(parent.object_sql()),
                is_polymorphic: parent.targets.len() > 1,
                outputs: Vec::new(),
            });
            outputs.len() - 1
        });
        match outputs.get_mut(index) {
            Some(Output::Parent { outputs, .. }) => outputs,
            _ => unreachable!("the index was just found or made for a parent"),
        }
    }

    fn add(&mut self, sql: String) -> usize {
        self.columns.push(sql);
        self.columns.len() - 1
    }
}

/// Turns a query over the children of a record into the output that runs it.
fn children(scope: &Scope<'_>, query: &Query) -> Result<Output, Fault> {
    let name = &query.object;
    let children = scope
        .frame
        .catalog
        .children(scope.object, &name.text)
        .ok_or_else(|| no_such_children(scope.text, name.position, &name.text))?;
    let plan = translate_children(scope.frame, scope.text, query, &children)?;
    let name = children.name.unwrap_or_default();
    Ok(Output::Children { name, plan: Box::new(plan) })
}
