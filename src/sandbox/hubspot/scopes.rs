//! Which scopes a call needs (reference section 2).

use super::schema::Schema;

/// What a token without a scope map says it may do.
pub fn all() -> Vec<String> {
    let mut scopes: Vec<String> =
        ["oauth", "crm.lists.read", "crm.lists.write", "crm.import", "crm.export"]
            .map(str::to_owned)
            .to_vec();
    scopes.push("crm.objects.owners.read".to_owned());
    for object in ["contacts", "companies", "deals", "custom"] {
        for kind in ["objects", "schemas"] {
            scopes.push(format!("crm.{kind}.{object}.read"));
            scopes.push(format!("crm.{kind}.{object}.write"));
        }
    }
    scopes
}

/// Returns what a call needs: one scope of each group.
pub fn needed(schema: &Schema, path: &str, method: &str) -> Vec<Vec<String>> {
    let mut segments = path
        .split('/')
        .filter(|segment| !["", "crm", "v3", "v4", "2026-03", "2026-09"].contains(segment));
    let area = segments.next().unwrap_or_default();
    let rest: Vec<&str> = segments.collect();
    let is_question = rest.last().is_some_and(|last| ["search", "read", "all"].contains(last));
    let is_read = method == "GET" || is_question;
    let verb = if is_read { "read" } else { "write" };
    // A path that names no object is refused for that, whatever the token may do.
    let object = |at: usize| family(schema, rest.get(at).copied().unwrap_or_default());
    let records_of = |at: usize| {
        object(at).map(|object| vec![format!("crm.objects.{object}.{verb}")]).into_iter()
    };
    match area {
        "objects" => {
            let associated = rest.iter().position(|segment| *segment == "associations");
            let to = associated
                .map(|at| if rest.get(at + 1) == Some(&"default") { at + 2 } else { at + 1 });
            records_of(0).chain(to.into_iter().flat_map(records_of)).collect()
        }
        "associations" => records_of(0).chain(records_of(1)).collect(),
        "properties" | "property-validations" | "pipelines" => object(0)
            .map(|object| {
                if is_read {
                    vec![
                        format!("crm.schemas.{object}.read"),
                        format!("crm.objects.{object}.read"),
                        format!("crm.objects.{object}.write"),
                    ]
                } else {
                    vec![format!("crm.schemas.{object}.write")]
                }
            })
            .into_iter()
            .collect(),
        "crm-object-schemas" | "schemas" => vec![vec![format!("crm.schemas.custom.{verb}")]],
        "owners" => vec![vec!["crm.objects.owners.read".to_owned()]],
        "lists" => vec![vec![format!("crm.lists.{verb}")]],
        "imports" => vec![vec!["crm.import".to_owned()]],
        "exports" => vec![vec!["crm.export".to_owned()]],
        "limits" => vec![
            schema
                .objects
                .iter()
                .filter_map(|object| family(schema, &object.id))
                .map(|object| format!("crm.objects.{object}.read"))
                .collect(),
        ],
        "account-info" => vec![vec!["oauth".to_owned()]],
        _ => Vec::new(),
    }
}

/// Returns the word that scopes call an object by; none for what is no object.
fn family<'a>(schema: &'a Schema, asked: &str) -> Option<&'a str> {
    schema
        .object(asked)
        .ok()
        .map(|object| if object.is_standard() { object.name.as_str() } else { "custom" })
}
