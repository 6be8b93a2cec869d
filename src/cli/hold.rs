//! `concord hold` and `concord release`: what people decide about one record.

use clap::Args;

use super::run::{begin, finish, take_lease};
use super::session::{Session, failed};
use super::why::find;
use super::{CliError, ExitCode, GlobalArgs, Ui, stages};
use crate::model::open_latest;
use crate::state::{Decision, Verdict, WHOLE_RECORD};

/// Holds a person, company or deal back: nothing is written to it
///
/// Reads the latest build; writes the decision to `runs/` of the warehouse. The next build follows
/// it, until `concord release`.
#[derive(Debug, Args)]
#[command(
    before_help = "Examples:\n    concord hold ana.silva@example.com\n    concord hold 00Q5g00000AbCdEEAV --field phone --because \"she asked us to\""
)]
pub struct HoldArgs {
    #[command(flatten)]
    about: About,
}

/// Lets go what was held, undone or refused, or lets be created again who was deleted
///
/// Reads the latest build; writes the decision to `runs/` of the warehouse. The next build follows
/// it.
#[derive(Debug, Args)]
#[command(
    before_help = "Examples:\n    concord release ana.silva@example.com\n    concord release p_7ce60e0d44730a6f --field phone"
)]
pub struct ReleaseArgs {
    #[command(flatten)]
    about: About,
}

#[derive(Debug, Args)]
struct About {
    /// Email address, HubSpot or Salesforce record id, or golden id
    #[arg(value_name = "EMAIL OR ID")]
    person: String,
    /// Only this field of the field map [default: the whole record]
    #[arg(long)]
    field: Option<String>,
    /// Why, for whoever reads it later
    #[arg(long, value_name = "TEXT")]
    because: Option<String>,
}

pub async fn hold(args: &HoldArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    decide(Verdict::Hold, &args.about, global, ui).await
}

pub async fn release(
    args: &ReleaseArgs,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<ExitCode, CliError> {
    decide(Verdict::Release, &args.about, global, ui).await
}

async fn decide(
    verdict: Verdict,
    about: &About,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<ExitCode, CliError> {
    let session = Session::open(global, None)?;
    let field = field_of(&session, about.field.as_deref())?;
    let question = session.question(None)?;
    let (opened, _) = open_latest(&session.project, &session.warehouse, &question)
        .await
        .map_err(stages::stage_error)?;
    let golden_id = find(&opened.ctx, &about.person).await?;
    let id = session.new_id().await?;
    let _lease = take_lease(&session, &id).await?;
    let record = begin(&session, &id, verdict.as_str()).await?;
    let decision = Decision {
        run_id: id,
        golden_id: golden_id.clone(),
        field: field.clone(),
        decision: verdict,
        reason: about.because.clone(),
        decided_at: session.now().to_string(),
    };
    let put = decision.put(&session.warehouse).await.map_err(failed);
    let result = put.map(|()| ExitCode::Done);
    finish(&session, record, &result).await?;
    result?;
    let what = if field == WHOLE_RECORD { golden_id } else { format!("{field} of {golden_id}") };
    ui.line(match verdict {
        Verdict::Hold => format!("{what} is on hold from the next build on"),
        Verdict::Release => format!("{what} is released from the next build on"),
    })?;
    Ok(ExitCode::Done)
}

fn field_of(session: &Session, field: Option<&str>) -> Result<String, CliError> {
    let Some(field) = field else { return Ok(WHOLE_RECORD.to_owned()) };
    let entities = &session.project.field_map.entities;
    let known = || entities.iter().flat_map(|entity| &entity.fields).map(|f| f.name.as_str());
    if known().any(|name| name == field) {
        return Ok(field.to_owned());
    }
    let mut known: Vec<&str> = known().collect();
    known.sort_unstable();
    known.dedup();
    Err(CliError::NoSuchField { name: field.to_owned(), known: known.join(", ") })
}
