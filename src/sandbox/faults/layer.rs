//! The layer around a server's routes.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use jiff::SignedDuration;

use super::call::Call;
use super::{Faults, Kind, Vendor, answer};
use crate::sandbox::{CallCounters, Clock, hubspot, salesforce};

/// Most bytes of a request that is looked at.
const BODY_BYTES_MAX: usize = 512 << 20;

/// A server that misbehaves when it is asked to.
#[derive(Clone)]
pub struct Guarded {
    pub server: Server,
    pub faults: Faults,
    pub clock: Clock,
    pub counters: CallCounters,
}

/// The server behind the layer.
#[derive(Clone)]
pub enum Server {
    HubSpot(hubspot::Server),
    Salesforce(salesforce::Server),
}

impl Guarded {
    /// Returns the server's routes behind the layer. Admin routes meet no fault.
    pub fn router(self) -> Router {
        let routes = match &self.server {
            Server::HubSpot(server) => server.router(),
            Server::Salesforce(server) => server.router(),
        };
        let is_unpacking = matches!(self.server, Server::Salesforce(_));
        let guarded = routes.layer(from_fn_with_state(self, pass));
        // Outermost, since what a call is about decides what it can meet.
        if is_unpacking { guarded.layer(from_fn(salesforce::unpack)) } else { guarded }
    }

    fn vendor(&self) -> Vendor {
        match &self.server {
            Server::HubSpot(_) => Vendor::HubSpot,
            Server::Salesforce(_) => Vendor::Salesforce,
        }
    }

    fn family(&self, request: &Request) -> String {
        match &self.server {
            Server::HubSpot(_) => hubspot::family(request.uri().path()),
            Server::Salesforce(_) => {
                salesforce::family(request.method().as_str(), &request.uri().to_string())
            }
        }
    }

    /// Counts a call that does not reach the server.
    fn turn_away(&self, call: &Call, answer: Response) -> Response {
        self.counters.count(call.server.as_str(), &call.family, call.method.as_str());
        answer
    }
}

async fn pass(State(guarded): State<Guarded>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/__sandbox") {
        return next.run(request).await;
    }
    let family = guarded.family(&request);
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else { return answer::page(413) };
    let call = Call::new(guarded.vendor(), family, &parts, &body);
    let met = guarded.faults.take(&call);
    let request = Request::from_parts(parts, Body::from(body));
    let Some(kind) = met else { return next.run(request).await };
    let away = |answer| guarded.turn_away(&call, answer);
    match kind {
        Kind::TenSecondly => away(answer::too_many("TEN_SECONDLY_ROLLING")),
        Kind::Secondly => away(answer::too_many("SECONDLY")),
        Kind::TooManyLongCalls => away(answer::salesforce_error(
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "ConcurrentPerOrgLongTxn Limit exceeded.",
        )),
        Kind::Locked => away(answer::hubspot_error(423, "the object is locked")),
        Kind::Migration { retry_after_seconds } => {
            let mut moving = answer::hubspot_error(477, "the account is being migrated");
            moving.headers_mut().insert("retry-after", retry_after_seconds.into());
            away(moving)
        }
        Kind::NoRoute => away(answer::page(420)),
        Kind::NotAcceptable => {
            away(answer::salesforce_error(406, "CustomNotAcceptable", "not acceptable"))
        }
        Kind::InternalError => away(answer::application_error(call.server, 500)),
        Kind::Unavailable => away(answer::application_error(call.server, 503)),
        Kind::BadGateway => away(answer::page(502)),
        Kind::GatewayTimeout => away(answer::page(504)),
        Kind::CutBefore => away(answer::none()),
        Kind::BadGatewayAfter => done(request, next, answer::page(502)).await,
        Kind::GatewayTimeoutAfter => done(request, next, answer::page(504)).await,
        Kind::NoAnswerAfter => done(request, next, answer::page(524)).await,
        Kind::CutAfter => done(request, next, answer::none()).await,
        Kind::CutWithin => answer::half(next.run(request).await).await,
        Kind::Slow { ms } => {
            let answer = next.run(request).await;
            tokio::time::sleep(Duration::from_millis(ms.into())).await;
            answer
        }
        Kind::DailyLimit => {
            match &guarded.server {
                Server::HubSpot(server) => server.let_others_spend_the_day(),
                Server::Salesforce(server) => server.let_others_spend_the_day().await,
            }
            next.run(request).await
        }
        Kind::ExpiredToken => match &guarded.server {
            Server::HubSpot(_) => away(answer::expired_token()),
            Server::Salesforce(server) => {
                server.expire_sessions();
                next.run(request).await
            }
        },
        Kind::ClockJump { seconds } => {
            guarded.clock.advance(SignedDuration::from_secs(seconds.into()));
            next.run(request).await
        }
    }
}

/// Lets a call have its whole effect and loses its answer.
async fn done(request: Request, next: Next, instead: Response) -> Response {
    // The effect is had once the answer is; what it says is lost.
    drop(next.run(request).await);
    instead
}
