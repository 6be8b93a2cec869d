//! The order in which models run, inferred from the tables they read.

use std::collections::{BTreeMap, BTreeSet};

use super::ModelError;

/// Orders models so that each comes after those it reads; ties are broken by name.
///
/// `reads` maps a model to the models it reads.
///
/// # Errors
/// [`ModelError::Circle`] naming the models in it.
pub fn order(reads: &BTreeMap<String, BTreeSet<String>>) -> Result<Vec<String>, ModelError> {
    let mut waiting: BTreeMap<&str, BTreeSet<&str>> = reads
        .iter()
        .map(|(model, inputs)| (model.as_str(), inputs.iter().map(String::as_str).collect()))
        .collect();
    let mut ordered = Vec::with_capacity(reads.len());
    while !waiting.is_empty() {
        let Some(next) = waiting
            .iter()
            .find(|(_, inputs)| inputs.iter().all(|input| !waiting.contains_key(input)))
            .map(|(model, _)| *model)
        else {
            return Err(ModelError::Circle { models: circle(&waiting) });
        };
        waiting.remove(next);
        ordered.push(next.to_owned());
    }
    Ok(ordered)
}

/// Walks inputs that still wait until a model comes up twice.
fn circle(waiting: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<String> {
    let mut path: Vec<&str> = waiting.keys().take(1).copied().collect();
    while let Some(last) = path.last().copied() {
        let next = waiting
            .get(last)
            .and_then(|inputs| inputs.iter().copied().find(|input| waiting.contains_key(input)));
        let Some(next) = next else { break };
        let start = path.iter().position(|model| *model == next);
        path.push(next);
        if let Some(start) = start {
            return path[start..].iter().map(|model| (*model).to_owned()).collect();
        }
    }
    path.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> BTreeMap<String, BTreeSet<String>> {
        edges
            .iter()
            .map(|(model, inputs)| {
                ((*model).to_owned(), inputs.iter().map(|input| (*input).to_owned()).collect())
            })
            .collect()
    }

    #[test]
    fn inputs_come_first() {
        let ordered =
            order(&graph(&[("a", &["c"]), ("b", &["a"]), ("c", &[])])).expect("no circle");
        assert_eq!(ordered, ["c", "a", "b"]);
    }

    #[test]
    fn a_circle_is_named() {
        let error = order(&graph(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"]), ("d", &[])]))
            .expect_err("b and c wait for each other");
        assert_eq!(error.to_string(), "models depend on each other in a circle: `b -> c -> b`");
    }
}
