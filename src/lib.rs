//! Concord makes HubSpot and Salesforce tell one story.
//!
//! This page is the architecture: what the parts are, in the order in which data meets them, and
//! what always holds between them.
//!
//! ```text
//! pull ──▶ build ──▶ plan ──▶ apply ──▶ (pull again: nothing left to do)
//!  │         │         │         │
//! snapshots  marts   plan file  journal + outcomes          reconcile, why, query read these
//!                 state ◀── what one run must remember for the next
//! ```
//!
//! | Stage | Reads | Leaves | Module |
//! |---|---|---|---|
//! | pull | both CRMs | `snapshots/<connection>/<table>/snapshot=<id>/`, `manifest=<id>.json` last | [`crm`], [`snapshot`] |
//! | build | `snapshots/`, `state/`, `models/` | `builds/<id>/<model>/`, `state/<id>/` | [`model`], [`identity`], [`golden`], [`state`] |
//! | plan | the latest build | `plans/<id>/{plan.json, actions, noops, held}` | [`plan`] |
//! | rehearse | one plan and its snapshots | what would be refused and what it would cost, on the screen | [`rehearse`], [`sandbox`] |
//! | apply | one plan | `runs/<id>/{run.json, journal/, outcomes.parquet}` | [`apply`] |
//! | reconcile | the latest build | the bridge between two claims | [`reconcile`] |
//!
//! What metadata alone can tell is told before a run by [`check`].
//!
//! Every call to a CRM, of whichever stage, is a row of `runs/<id>/requests/`, without a value in it.
//!
//! Each stage leaves something a person can open, and the next stage reads only that. Any stage can
//! be repeated, and any crash resumed.
//!
//! # What always holds
//!
//! - Only [`crm`] and [`sandbox`] know status codes and vendor field casing; a value crosses that
//!   edge verbatim, as REST JSON text, and is cast in `models/1_staging`.
//! - Only [`cli`] touches the terminal and reads the clock; only [`apply`] writes to a CRM.
//! - [`identity`], [`golden`] and [`plan`] are pure: time, metadata and rows come in as arguments.
//! - What an analyst would argue about is SQL (`models/`) or TOML (`field_map.toml`); Rust supplies
//!   what SQL says badly, as functions ([`model::functions`]).
//! - Nothing is half visible: a snapshot, build, state or plan exists once its manifest does, and
//!   the manifest is put last.
//! - One run writes at a time, by a lease with an epoch; whoever lost it writes nothing more, neither
//!   to the warehouse nor to a CRM ([`warehouse::Fence`]).
//! - Only [`warehouse`] knows whether files lie in a directory or in a cloud's store.
//! - Nothing crosses runs but state and the journals, and state is computed by `models/5_state`.
//! - Every difference ends as an action, a no-op with a reason, or held back with a reason.
//! - An undo is a plan like any other; what it took back is held until somebody releases it, or until
//!   another value is to be written there.
//! - What a CRM refused is not sent again as it is, until its value, the record or the field changes,
//!   somebody releases it, or a while that doubles has gone by; it is never forgotten.
//! - Intent is journaled before a call and its outcome after it; a lost answer is read back before
//!   anything is sent again. Sent = accepted + rejected + unknown.
//!
//! # The models
//!
//! `1_staging` renames and types, one model an object. `2_intermediate` finds who is who and decides
//! every field. `3_marts` is what analysts read: people, companies, deals, crosswalk, provenance,
//! and the gap with its reasons. `4_sync` is what each CRM is owed. `5_state` is what the next build
//! reads. The models of a layer read their own and lower layers; the gap alone
//! also asks `4_sync` what would be refused and what the next plan mends.

pub mod config;
pub mod digest;
pub mod schema;
pub mod warehouse;

pub mod crm;
pub mod snapshot;

pub mod golden;
pub mod identity;
pub mod model;
pub mod state;

pub mod check;

pub mod init;

pub mod plan;

pub mod rehearse;

pub mod apply;

pub mod reconcile;

pub mod report;

pub mod sandbox;

pub mod cli;
