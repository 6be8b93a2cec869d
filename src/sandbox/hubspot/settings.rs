//! Switches for what the vendor documents loosely, does differently by account, or nobody has
//! checked. The default is the position the reference takes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::scopes;

/// How the server behaves where more than one behaviour is defensible.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Refuses calls above the account's daily allowance. On.
    pub enforces_daily_limit: bool,
    /// Refuses calls above `ten_secondly_max` in ten seconds of sandbox time. Off, because a clock
    /// that stands still never gives calls back.
    pub enforces_ten_secondly_limit: bool,
    /// Calls in ten seconds (Professional and Enterprise: 190).
    pub ten_secondly_max: u32,
    /// Refuses searches above five in one second of sandbox time. Off, as above.
    pub enforces_search_limit: bool,
    /// Milliseconds by which search lags behind writes. 0, because time does not pass by itself.
    pub search_delay_ms: i64,
    /// What a write that moves `lifecyclestage` backwards gets.
    pub lifecycle_backward: LifecycleBackward,
    /// Gives contacts created through the API the stage `lead` when none is sent. On.
    pub contacts_start_as_lead: bool,
    /// Lets a JSON `null` clear a property. Off: it changes nothing.
    pub null_clears: bool,
    /// Takes JSON numbers and booleans as if they were strings. On.
    pub coerces_json_values: bool,
    /// Moves the modified date when a write changes no value. Off.
    pub identical_write_modifies: bool,
    /// Keeps good records of an upsert by email when each input has a trace id. Off: the whole
    /// batch fails.
    pub email_upsert_partial: bool,
    /// Keeps good records of an update when each input has a trace id. On.
    pub update_traceid_partial: bool,
    /// Answers a batch's results in reverse order, for callers that think they come as sent. Off.
    pub reverses_batch_results: bool,
    /// Shows the trace id of an input beside its result. Off.
    pub echoes_trace_ids: bool,
    /// Lists what is wrong with an input once more apart from the message. On.
    pub details_batch_errors: bool,
    /// Names the existing contact in the message that refuses a whole batch. On.
    pub names_conflicting_record: bool,
    /// Refuses an email that another contact has as any unique value is refused, with a 400. Off.
    pub email_clash_is_invalid: bool,
    /// Refuses other unique values that another record has with a 409. Off.
    pub unique_clash_is_conflict: bool,
    /// Answers a deletion of what is deleted with a 404. Off.
    pub second_delete_is_missing: bool,
    /// Refuses options that are hidden in the vendor's own pages. Off.
    pub refuses_hidden_options: bool,
    /// Drops spaces around texts. Off.
    pub trims_strings: bool,
    /// Lists records without associations as errors of a batch read. Off: they are left out.
    pub unassociated_is_error: bool,
    /// Largest body of a search. None.
    pub search_bytes_max: Option<usize>,
    /// Seconds that a 429 asks to wait for in `Retry-After`. None: it does not say.
    pub retry_after_seconds: Option<u32>,
    /// Keeps the primary record's id in a merge. Off: the result has a new id.
    pub preserves_primary_id: bool,
    /// Takes the id of a deactivated owner in an owner property. Off.
    pub accepts_archived_owners: bool,
    /// Writes `toObjectId` of associations as a JSON number; otherwise as a string. On.
    pub numeric_association_ids: bool,
    /// Associations of one record shown inline in a record page before paging starts.
    pub inline_associations_max: usize,
    /// Properties without which 2026-09 refuses to create a record, by object name. None.
    pub required_on_create: BTreeMap<String, Vec<String>>,
    /// Normalises dates that are not at midnight UTC on 2026-09, with a warning. Off.
    pub lenient_dates: bool,
    /// Properties that 2026-09 wants once another has a value. None.
    pub conditional_required: Vec<ConditionalRequirement>,
    /// The user behind the token may not edit associations, which 2026-09 looks at. Off.
    pub lacks_edit_associations: bool,
    /// Tokens that were valid once.
    pub expired_tokens: Vec<String>,
    /// Service keys and private apps' tokens with the scopes of each; the world's own token may do
    /// everything unless it is named here.
    pub tokens: BTreeMap<String, Vec<String>>,
    pub oauth: OAuthSettings,
    pub exports: ExportSettings,
    pub imports: ImportSettings,
}

/// A property that an admin made required for records that have a value in another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionalRequirement {
    /// Name of the object, such as `contacts`.
    pub object: String,
    pub property: String,
    pub based_on: String,
    /// Values of the other property that count; none for any.
    #[serde(default)]
    pub values: Vec<String>,
}

