//! HubSpot's CRM API, dated version `2026-09`, with a bearer token.
//!
//! Reads walk the list endpoints, whose cursor is a floor on the record id and therefore stable
//! while others write, or take one export. Search is used for totals and for what changed: its
//! index lags writes by seconds.
//!
//! Source: HubSpot's API reference and recorded answers of live portals, read in November 2026.

mod associate;
mod auth;
mod config;
mod error;
mod imports;
mod lists;
mod read;
mod schema;
mod standing;
mod write;

#[cfg(test)]
mod auth_tests;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, mpsc};

pub use config::{Config, Credentials, VERSION_DEFAULT, object_requests};
pub use read::list::takes_two_calls as list_takes_two_calls;

use super::transport::{Request, Tokens, Transport, TransportOptions};
use super::{
    Account, Allowance, BulkJob, BulkState, CallCounts, Count, Crm, CrmError, CrmKind, Extraction,
    ObjectRequest, Record, Row, Standing, Step, Steps, Way, WriteBatch, WriteCall, WriteOutcome,
};
use crate::schema::Schema;

const KIND: CrmKind = CrmKind::HubSpot;

/// One HubSpot portal.
pub struct HubSpot {
    version: String,
    transport: Transport,
    bearer: Tokens<auth::Proof>,
    /// The account runs one export at a time; whoever asks for one waits here, not in polls.
    exporting: Mutex<()>,
}

impl HubSpot {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// When the platform gives no TLS.
    pub fn new(config: Config, options: TransportOptions) -> Result<Self, CrmError> {
        let transport = Transport::new(&config.base_url, Box::new(error::HubSpotJudge), options)?;
        let proof = auth::Proof::new(config.credentials, &config.version);
        Ok(Self {
            version: config.version,
            transport,
            bearer: Tokens::new(proof),
            exporting: Mutex::new(()),
        })
    }

    /// Sends a request whose refusal is an error of the whole operation.
    async fn ask(&self, request: &Request) -> Result<super::transport::Answer, CrmError> {
        self.transport.send(request, &self.bearer).await?.done(KIND, &request.operation)
    }
}

#[async_trait]
impl Crm for HubSpot {
    fn kind(&self) -> CrmKind {
        KIND
    }

    async fn account(&self) -> Result<Account, CrmError> {
        schema::account(self).await
    }

    async fn allowances(&self) -> Result<Vec<Allowance>, CrmError> {
        schema::allowances(self).await
    }

    async fn schema(&self, objects: &[String]) -> Result<Schema, CrmError> {
        schema::schema(self, objects).await
    }

    fn extractions(&self, objects: &[ObjectRequest], schema: &Schema) -> Vec<Extraction> {
        read::extractions(objects, schema)
    }

    fn ways(&self, extraction: &Extraction) -> Vec<(Way, Option<String>)> {
        read::ways(extraction)
    }

    async fn count(&self, extractions: &[Extraction]) -> Result<Vec<Option<Count>>, CrmError> {
        read::count(self, extractions).await
    }

    async fn extract(
        &self,
        walk: &[Extraction],
        from: &[Option<String>],
        steps: mpsc::Sender<Step>,
    ) -> Result<(), CrmError> {
        for (index, extraction) in walk.iter().enumerate() {
            let from = from.get(index).and_then(Option::as_deref);
            read::extract(self, extraction, from, Steps::new(&steps, index, extraction)).await?;
        }
        Ok(())
    }

    async fn read_associations(
        &self,
        extraction: &Extraction,
        ids: &[String],
    ) -> Result<Vec<(usize, Vec<Row>)>, CrmError> {
        read::read_associations(self, extraction, ids).await
    }

    async fn read_by_id(
        &self,
        object: &str,
        ids: &[String],
        fields: &[String],
    ) -> Result<Vec<Record>, CrmError> {
        read::read_records(self, object, None, ids, fields).await
    }

    async fn list_lagging(
        &self,
        object: &str,
        ids: &HashSet<String>,
        fields: &[String],
    ) -> Result<Vec<Record>, CrmError> {
        read::export::list_lagging(self, object, ids, fields).await
    }

    async fn read_by_key(
        &self,
        object: &str,
        key_field: &str,
        keys: &[String],
        fields: &[String],
    ) -> Result<Vec<Record>, CrmError> {
        read::read_records(self, object, Some(key_field), keys, fields).await
    }

    async fn standings(&self, object: &str, ids: &[String]) -> Result<Vec<Standing>, CrmError> {
        standing::standings(self, object, ids).await
    }

    async fn write(&self, call: &WriteCall) -> Result<Vec<WriteOutcome>, CrmError> {
        write::write(self, call).await
    }

    async fn bulk_open(&self, name: &str, _batch: &WriteBatch) -> Result<BulkJob, CrmError> {
        Ok(imports::open(name))
    }

    async fn bulk_start(&self, job: &BulkJob, batch: &WriteBatch) -> Result<(), CrmError> {
        imports::start(self, job, batch).await
    }

    async fn bulk_state(&self, job: &BulkJob, batch: &WriteBatch) -> Result<BulkState, CrmError> {
        imports::state(self, job, batch.records.len()).await
    }

    async fn bulk_refusals(
        &self,
        job: &BulkJob,
        batch: &WriteBatch,
    ) -> Result<Vec<(usize, WriteOutcome)>, CrmError> {
        imports::refusals(self, job, batch).await
    }

    async fn bulk_abort(&self, job: &BulkJob) -> Result<(), CrmError> {
        imports::abort(self, job).await
    }

    fn calls(&self) -> CallCounts {
        self.transport.counts()
    }

    fn calls_left(&self) -> u64 {
        self.transport.calls_left()
    }

    fn job_wait(&self, n: u32) -> Option<Duration> {
        self.transport.job_wait(n)
    }

    fn strains(&self) -> u64 {
        self.transport.strains()
    }
}
