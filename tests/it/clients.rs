//! The simulated CRMs as client libraries see them that were written for the real ones.

use std::path::Path;
use std::process::Command;

use concord::sandbox::company::CompanyOptions;
use concord::sandbox::world::SalesforceWorld;
use concord::sandbox::{Running, Sandbox, World};
use tokio::runtime::Runtime;

use crate::support::{Company, skip, variable};

#[test]
fn the_python_hubspot_client_works_against_the_sandbox() {
    let Some(python) = python_with("hubspot", "hubspot-api-client") else { return };
    works(&python, "hubspot_python.py", |running, world| {
        vec![running.hubspot_url.clone(), world.hubspot.token.clone()]
    });
}

#[test]
fn the_node_hubspot_client_works_against_the_sandbox() {
    let modules =
        variable("CONCORD_TEST_NODE_MODULES").unwrap_or_else(|| "node_modules".to_owned());
    if !Path::new(&modules).join("@hubspot/api-client").is_dir() {
        skip(&format!("no HubSpot client in `{modules}` (npm install @hubspot/api-client)"));
        return;
    }
    works("node", "hubspot_node.mjs", |running, world| {
        vec![running.hubspot_url.clone(), world.hubspot.token.clone(), modules]
    });
}

#[test]
fn simple_salesforce_works_against_the_sandbox() {
    let Some(python) = python_with("simple_salesforce", "simple-salesforce") else { return };
    works(&python, "salesforce_python.py", |running, world| {
        let SalesforceWorld { client_id, client_secret, .. } = &world.salesforce;
        vec![running.salesforce_url.clone(), client_id.clone(), client_secret.clone()]
    });
}

/// Runs a script of `tests/clients` against a company of its own. It fails where the client and
/// the CRM disagree.
fn works(program: &str, script: &str, arguments: impl FnOnce(&Running, &World) -> Vec<String>) {
    let company = Company::new(&CompanyOptions::small(1));
    let sandbox = Sandbox::open(&company.path("data/demo"), None).expect("the sandbox opens");
    let runtime = Runtime::new().expect("a runtime");
    let running = runtime.block_on(sandbox.serve()).expect("the sandbox answers");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
    let output = Command::new(program)
        .arg(path)
        .args(arguments(&running, sandbox.world()))
        .output()
        .expect("the client starts");
    let says = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
    assert!(output.status.success(), "{script}: {}{}", says(&output.stdout), says(&output.stderr));
}

fn python_with(module: &str, package: &str) -> Option<String> {
    let python = variable("CONCORD_TEST_PYTHON").unwrap_or_else(|| "python3".to_owned());
    let has_module = Command::new(&python)
        .args(["-c", &format!("import {module}")])
        .output()
        .is_ok_and(|output| output.status.success());
    if has_module {
        return Some(python);
    }
    skip(&format!("`{python}` has no {module} (pip install {package})"));
    None
}
