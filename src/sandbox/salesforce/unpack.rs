//! Requests whose body is gzipped, as the REST guide allows.

use std::io::Read;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use axum::middleware::Next;
use axum::response::Response;
use flate2::read::GzDecoder;

use super::errors::Fault;
use super::server::BODY_BYTES_MAX;

/// Hands a request on with its body as it was before it was packed.
pub async fn unpack(request: Request, next: Next) -> Response {
    if request.headers().get(CONTENT_ENCODING).is_none_or(|encoding| encoding != "gzip") {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let Ok(packed) = to_bytes(body, BODY_BYTES_MAX).await else { return too_large() };
    let mut body = Vec::new();
    let mut decoder = GzDecoder::new(&*packed).take(BODY_BYTES_MAX as u64 + 1);
    if decoder.read_to_end(&mut body).is_err() {
        return Fault::json("The body is not gzip").to_answer().into_response();
    }
    if body.len() > BODY_BYTES_MAX {
        return too_large();
    }
    parts.headers.remove(CONTENT_ENCODING);
    parts.headers.remove(CONTENT_LENGTH);
    next.run(Request::from_parts(parts, Body::from(body))).await
}

fn too_large() -> Response {
    Fault::new(413, "REQUEST_TOO_LARGE", "Request body is too large").to_answer().into_response()
}
