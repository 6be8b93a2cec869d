//! Sends requests and stays with them until they are done, refused, lost or given up.

use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use reqwest::redirect::Policy;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::backoff::Jitter;
use super::counters::Counters;
use super::gzip::packed;
use super::pace::{IN_FLIGHT_MAX, Pace};
use super::request_log::{ConnectionLog, Sending};
use super::{
    AllowanceSeen, Answer, Backoff, Bearer, Body, Budget, Judge, Lane, Purpose, Reply, Request,
    Verdict,
};
use crate::crm::sensitive::Sensitive;
use crate::crm::{CallCounts, CrmError, CrmKind};
use crate::warehouse::{Fence, LeaseError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// HubSpot answers within 100 seconds or not at all; Salesforce may take longer, but a call that
/// does is better made smaller.
const CALL_TIMEOUT: Duration = Duration::from_mins(2);

/// Slowest line on which bodies are waited for, in bytes a second: one megabit. A bulk upload of 90 MB
/// has eleven minutes more than a call that carries little.
const LINE_SPEED_MIN: u64 = 128 * 1024;

/// A write that takes longer than this strains the CRM; Salesforce counts calls of 20 seconds as long.
const SLOW: Duration = Duration::from_secs(20);

/// Status by which every vendor says that its rate limit was passed.
const TOO_MANY_REQUESTS: u16 = 429;

/// A file may take long; a server that falls silent within it is not waited for.
const FILE_TIMEOUT: Duration = Duration::from_hours(2);

/// Largest answer that is read into memory.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

const USER_AGENT: &str = concat!("concord/", env!("CARGO_PKG_VERSION"));

/// How a connection is used, whatever the vendor.
#[derive(Clone, Debug)]
pub struct TransportOptions {
    pub backoff: Backoff,
    /// Longest that a call may take that carries little; see [`Transport::time_max`].
    pub call_timeout: Duration,
    /// Longest that a write may take, whatever it carries, so that the lease outlives it.
    pub write_time_max: Duration,
    pub budget: Arc<Budget>,
    /// Share of the daily allowance that is left for others, 0 to 1.
    pub reserve_share: f64,
    /// Keeps below the limits that are documented but told by no answer. Off against servers on a
    /// clock of their own.
    pub keeps_known_limits: bool,
    /// Where every sending is written down; nowhere for clients outside a run.
    pub log: Option<ConnectionLog>,
    /// Seed of the waits' jitter.
    pub seed: u64,
    /// What each sending of a write passes first.
    pub fence: Fence,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            backoff: Backoff::default(),
            call_timeout: CALL_TIMEOUT,
            write_time_max: Duration::MAX,
            budget: Arc::new(Budget::unlimited()),
            reserve_share: 0.0,
            keeps_known_limits: true,
            log: None,
            seed: 0,
            fence: Fence::default(),
        }
    }
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

/// Makes a client that fetches one file from `url`.
#[expect(clippy::disallowed_methods, reason = "clients are made here and nowhere else")]
pub(super) fn file_client(url: &str) -> Result<reqwest::Client, reqwest::Error> {
    install_tls();
    let builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(FILE_TIMEOUT)
        .gzip(true)
        .retry(reqwest::retry::never());
    if is_loopback(url) { builder.no_proxy().build() } else { builder.build() }
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
    Answered(Answer, Verdict),
    /// The lease does not allow it.
    Fenced(LeaseError),
    /// No connection was made, so nothing was done.
    NeverLeft(reqwest::Error),
    /// The request went out and no whole answer came back.
    Cut(String),
}

