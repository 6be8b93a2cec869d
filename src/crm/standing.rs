//! What ties a record to the account, before an undo removes what a run made.

use crate::golden::parse_timestamp;

/// Seconds after its creation within which a record's last change is still part of being made: the
/// vendor fills in calculated fields, and rules that run on creation set theirs.
const MAKING_SECONDS_MAX: i64 = 60;

/// What speaks for and against removing a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub id: String,
    /// Field that moves with every change, and its value now: the evidence that nobody writes between
    /// this look and the removal.
    pub stamp_field: String,
    pub stamp: Option<String>,
    /// Empty where it may go.
    pub ties: Vec<Tie>,
}

/// A reason for a record to stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tie {
    /// Somebody wrote to it after it was made.
    WrittenSince,
    /// A lead that became a contact.
    Converted,
    /// Vendor's name of what hangs on it, or of what the connection may not look at.
    Attached(String),
}

impl Tie {
    /// Returns the reason code under which its removal is held back.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrittenSince => "written_since",
            Self::Converted => "converted_since",
            Self::Attached(_) => "attached",
        }
    }
}

/// Says whether a record was last changed while it was being made. Times that cannot be read count
/// against it.
pub(super) fn is_untouched(created_at: Option<&str>, modified_at: Option<&str>) -> bool {
    let read = |text: Option<&str>| text.and_then(parse_timestamp);
    let (Some(created), Some(modified)) = (read(created_at), read(modified_at)) else {
        return false;
    };
    modified.as_second() - created.as_second() <= MAKING_SECONDS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_after_its_making_or_cannot_be_read_is_not_untouched() {
        let made = Some("2026-10-01T10:00:00.000+0000");
        assert!(is_untouched(made, Some("2026-10-01T10:00:01Z")));
        assert!(is_untouched(made, Some("2026-10-01T10:01:00Z")));
        assert!(!is_untouched(made, Some("2026-10-01T10:01:01Z")));
        assert!(!is_untouched(made, None));
        assert!(!is_untouched(None, made));
    }
}
