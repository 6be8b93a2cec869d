//! One short digest for everything that is named by its content.

use sha2::{Digest, Sha256};

/// Returns the first 16 hex digits of SHA-256 over `text`.
pub fn short_digest(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    let first: u64 = hash.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte));
    format!("{first:016x}")
}
