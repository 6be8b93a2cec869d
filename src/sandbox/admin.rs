//! Routes for whoever directs a sandbox: its clock and its call counts.
//!
//! They lie outside every vendor path, under `/__sandbox`, on both servers, need no credentials
//! and count no calls.

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::Clock;
use super::counters::{CallCount, CallCounters};

/// The sandbox's time, as read and as set.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ClockView {
    pub now: Timestamp,
}

#[derive(Clone)]
struct Admin {
    clock: Clock,
    counters: CallCounters,
}

/// Returns the admin routes over a sandbox's clock and counters.
pub fn router(clock: Clock, counters: CallCounters) -> Router {
    Router::new()
        .route("/__sandbox/clock", get(read_clock).post(set_clock))
        .route("/__sandbox/counters", get(read_counters))
        .route("/__sandbox/counters/reset", post(reset_counters))
        .with_state(Admin { clock, counters })
}

async fn read_clock(State(admin): State<Admin>) -> Json<ClockView> {
    Json(ClockView { now: admin.clock.now() })
}

async fn set_clock(State(admin): State<Admin>, Json(view): Json<ClockView>) -> Json<ClockView> {
    admin.clock.set(view.now);
    Json(ClockView { now: admin.clock.now() })
}

async fn read_counters(State(admin): State<Admin>) -> Json<Vec<CallCount>> {
    Json(admin.counters.rows())
}

async fn reset_counters(State(admin): State<Admin>) -> StatusCode {
    admin.counters.reset();
    StatusCode::NO_CONTENT
}
