//! Asking for faults over HTTP, on both servers, without credentials.
//!
//! | Route | Does |
//! |---|---|
//! | `GET /__sandbox/faults` | shows what is asked for and what was met |
//! | `POST /__sandbox/faults` | adds one [`Fault`] |
//! | `PUT /__sandbox/faults/schedule` | follows a [`Schedule`] |
//! | `DELETE /__sandbox/faults` | forgets everything |

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};

use super::{Fault, Faults, Schedule, View};

pub fn router(faults: Faults) -> Router {
    Router::new()
        .route("/__sandbox/faults", get(read).post(add).delete(clear))
        .route("/__sandbox/faults/schedule", put(follow))
        .with_state(faults)
}

async fn read(State(faults): State<Faults>) -> Json<View> {
    Json(faults.view())
}

async fn add(State(faults): State<Faults>, Json(fault): Json<Fault>) -> StatusCode {
    faults.add(fault);
    StatusCode::NO_CONTENT
}

async fn clear(State(faults): State<Faults>) -> StatusCode {
    faults.clear();
    StatusCode::NO_CONTENT
}

async fn follow(State(faults): State<Faults>, Json(schedule): Json<Schedule>) -> StatusCode {
    faults.follow(schedule);
    StatusCode::NO_CONTENT
}
