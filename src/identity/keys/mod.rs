//! Match keys: the normalized values by which records link exactly.
//!
//! | Key | Is | By |
//! |---|---|---|
//! | [`email_key`] | the mailbox, as its provider tells mailboxes apart | `idna`, rules of a few providers |
//! | [`phone_key`] | the number in E.164 | `rlibphonenumber` |
//! | [`domain_key`] | the registrable domain | `idna`, the public suffix list in `psl` |
//! | [`company_name_key`] | the name without its legal form | `any_ascii`, a list of legal forms |
//! | [`person_name_key`] | the words of the full name | `any_ascii`, a list of nicknames |
//!
//! A key is `None` when the value cannot identify anybody: blank, not of the kind, or a dummy
//! value that forms are filled with. Two values with one key may still differ as texts; what is
//! shown and written stays the text.
//!
//! [`company_names_agree`] and [`person_name_relation`] compare two names whose keys differ. They
//! confirm or contradict a link found otherwise and never make one.

mod company_name;
mod domain;
mod email;
mod fold;
mod person_name;
mod phone;
mod salesforce_id;

pub use company_name::{company_name_key, company_names_agree};
pub use domain::{domain_key, is_free_mail};
pub use email::email_key;
pub use person_name::{NameRelation, person_name_key, person_name_relation, person_names_differ};
pub use phone::{phone_key, phone_value};
pub use salesforce_id::salesforce_id;
