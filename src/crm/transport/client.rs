//! Sends requests and stays with them until they are done, refused, lost or given up.

use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::redirect::Policy;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::backoff::Jitter;
use super::counters::Counters;
use super::pace::{IN_FLIGHT_MAX, Pace};
use super::{AllowanceSeen, Answer, Backoff, Body, Budget, Judge, Reply, Request, Verdict};
use crate::crm::sensitive::Sensitive;
use crate::crm::{CallCounts, CrmError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// HubSpot answers within 100 seconds or not at all; Salesforce may take longer, but a call that
/// does is better made smaller.
const CALL_TIMEOUT: Duration = Duration::from_mins(2);

/// Largest answer that is read.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

const USER_AGENT: &str = concat!("concord/", env!("CARGO_PKG_VERSION"));

/// How a connection is used, whatever the vendor.
#[derive(Clone, Debug)]
pub struct TransportOptions {
    pub backoff: Backoff,
    pub call_timeout: Duration,
    pub budget: Arc<Budget>,
    /// Share of the daily allowance that is left for others, 0 to 1.
    pub reserve_share: f64,
    /// Seed of the waits' jitter.
    pub seed: u64,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            backoff: Backoff::default(),
            call_timeout: CALL_TIMEOUT,
            budget: Arc::new(Budget::unlimited()),
            reserve_share: 0.0,
            seed: 0,
        }
    }
}

/// Gives the token that proves who we are.
#[async_trait]
pub trait Bearer: Send + Sync {
    async fn token(&self, transport: &Transport) -> Result<Sensitive<String>, CrmError>;

    /// Gets a token other than `refused`; `None` when there is no way to one.
    async fn renew(
        &self,
        transport: &Transport,
        refused: &Sensitive<String>,
    ) -> Result<Option<Sensitive<String>>, CrmError>;
}

/// Makes a client for addresses that are no CRM, such as an alert's webhook: nothing followed,
/// nothing repeated.
///
/// # Errors
/// When the platform gives no TLS.
#[expect(clippy::disallowed_methods, reason = "clients are made here and nowhere else")]
pub fn plain_client(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    install_tls();
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .timeout(timeout)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .build()
}

/// An HTTP connection to one CRM account.
pub struct Transport {
    http: reqwest::Client,
    base_url: String,
    options: TransportOptions,
    judge: Box<dyn Judge>,
    jitter: Jitter,
    pace: Pace,
    counters: Counters,
    in_flight: Semaphore,
    allowance: Mutex<Option<AllowanceSeen>>,
}

/// How one sending ended.
enum Sent {
    Answered(Answer),
    /// No connection was made, so nothing was done.
    NeverLeft(reqwest::Error),
    /// The request went out and no whole answer came back.
    Cut(String),
}