/// The one OAuth app of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OAuthSettings {
    pub client_id: String,
    pub client_secret: String,
    /// The code that an installation would have handed over.
    pub code: String,
    /// The refresh token of the installation.
    pub refresh_token: String,
    pub scopes: Vec<String>,
    /// 1,800.
    pub access_token_seconds: i64,
    /// Gives a new refresh token with each access token and ends the old one. Off.
    pub rotates_refresh_token: bool,
}

/// How exports go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExportSettings {
    /// Looks at a task, of anybody's, after which the one at the head of the queue is done. 2.
    pub polls: u32,
    /// Exports that may be started in 24 hours of sandbox time. 30.
    pub per_day_max: u32,
    /// How a date or time is written when internal values are asked for.
    pub times: ExportTimes,
    /// Keeps `Record ID` as the header of the id column when internal names are asked for. Off:
    /// `hs_object_id`.
    pub labels_id_column: bool,
    /// Writes archived records too. Off.
    pub includes_archived: bool,
    /// A file above this many bytes comes zipped. 2,000,000.
    pub zip_over_bytes: usize,
    pub ends: JobEnd,
    /// Percent of the records that reach the file, whatever the count says. 100.
    pub share_percent: u32,
}

/// How imports go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImportSettings {
    /// Looks at an import after which all that run are done, a large one excepted. 2.
    pub polls: u32,
    pub ends: JobEnd,
    /// Percent of the rows that are carried out, from the first on. 100.
    pub share_percent: u32,
    /// Lets an empty cell clear the property. Off: it changes nothing.
    pub blank_clears: bool,
    /// Skips the row when one of its values is refused; otherwise the value alone. On.
    pub bad_value_skips_row: bool,
    /// Takes owner ids in an owner column, beside emails and names. On.
    pub takes_owner_ids: bool,
    /// Counts the header as line 1 of an error's line number. On.
    pub counts_header_line: bool,
}

/// How exports write dates and times with internal values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportTimes {
    /// Epoch milliseconds; a date is its midnight in UTC.
    EpochMs,
    /// As the REST API writes them.
    Iso,
}

/// How a task ends, apart from how much of it was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobEnd {
    Done,
    Failed,
    Canceled,
    /// Never: it keeps running.
    Stuck,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifecycleBackward {
    /// 2xx, the stage stays, other properties are saved.
    Silent,
    /// 400 for the record.
    Refused,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enforces_daily_limit: true,
            enforces_ten_secondly_limit: false,
            ten_secondly_max: 190,
            enforces_search_limit: false,
            search_delay_ms: 0,
            lifecycle_backward: LifecycleBackward::Silent,
            contacts_start_as_lead: true,
            null_clears: false,
            coerces_json_values: true,
            identical_write_modifies: false,
            email_upsert_partial: false,
            update_traceid_partial: true,
            reverses_batch_results: false,
            echoes_trace_ids: false,
            details_batch_errors: true,
            names_conflicting_record: true,
            email_clash_is_invalid: false,
            unique_clash_is_conflict: false,
            second_delete_is_missing: false,
            refuses_hidden_options: false,
            trims_strings: false,
            unassociated_is_error: false,
            search_bytes_max: None,
            retry_after_seconds: None,
            preserves_primary_id: false,
            accepts_archived_owners: false,
            numeric_association_ids: true,
            inline_associations_max: 500,
            required_on_create: BTreeMap::new(),
            lenient_dates: false,
            conditional_required: Vec::new(),
            lacks_edit_associations: false,
            expired_tokens: Vec::new(),
            tokens: BTreeMap::new(),
            oauth: OAuthSettings::default(),
            exports: ExportSettings::default(),
            imports: ImportSettings::default(),
        }
    }
}

impl Default for OAuthSettings {
    fn default() -> Self {
        Self {
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            code: "sandbox-code".to_owned(),
            refresh_token: "sandbox-refresh".to_owned(),
            scopes: scopes::all(),
            access_token_seconds: 1800,
            rotates_refresh_token: false,
        }
    }
}

impl Default for ExportSettings {
    fn default() -> Self {
        Self {
            polls: 2,
            per_day_max: 30,
            times: ExportTimes::EpochMs,
            labels_id_column: false,
            includes_archived: false,
            zip_over_bytes: 2_000_000,
            ends: JobEnd::Done,
            share_percent: 100,
        }
    }
}

impl Default for ImportSettings {
    fn default() -> Self {
        Self {
            polls: 2,
            ends: JobEnd::Done,
            share_percent: 100,
            blank_clears: false,
            bad_value_skips_row: true,
            takes_owner_ids: true,
            counts_header_line: true,
        }
    }
}