/// A sending under way. It is counted and logged when it is dropped, so also when whoever waits for
/// it gives up.
struct OpenSending<'a> {
    transport: &'a Transport,
    request: &'a Request,
    started_at: Instant,
    sent_at: Option<jiff::Timestamp>,
    tries: u32,
    status: Option<u16>,
    verdict: &'static str,
    bytes_out: u64,
    bytes_in: u64,
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

    pub fn kind(&self) -> CrmKind {
        self.judge.kind()
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
        self.options.budget.calls_left().min(self.left_of_day())
    }

    fn left_of_day(&self) -> u64 {
        self.allowance_seen().map_or(u64::MAX, |seen| {
            seen.remaining
                .saturating_sub(crate::crm::share_of(seen.max, self.options.reserve_share))
        })
    }

    /// Counts the writes that were slow, lost, locked or limited; whoever sees it grow sends less at
    /// a time.
    /// Returns the wait before the `n`-th question about an asynchronous job; `None` when it has been
    /// waited for long enough.
    pub fn job_wait(&self, n: u32) -> Option<Duration> {
        self.options.backoff.job_wait(n)
    }

    pub fn strains(&self) -> u64 {
        self.counters.strains()
    }

    /// Requests whose answer will take from the allowance that the last one stated.
    fn n_in_flight(&self) -> u64 {
        IN_FLIGHT_MAX.saturating_sub(self.in_flight.available_permits()) as u64
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
            // Whatever else uses the allowance shows in it; our own calls under way do not yet.
            let is_reserve_reached =
                self.options.reserve_share > 0.0 && self.left_of_day() <= self.n_in_flight();
            if is_reserve_reached || !self.options.budget.take() {
                return Err(CrmError::BudgetSpent { kind });
            }
            tries += 1;
            let sent = self.send_once(request, token.as_ref(), tries).await;
            let (asked, usual, message) = match sent {
                Sent::Fenced(source) => return Err(CrmError::Fenced { kind, source }),
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
                Sent::Answered(answer, verdict) => match verdict {
                    Verdict::Done => return Ok(Reply::Done(answer)),
                    Verdict::Refused(refusal) => return Ok(Reply::Refused(refusal)),
                    Verdict::BudgetSpent => return Err(CrmError::BudgetSpent { kind }),
                    Verdict::Forbidden { message } => {
                        let operation = request.operation.clone();
                        return Err(CrmError::Forbidden { kind, operation, message });
                    }
                    Verdict::Reauthenticate { message } => {
                        let Some(refused) = &token else {
                            return Err(CrmError::Unauthorized { kind, message });
                        };
                        if is_renewed {
                            let message = format!("{message}; so was a new token");
                            return Err(CrmError::Unauthorized { kind, message });
                        }
                        let Some(renewed) = bearer.renew(self, refused).await? else {
                            return Err(CrmError::Unauthorized { kind, message });
                        };
                        token = Some(renewed);
                        is_renewed = true;
                        continue;
                    }
                    Verdict::Lost { message } if !request.is_repeatable => {
                        return Ok(Reply::Lost { reason: message });
                    }
                    Verdict::Lost { message } => (answer.retry_after, None, message),
                    Verdict::Retry { after, message } => {
                        if answer.status == TOO_MANY_REQUESTS {
                            let longest = Duration::from_millis(self.options.backoff.longest_ms);
                            let wait = answer.retry_after.or(after).unwrap_or_default();
                            self.pace.hold(self.lane(request), wait.min(longest));
                        }
                        (answer.retry_after, after, message)
                    }
                },
            };
            match (self.options.backoff.wait(tries, asked, usual, &self.jitter), asked) {
                (Some(wait), _) => tokio::time::sleep(wait).await,
                (None, Some(asked)) => {
                    let message = format!("{message}; it asks to wait {} s", asked.as_secs());
                    return Err(CrmError::Busy { kind, tries, message });
                }
                (None, None) => return Err(CrmError::Busy { kind, tries, message }),
            }
        }
    }

    fn lane(&self, request: &Request) -> Lane {
        if self.options.keeps_known_limits { self.judge.lane(request) } else { Lane::Told }
    }

    async fn send_once(
        &self,
        request: &Request,
        token: Option<&Sensitive<String>>,
        tries: u32,
    ) -> Sent {
        // The semaphore is never closed, so there is nothing to do without a permit.
        let _permit = self.in_flight.acquire().await.ok();
        self.pace.keep(self.lane(request)).await;
        let packed = match &request.body {
            Body::Json(json) if self.judge.reads_gzip(request) => packed(json),
            _ => None,
        };
        // The last thing before the wire: whatever was waited for, the lease outlives the call.
        let time_max = self.time_max(request);
        let to_outlive = if request.is_preparing { self.options.call_timeout } else { time_max };
        if request.purpose == Purpose::Write
            && let Err(error) = self.options.fence.pass(to_outlive).await
        {
            return Sent::Fenced(error);
        }
        self.counters.count(request.purpose, tries > 1);
        let mut sending = OpenSending::begin(self, request, tries);
        if let Some(packed) = &packed {
            sending.bytes_out = packed.len() as u64;
        }
        let answer = match self.exchange(request, packed, token, &mut sending.bytes_in).await {
            Ok(answer) => answer,
            Err(sent) => {
                sending.verdict = if matches!(sent, Sent::Cut(_)) { "lost" } else { "unreachable" };
                return sent;
            }
        };
        if let Some(seen) = answer.interval {
            self.pace.learn(seen);
        }
        if answer.allowance.is_some() {
            *self.allowance.lock().unwrap_or_else(PoisonError::into_inner) = answer.allowance;
        }
        let verdict = self.judge.judge(request, &answer);
        (sending.status, sending.verdict) = (Some(answer.status), verdict.as_str());
        Sent::Answered(answer, verdict)
    }

    /// Returns how long one sending may take: what any call may, and the time in which a slow line
    /// carries the body; a file that comes back has a limit of its own.
    pub fn time_max(&self, request: &Request) -> Duration {
        if request.spool.is_some() {
            return FILE_TIMEOUT;
        }
        let carried = request.body.n_bytes() as u64;
        let carrying = carried / LINE_SPEED_MIN;
        let whole = self.options.call_timeout + Duration::from_secs(carrying);
        match request.purpose {
            Purpose::Write if !request.is_preparing => whole.min(self.options.write_time_max),
            _ => whole,
        }
    }

    /// Sends a request and reads its answer, or says how that ended.
    async fn exchange(
        &self,
        request: &Request,
        packed: Option<Vec<u8>>,
        token: Option<&Sensitive<String>>,
        bytes_in: &mut u64,
    ) -> Result<Answer, Sent> {
        let url = format!("{}{}", self.base_url, request.path);
        let mut building = self.http.request(request.method.clone(), url);
        for (name, value) in &request.headers {
            building = building.header(*name, value);
        }
        building = building.timeout(self.time_max(request));
        if let Some(token) = token {
            building = building.bearer_auth(token.expose());
        }
        building = match &request.body {
            Body::None => building,
            Body::Json(json) => {
                building = building.header("content-type", "application/json");
                match packed {
                    Some(packed) => building.header("content-encoding", "gzip").body(packed),
                    None => building.body(json.clone()),
                }
            }
            Body::Form(form) => building
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form.expose().clone()),
            Body::Text { content_type, text } => {
                building.header("content-type", content_type).body(text.clone())
            }
        };
        let mut response = match building.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() || error.is_builder() => {
                return Err(Sent::NeverLeft(error.without_url()));
            }
            Err(error) if error.is_timeout() => {
                return Err(Sent::Cut("no answer in time".to_owned()));
            }
            Err(_) => return Err(Sent::Cut("the connection was cut before an answer".to_owned())),
        };
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        if let Some(spool) = request.spool.as_ref().filter(|_| response.status().is_success()) {
            *bytes_in += spool.fill(&mut response).await.map_err(Sent::Cut)?;
            return Ok(Answer::new(status, &headers, String::new()));
        }
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() <= ANSWER_BYTES_MAX => {
                    *bytes_in += chunk.len() as u64;
                    bytes.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => return Err(Sent::Cut("the answer is too long".to_owned())),
                Ok(None) => break,
                Err(_) => {
                    return Err(Sent::Cut("the connection was cut within the answer".to_owned()));
                }
            }
        }
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Answer::new(status, &headers, body))
    }

    fn unreachable(&self, error: reqwest::Error) -> CrmError {
        CrmError::Unreachable {
            kind: self.judge.kind(),
            address: self.base_url.clone(),
            source: Box::new(error),
        }
    }
}

