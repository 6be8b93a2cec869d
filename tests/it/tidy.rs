//! The house itself: documented models, one order of the stages everywhere, no forgotten file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use concord::model::ModelSet;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).expect("the file is there")
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn every_model_is_described_has_a_grain_and_ends_as_the_others_do() {
    let set = ModelSet::load(root()).expect("the models load");
    assert!(set.models.len() > 60);
    for (name, model) in &set.models {
        assert!(!model.sidecar.description.is_empty(), "{name} has no description");
        assert!(model.template.starts_with(&format!("-- {name}: ")), "{name} says no sentence");
        assert!(model.template.contains("-- grain: "), "{name} names no grain");
        let examples = root().join("tests/slt").join(format!("{name}.slt"));
        assert!(examples.is_file(), "{name} has no examples: {}", examples.display());
        let is_macro_call = model.template.contains("{% import");
        assert!(
            is_macro_call || model.template.trim_end().ends_with("select * from final"),
            "{name} does not end in `select * from final`"
        );
        let layer = model.path.split('/').next().expect("a layer");
        if layer != "1_staging" {
            for schema in ["from hubspot.", "from salesforce.", "join hubspot.", "join salesforce."]
            {
                assert!(!model.template.contains(schema), "{name} reads a snapshot");
            }
        }
    }
}

#[test]
fn sidecars_belong_to_models() {
    for path in files_below(&root().join("models")) {
        let is_sidecar = path.extension().is_some_and(|end| end == "toml")
            && path.file_name().is_some_and(|name| name != "sources.toml");
        if is_sidecar {
            assert!(path.with_extension("sql").is_file(), "{} has no model", path.display());
        }
    }
}

#[test]
fn the_stages_stand_in_one_order_in_the_readme_and_in_the_crate_docs() {
    let stages = |text: &str| -> Vec<String> {
        text.lines()
            .map(|line| line.trim_start_matches("//!").trim())
            .skip_while(|line| !line.starts_with("| Stage |"))
            .skip(2)
            .take_while(|line| line.starts_with('|'))
            .filter_map(|line| line.split('|').nth(1).map(|cell| cell.trim().to_owned()))
            .collect()
    };
    let readme = stages(&read("README.md"));
    assert_eq!(readme, ["pull", "build", "plan", "rehearse", "apply", "reconcile"]);
    assert_eq!(readme, stages(&read("src/lib.rs")));
    let layers: BTreeSet<String> = std::fs::read_dir(root().join("models"))
        .expect("models")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    assert_eq!(
        layers.into_iter().collect::<Vec<_>>(),
        ["1_staging", "2_intermediate", "3_marts", "4_sync", "5_state"]
    );
}

#[test]
fn every_question_in_sql_runs() {
    let company =
        crate::support::Company::new(&concord::sandbox::company::CompanyOptions::small(2));
    company.good(&["pull", "--sandbox"]);
    company.good(&["build", "--sandbox"]);
    let questions = files_below(&root().join("sql"));
    assert!(questions.len() >= 6);
    for question in questions {
        let text = std::fs::read_to_string(&question).expect("the file is read");
        assert!(text.starts_with("-- ") && text.contains("-- grain: "), "{}", question.display());
        company.good(&["query", "--sandbox", "-f", question.to_str().expect("a path")]);
    }
}
