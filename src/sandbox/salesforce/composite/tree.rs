//! Trees: parents with their children created in one call, all or none.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::answer::Answer;
use super::super::call::Call;
use super::super::errors::{Fault, RowError};
use super::super::org::Org;
use super::super::schema::Object;
use super::super::writes;

const RECORDS_MAX: usize = 200;
const LEVELS_MAX: usize = 5;

#[derive(Serialize)]
struct Tree {
    #[serde(rename = "hasErrors")]
    has_errors: bool,
    results: Vec<TreeResult>,
}

#[derive(Serialize)]
struct TreeResult {
    #[serde(rename = "referenceId")]
    reference_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<RowError>>,
}

/// One record of the tree, its parents before it.
struct Node<'a> {
    object: &'a Object,
    reference_id: String,
    body: Map<String, Value>,
    /// Position of the parent and the field that points to it.
    parent: Option<(usize, String)>,
}

/// Answers `POST composite/tree/X`.
///
/// # Errors
/// When the tree is malformed or too large; refusals of records are in the answer.
pub fn run(org: &Org<'_>, call: &Call, object: &Object) -> Result<Answer, Fault> {
    let body = call.json_object()?;
    let mut nodes = Vec::new();
    collect(org, object, body.get("records"), None, 1, &mut nodes)?;
    if nodes.len() > RECORDS_MAX {
        let message = format!("A tree takes at most {RECORDS_MAX} records");
        return Err(Fault::new(400, "LIMIT_EXCEEDED", message));
    }
    let mut ids: Vec<String> = Vec::with_capacity(nodes.len());
    let mut failures = Vec::new();
    let saved = org.attempt(|| {
        for node in &nodes {
            let mut body = node.body.clone();
            if let Some((index, field)) = &node.parent {
                body.insert(field.clone(), json!(ids.get(*index)));
            }
            match org.attempt(|| writes::create(org, node.object, &body)) {
                Ok(id) => ids.push(id),
                Err(fault) => {
                    failures.push(TreeResult {
                        reference_id: node.reference_id.clone(),
                        id: None,
                        errors: Some(vec![fault.to_row_error()]),
                    });
                    return Err(fault);
                }
            }
        }
        Ok(())
    });
    if saved.is_err() {
        return Ok(Answer::json(400, &Tree { has_errors: true, results: failures }));
    }
    let results = nodes
        .into_iter()
        .zip(ids)
        .map(|(node, id)| TreeResult {
            reference_id: node.reference_id,
            id: Some(id),
            errors: None,
        })
        .collect();
    Ok(Answer::json(201, &Tree { has_errors: false, results }))
}

fn collect<'a>(
    org: &Org<'a>,
    object: &'a Object,
    records: Option<&Value>,
    parent: Option<(usize, &str)>,
    level: usize,
    nodes: &mut Vec<Node<'a>>,
) -> Result<(), Fault> {
    if level > LEVELS_MAX {
        let message = format!("A tree has at most {LEVELS_MAX} levels");
        return Err(Fault::new(400, "LIMIT_EXCEEDED", message));
    }
    let Some(Value::Array(records)) = records else {
        return Err(Fault::new(400, "MISSING_ARGUMENT", "The records parameter is required"));
    };
    for record in records {
        let reference_id = record
            .get("attributes")
            .and_then(|attributes| attributes.get("referenceId")?.as_str())
            .ok_or_else(|| {
                Fault::new(400, "INVALID_INPUT", "Include a referenceId for each record")
            })?;
        let mut body = Map::new();
        let mut children = Vec::new();
        for (key, value) in record.as_object().into_iter().flatten() {
            match value.get("records").map(|records| (records, org.catalog.children(object, key))) {
                Some((records, Some(child))) => children.push((records, child)),
                _ => {
                    body.insert(key.clone(), value.clone());
                }
            }
        }
        let index = nodes.len();
        nodes.push(Node {
            object,
            reference_id: reference_id.to_owned(),
            body,
            parent: parent.map(|(index, field)| (index, field.to_owned())),
        });
        for (records, child) in children {
            let parent = Some((index, child.field.name.as_str()));
            collect(org, child.object, Some(records), parent, level + 1, nodes)?;
        }
    }
    Ok(())
}