impl<'a> OpenSending<'a> {
    fn begin(transport: &'a Transport, request: &'a Request, tries: u32) -> Self {
        debug_assert!(
            !request.operation.contains(['/', '?', '=', '@']),
            "a family is words: `{}`",
            request.operation
        );
        Self {
            transport,
            request,
            started_at: Instant::now(),
            sent_at: transport.options.log.as_ref().map(ConnectionLog::now),
            tries,
            status: None,
            verdict: "abandoned",
            bytes_out: request.body.n_bytes() as u64,
            bytes_in: 0,
        }
    }
}

impl Drop for OpenSending<'_> {
    fn drop(&mut self) {
        let elapsed = self.started_at.elapsed();
        let is_strain = elapsed >= SLOW || matches!(self.verdict, "retry" | "lost");
        if self.request.purpose == Purpose::Write && is_strain {
            self.transport.counters.count_strain();
        }
        let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(
            crm = self.transport.judge.kind().as_str(),
            family = self.request.operation,
            status = self.status,
            verdict = self.verdict,
            ms,
            tries = self.tries,
            "call"
        );
        let (Some(log), Some(sent_at)) = (&self.transport.options.log, self.sent_at) else {
            return;
        };
        log.note(Sending {
            family: self.request.operation.clone(),
            method: self.request.method.to_string(),
            status: self.status,
            verdict: self.verdict,
            ms,
            bytes_out: self.bytes_out,
            bytes_in: self.bytes_in,
            tries: self.tries,
            calls_left: Some(self.transport.calls_left()).filter(|left| *left < u64::MAX),
            sent_at,
        });
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
