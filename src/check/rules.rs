//! Whether every inclusion rule can be asked: it is planned over staging without a row in it.

use std::sync::Arc;

use crate::config::{Inclusion, InclusionRule, PROJECT_FILE, Period, Project};
use crate::golden::FieldRegistry;
use crate::model::{
    ModelSet, RenderContext, StageError, empty_session, plan_model, render_context,
};
use crate::schema::Schema;
use crate::warehouse::Warehouse;

use super::finding::{Finding, Place, Severity};

/// Model that asks the rules of each way.
const TO_SALESFORCE: &str = "int_person_inclusion";
const TO_HUBSPOT: &str = "int_person_inclusion_to_hubspot";

/// Plans every rule by itself, so that each one's fault is told.
///
/// # Errors
/// When the models cannot be planned even without a rule.
pub async fn judge_inclusion(
    project: &Project,
    set: &ModelSet,
    warehouse: &Warehouse,
    period: &Period,
) -> Result<Vec<Finding>, StageError> {
    let registry = FieldRegistry::new(
        &project.field_map,
        Schema::default(),
        Schema::default(),
        &project.phone_region,
    );
    let context = with_rules(project, Vec::new(), Vec::new());
    let ctx = empty_session(project, set, &context, warehouse, &Arc::new(registry), period)?;
    for model in [TO_SALESFORCE, TO_HUBSPOT] {
        plan_model(&ctx, set, &context, model).await?;
    }
    let mut findings = Vec::new();
    let inclusion = &project.inclusion;
    let rules = inclusion.rules.iter().map(|rule| (TO_SALESFORCE, "rules", rule));
    let back = inclusion.to_hubspot.iter().map(|rule| (TO_HUBSPOT, "to_hubspot", rule));
    for (model, section, rule) in rules.chain(back) {
        let only = vec![rule.clone()];
        let context = match model {
            TO_SALESFORCE => with_rules(project, only, Vec::new()),
            _ => with_rules(project, Vec::new(), only),
        };
        // What the model reads is a view by now.
        let Err(error) = plan_model(&ctx, set, &context, model).await else {
            continue;
        };
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let at = Place::setting(project, &format!("inclusion.{section}"));
        findings.push(Finding {
            severity: Severity::Error,
            code: "rule_does_not_plan",
            place: Place {
                file: PROJECT_FILE,
                line: at.line,
                name: format!("inclusion.{section}.{}", rule.name),
            },
            sentence: format!(
                "the rule cannot be asked: {}",
                cause.unwrap_or_else(|| error.to_string())
            ),
            todo: format!(
                "write one condition over the columns of `{model}`'s staging models: `{}`",
                rule.sql
            ),
        });
    }
    Ok(findings)
}

fn with_rules(
    project: &Project,
    rules: Vec<InclusionRule>,
    to_hubspot: Vec<InclusionRule>,
) -> RenderContext {
    let leave_after_days = project.inclusion.leave_after_days;
    let inclusion = Inclusion { rules, leave_after_days, to_hubspot };
    render_context(&Project { inclusion, ..project.clone() })
}
