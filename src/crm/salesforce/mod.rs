//! Salesforce's REST API, version 68.0, as an integration user of an External Client App.
//!
//! Composite requests count as one call whatever they hold, so metadata, query pages and writes
//! travel in them; very many rows come by bulk jobs. Reads ask `queryAll`, whose cursor is a
//! snapshot of its own and which alone shows deleted rows.
//!
//! Source: Salesforce's REST guide, limits reference and client code, read in November 2026.

mod auth;
mod bulk;
mod composite;
mod config;
mod error;
mod jwt;
mod read;
mod schema;
mod soql;
mod standing;
mod write;

#[cfg(test)]
mod auth_tests;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

pub use bulk::NULL as BULK_NULL;
pub use config::{Config, Credentials, OnRotation, VERSION_DEFAULT, object_requests};
pub use read::{RECORDS_PER_READ, table_name};

use super::transport::{Answer, Request, Tokens, Transport, TransportOptions};
use super::{
    Account, Allowance, BulkJob, BulkState, CallCounts, Count, Crm, CrmError, CrmKind, Extraction,
    ObjectRequest, Record, Row, Standing, Step, Way, WriteBatch, WriteCall, WriteOutcome,
};
use crate::schema::Schema;

const KIND: CrmKind = CrmKind::Salesforce;

/// One Salesforce org.
pub struct Salesforce {
    version: String,
    transport: Transport,
    bearer: Tokens<auth::Proof>,
}

impl Salesforce {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// When a private key cannot be used, or the platform gives no TLS.
    pub fn new(config: Config, options: TransportOptions) -> Result<Self, CrmError> {
        let judge = Box::new(error::SalesforceJudge);
        let transport = Transport::new(&config.instance_url, judge, options)?;
        Ok(Self {
            version: config.version,
            transport,
            bearer: Tokens::new(auth::Proof::new(config.credentials)?),
        })
    }

    /// Sends a request whose refusal is an error of the whole operation.
    async fn ask(&self, request: &Request) -> Result<Answer, CrmError> {
        self.transport.send(request, &self.bearer).await?.done(KIND, &request.operation)
    }

    /// Returns a path below the version's root.
    fn path(&self, rest: &str) -> String {
        format!("/services/data/v{}{rest}", self.version)
    }
}

#[async_trait]
impl Crm for Salesforce {
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
        read::extract(self, walk, from, steps).await
    }

    async fn read_associations(
        &self,
        _extraction: &Extraction,
        _ids: &[String],
    ) -> Result<Vec<(usize, Vec<Row>)>, CrmError> {
        // References are fields of their records.
        Ok(Vec::new())
    }

    async fn read_by_id(
        &self,
        object: &str,
        ids: &[String],
        fields: &[String],
    ) -> Result<Vec<Record>, CrmError> {
        read::read_by_id(self, object, ids, fields).await
    }

    async fn list_lagging(
        &self,
        _object: &str,
        _ids: &HashSet<String>,
        _fields: &[String],
    ) -> Result<Vec<Record>, CrmError> {
        Ok(Vec::new())
    }

    async fn read_by_key(
        &self,
        object: &str,
        key_field: &str,
        keys: &[String],
        fields: &[String],
    ) -> Result<Vec<Record>, CrmError> {
        read::read_by_key(self, object, key_field, keys, fields).await
    }

    async fn standings(&self, object: &str, ids: &[String]) -> Result<Vec<Standing>, CrmError> {
        standing::standings(self, object, ids).await
    }

    async fn write(&self, call: &WriteCall) -> Result<Vec<WriteOutcome>, CrmError> {
        write::write(self, call).await
    }

    async fn bulk_open(&self, _name: &str, batch: &WriteBatch) -> Result<BulkJob, CrmError> {
        bulk::open(self, batch).await
    }

    async fn bulk_start(&self, job: &BulkJob, batch: &WriteBatch) -> Result<(), CrmError> {
        bulk::start(self, job, batch).await
    }

    async fn bulk_state(&self, job: &BulkJob, batch: &WriteBatch) -> Result<BulkState, CrmError> {
        bulk::state(self, job, batch).await
    }

    async fn bulk_abort(&self, job: &BulkJob) -> Result<(), CrmError> {
        bulk::abort(self, job).await
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