impl Transport {
    /// Makes a transport to `base_url`, an address without a path.
    ///
    /// # Errors
    /// When the platform gives no TLS.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that holds a client")]
    pub fn new(
        base_url: &str,
        judge: Box<dyn Judge>,
        options: TransportOptions,
    ) -> Result<Self, CrmError> {
        install_tls();
        let base_url = base_url.trim_end_matches('/').to_owned();
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(options.call_timeout)
            .gzip(true)
            // A redirected or silently repeated write could be done twice.
            .redirect(Policy::none())
            .retry(reqwest::retry::never());
        if is_loopback(&base_url) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|source| CrmError::Unreachable {
            kind: judge.kind(),
            address: base_url.clone(),
            source: Box::new(source.without_url()),
        })?;
        Ok(Self {
            http,
            base_url,
            jitter: Jitter::new(options.seed),
            options,
            judge,
            pace: Pace::default(),
            counters: Counters::default(),
            in_flight: Semaphore::new(IN_FLIGHT_MAX),
            allowance: Mutex::new(None),
        })
    }

    pub fn counts(&self) -> CallCounts {
        self.counters.counts()
    }

    /// Returns the daily allowance as the last answer's headers stated it.
    pub fn allowance_seen(&self) -> Option<AllowanceSeen> {
        *self.allowance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many calls may still be made: within this run's budget, and before the reserve
    /// of the daily allowance is touched, as far as the last answer stated it.
    pub fn calls_left(&self) -> u64 {
        let of_day = self.allowance_seen().map_or(u64::MAX, |seen| {
            seen.remaining
                .saturating_sub(crate::crm::share_of(seen.max, self.options.reserve_share))
        });
        self.options.budget.calls_left().min(of_day)
    }

    /// Sends a request and stays with it, as the module's table says.
    ///
    /// # Errors
    /// When the CRM cannot be reached, refuses the credentials or the permission, has no call
    /// left, or stays busy. After an error on a write, nothing of it was done.
    pub async fn send(&self, request: &Request, bearer: &dyn Bearer) -> Result<Reply, CrmError> {
        let kind = self.judge.kind();
        let mut token = if request.is_anonymous { None } else { Some(bearer.token(self).await?) };
        let mut is_renewed = false;
        let mut tries = 0;
        loop {
            let is_reserve_reached = self.options.reserve_share > 0.0 && self.calls_left() == 0;
            if is_reserve_reached || !self.options.budget.take() {
                return Err(CrmError::BudgetSpent { kind });
            }
            let sent = self.send_once(request, token.as_ref(), tries > 0).await;
            tries += 1;
            let (asked, usual, message) = match sent {
                Sent::NeverLeft(error) => {
                    match self.options.backoff.wait(tries, None, None, &self.jitter) {
                        Some(wait) => tokio::time::sleep(wait).await,
                        None => return Err(self.unreachable(error)),
                    }
                    continue;
                }
                Sent::Cut(reason) if !request.is_repeatable => {
                    return Ok(Reply::Lost { reason });
                }
                Sent::Cut(reason) => (None, None, reason),
                Sent::Answered(answer) => match self.judge.judge(request, &answer) {
                    Verdict::Done => return Ok(Reply::Done(answer)),
                    Verdict::Refused(refusal) => return Ok(Reply::Refused(refusal)),
                    Verdict::BudgetSpent => return Err(CrmError::BudgetSpent { kind }),
                    Verdict::Forbidden { message } => {
                        let operation = request.operation.clone();
                        return Err(CrmError::Forbidden { kind, operation, message });
                    }
                    Verdict::Reauthenticate { message } => {
                        let renewed = match &token {
                            Some(refused) if !is_renewed => bearer.renew(self, refused).await?,
                            _ => None,
                        };
                        if renewed.is_none() {
                            return Err(CrmError::Unauthorized { kind, message });
                        }
                        token = renewed;
                        is_renewed = true;
                        continue;
                    }
                    Verdict::Lost { message } if !request.is_repeatable => {
                        return Ok(Reply::Lost { reason: message });
                    }
                    Verdict::Lost { message } => (answer.retry_after, None, message),
                    Verdict::Retry { after, message } => (answer.retry_after, after, message),
                },
            };
            match self.options.backoff.wait(tries, asked, usual, &self.jitter) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(CrmError::Busy { kind, tries, message }),
            }
        }
    }

    async fn send_once(
        &self,
        request: &Request,
        token: Option<&Sensitive<String>>,
        is_retry: bool,
    ) -> Sent {
        // The semaphore is never closed, so there is nothing to do without a permit.
        let _permit = self.in_flight.acquire().await.ok();
        self.pace.keep().await;
        self.counters.count(request.purpose, is_retry);
        let started_at = Instant::now();
        let sent = self.exchange(request, token).await;
        let status = match &sent {
            Sent::Answered(answer) => answer.status.to_string(),
            Sent::NeverLeft(_) => "no connection".to_owned(),
            Sent::Cut(_) => "no answer".to_owned(),
        };
        let ms = u64::try_from(started_at.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(
            crm = self.judge.kind().as_str(),
            family = request.operation,
            status,
            ms,
            is_retry,
            "call"
        );
        if let Sent::Answered(answer) = &sent {
            if let Some(seen) = answer.interval {
                self.pace.learn(seen, Duration::from_millis(self.options.backoff.longest_ms));
            }
            if answer.allowance.is_some() {
                *self.allowance.lock().unwrap_or_else(PoisonError::into_inner) = answer.allowance;
            }
        }
        sent
    }

    async fn exchange(&self, request: &Request, token: Option<&Sensitive<String>>) -> Sent {
        let url = format!("{}{}", self.base_url, request.path);
        let mut building = self.http.request(request.method.clone(), url);
        for (name, value) in &request.headers {
            building = building.header(*name, value);
        }
        if let Some(token) = token {
            building = building.bearer_auth(token.expose());
        }
        building = match &request.body {
            Body::None => building,
            Body::Json(json) => {
                building.header("content-type", "application/json").body(json.clone())
            }
            Body::Form(form) => building
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form.clone()),
            Body::Csv(csv) => building.header("content-type", "text/csv").body(csv.clone()),
        };
        let mut response = match building.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() || error.is_builder() => {
                return Sent::NeverLeft(error.without_url());
            }
            Err(error) if error.is_timeout() => return Sent::Cut("no answer in time".to_owned()),
            Err(_) => return Sent::Cut("the connection was cut before an answer".to_owned()),
        };
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() <= ANSWER_BYTES_MAX => {
                    bytes.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => return Sent::Cut("the answer is too long".to_owned()),
                Ok(None) => break,
                Err(_) => return Sent::Cut("the connection was cut within the answer".to_owned()),
            }
        }
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Sent::Answered(Answer::new(status, &headers, body))
    }

    fn unreachable(&self, error: reqwest::Error) -> CrmError {
        CrmError::Unreachable {
            kind: self.judge.kind(),
            address: self.base_url.clone(),
            source: Box::new(error),
        }
    }
}

/// Makes ring the process's TLS provider; once, because a second installation would be refused.
fn install_tls() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::debug!("another part of the process chose the TLS provider");
        }
    });
}

/// A CRM on this machine is the sandbox, which no proxy can reach.
pub fn is_loopback(base_url: &str) -> bool {
    let host = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]")
}
