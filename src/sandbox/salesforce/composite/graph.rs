//! Graphs: several composites in one call, each saved whole or not at all.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::{Map, Value};

use super::super::answer::Answer;
use super::super::call::{Call, Place};
use super::super::errors::Fault;
use super::super::org::Org;
use super::{Responses, SubRequest, halted, read, references, responses, run_all};

const GRAPHS_MAX: usize = 75;
/// Subrequests of all graphs together.
const NODES_MAX: usize = 500;
/// Subrequests that build on each other in a row.
const DEPTH_MAX: usize = 15;
/// Combinations of object, method and version in one graph.
const KINDS_MAX: usize = 15;
/// Graphs that may fail before the rest is not tried.
const FAILURES_MAX: usize = 14;

#[derive(Serialize)]
struct Graphs {
    graphs: Vec<Graph>,
}

#[derive(Serialize)]
struct Graph {
    #[serde(rename = "graphId")]
    graph_id: String,
    #[serde(rename = "graphResponse")]
    graph_response: Responses,
    #[serde(rename = "isSuccessful")]
    is_successful: bool,
}

/// Answers `POST composite/graph`.
///
/// # Errors
/// When the request as a whole is malformed or too large.
pub fn run(org: &Org<'_>, call: &Call) -> Result<Answer, Fault> {
    let body = call.json_object()?;
    let Some(Value::Array(raw)) = body.get("graphs") else {
        return Err(Fault::new(400, "MISSING_ARGUMENT", "The graphs parameter is required"));
    };
    let graphs = raw.iter().map(read_graph).collect::<Result<Vec<_>, _>>()?;
    let n_nodes: usize = graphs.iter().map(|(_, requests)| requests.len()).sum();
    if graphs.len() > GRAPHS_MAX || n_nodes > NODES_MAX {
        let message =
            format!("A request takes at most {GRAPHS_MAX} graphs and {NODES_MAX} nodes in all");
        return Err(Fault::new(400, "LIMIT_EXCEEDED", message));
    }
    let mut n_failed = 0;
    let mut done = Vec::with_capacity(graphs.len());
    for (graph_id, requests) in graphs {
        let answers = if n_failed >= FAILURES_MAX {
            requests.iter().map(|_| halted().to_answer()).collect()
        } else {
            run_all(org, &requests, true)
        };
        let is_successful = answers.iter().all(Answer::is_success);
        n_failed += usize::from(!is_successful);
        done.push(Graph { graph_id, graph_response: responses(requests, answers), is_successful });
    }
    Ok(Answer::json(200, &Graphs { graphs: done }))
}

fn read_graph(raw: &Value) -> Result<(String, Vec<SubRequest>), Fault> {
    let empty = Map::new();
    let graph = raw.as_object().unwrap_or(&empty);
    let Some(graph_id) = graph.get("graphId").and_then(Value::as_str) else {
        return Err(Fault::new(400, "MISSING_ARGUMENT", "graphId is required in a graph"));
    };
    let requests = read(graph)?;
    let refuse = |message: String| Err(Fault::new(400, "INVALID_INPUT", message));
    let mut kinds = HashSet::new();
    let mut depths: HashMap<&str, usize> = HashMap::new();
    for request in &requests {
        let (call, place) = Call::new(&request.method, &request.url);
        let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
        let object = match (request.method.as_str(), path.as_slice()) {
            ("POST", ["sobjects", object])
            | ("GET" | "PATCH" | "DELETE", ["sobjects", object, _] | ["sobjects", object, _, _])
                if matches!(place, Place::Data { .. }) =>
            {
                (*object).to_owned()
            }
            _ => return refuse(format!("Not allowed in a graph: {}", request.url)),
        };
        kinds.insert((object, request.method.clone(), call.version));
        let below = references::mentioned(request)
            .iter()
            .filter_map(|id| depths.get(id.as_str()).copied())
            .max();
        depths.insert(&request.reference_id, below.unwrap_or(0) + 1);
    }
    if depths.values().any(|depth| *depth > DEPTH_MAX) {
        return refuse(format!("Graph is deeper than {DEPTH_MAX} nodes: {graph_id}"));
    }
    if kinds.len() > KINDS_MAX {
        return refuse(format!("Graph has more than {KINDS_MAX} different nodes: {graph_id}"));
    }
    Ok((graph_id.to_owned(), requests))
}
