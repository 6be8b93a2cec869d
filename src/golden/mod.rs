//! Values: when two are equal under their type, and what one becomes on the other side.
//!
//! Equality belongs to the type and is judged on the *canonical* text of a value: HubSpot v and
//! Salesforce w agree when both have one canonical text. What is written is the *image* of the
//! source's value in the target's words. Survivorship itself (who wins) is SQL, in
//! `models/2_intermediate`; this module is pure and is registered there as functions.

mod country;
mod decimal;
mod echo;
mod image;
mod moment;
mod registry;

pub use echo::is_same_value;
pub use image::{Image, Problem, canonical, check_default, image};
pub use moment::{parse_date, parse_timestamp};
pub use registry::{FieldRegistry, MappedField};

#[cfg(test)]
mod tests;
