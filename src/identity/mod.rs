//! Who is who: match keys and connected components.
//!
//! The evidence itself (which records share which key, which link points where) is SQL, in
//! `models/2_intermediate`; this module supplies what SQL says badly, as pure functions that
//! [`crate::model`] registers with DataFusion. Keys are exact: two records share a key or they do
//! not; nothing here scores.

pub mod components;
pub mod keys;
pub mod separate;
