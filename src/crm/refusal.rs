//! Why a CRM refused a record: the vendor's code in the plan's own words, and when it is worth asking
//! again.
//!
//! Codes: HubSpot's property validation errors, import errors and categories, Salesforce's status
//! codes, read in November 2026.

/// When the same write is worth sending again, besides after a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Nothing is wrong with it: the CRM was busy.
    NextNight,
    /// With another value, or once the field is defined otherwise; what else the record holds does not
    /// matter.
    OtherValue,
    /// Also once somebody changed the record there.
    RecordChange,
}

impl Retry {
    /// Returns the word used in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NextNight => "next_night",
            Self::OtherValue => "other_value",
            Self::RecordChange => "record_change",
        }
    }

    /// Says when what was refused for a reason, as [`reason`] gives it, is worth sending again.
    pub fn of(reason: &str) -> Self {
        match reason {
            "row_locked" | "busy_there" => Self::NextNight,
            "would_be_refused" | "too_long" | "does_not_cast" | "out_of_range" | "not_visible"
            | "owner_inactive" | "reference_missing" | "value_taken" => Self::OtherValue,
            _ => Self::RecordChange,
        }
    }
}

/// Code of a lock, which triggers repeat in the message of their own failure.
const LOCKED: &str = "UNABLE_TO_LOCK_ROW";

/// Returns the reason code under which a plan would hold back what was refused with a vendor's code
/// and message: the same words as for a change that the plan itself holds back, or a rule's that it
/// cannot see. A code that is not known is `refused`.
pub fn reason(code: &str, message: &str) -> &'static str {
    match code {
        LOCKED => "row_locked",
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" | "CANNOT_EXECUTE_FLOW_TRIGGER" => {
            if message.contains(LOCKED) { "row_locked" } else { "trigger_failed" }
        }
        "INVALID_OPTION"
        | "INVALID_ENUMERATION_OPTION"
        | "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" => "would_be_refused",
        "INVALID_LENGTH" | "STRING_TOO_LONG" => "too_long",
        "REQUIRED_FIELD"
        | "MISSING_REQUIRED_PROPERTY"
        | "MISSING_CONDITIONAL_REQUIRED_PROPERTY"
        | "INVALID_REQUIRED_PROPERTY"
        | "REQUIRED_FIELD_MISSING" => "required_field_empty",
        "READ_ONLY_VALUE"
        | "INVALID_FIELD_FOR_INSERT_UPDATE"
        | "INSUFFICIENT_ACCESS_OR_READONLY"
        | "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY" => "not_writable",
        "PROPERTY_DOESNT_EXIST" | "INVALID_FIELD" => "not_visible",
        "INVALID_EMAIL"
        | "INVALID_DATE"
        | "INVALID_LONG"
        | "INVALID_INTEGER"
        | "INVALID_BOOLEAN_OPTION"
        | "INVALID_EMAIL_ADDRESS"
        | "INVALID_TYPE_ON_FIELD_IN_RECORD"
        | "JSON_PARSER_ERROR"
        | "MALFORMED_ID" => "does_not_cast",
        "NUMBER_OUTSIDE_VALID_RANGE" => "out_of_range",
        "INACTIVE_OWNER_OR_USER" => "owner_inactive",
        "INVALID_CROSS_REFERENCE_KEY" => "reference_missing",
        "DUPLICATE_VALUE"
        | "DUPLICATE_EXTERNAL_ID"
        | "CONTACT_EXISTS"
        | "OBJECT_ALREADY_EXISTS"
        | "CONFLICTING_UNIQUE_VALUE"
        | "DUPLICATE_UNIQUE_PROPERTY_VALUE" => "value_taken",
        "DUPLICATES_DETECTED" => "duplicate_rule",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION"
        | "FIELD_FILTER_VALIDATION_EXCEPTION"
        | "CUSTOM_VALIDATION"
        | "INVALID_CUSTOM_PROPERTY_VALIDATION" => "validation_rule",
        "CANNOT_UPDATE_CONVERTED_LEAD" => "converted_there",
        "ENTITY_IS_DELETED" | "OBJECT_NOT_FOUND" | "NOT_FOUND" => "deleted_there",
        "REQUEST_LIMIT_EXCEEDED"
        | "SERVER_UNAVAILABLE"
        | "REQUEST_RUNNING_TOO_LONG"
        | "QUERY_TIMEOUT"
        | "TXN_SECURITY_METERING_ERROR"
        | "API_CURRENTLY_DISABLED"
        | "UNKNOWN_EXCEPTION"
        | "TOO_MANY_APEX_REQUESTS"
        | "RATE_LIMIT"
        | "RATE_LIMITS"
        // Fell with another record of its call.
        | "ALL_OR_NONE_OPERATION_ROLLED_BACK"
        | "PROCESSING_HALTED" => "busy_there",
        "STORAGE_LIMIT_EXCEEDED" => "storage_full",
        _ => "refused",
    }
}

/// Says in words what [`reason`] gives, where a plan does not hold back for it as well.
pub fn sentence(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "out_of_range" => "has more digits than the field there holds",
        "value_taken" => "another record there already holds a value that must be unique",
        "reference_missing" => "refers to a record that is not there",
        "duplicate_rule" => "a duplicate rule of the CRM takes it for a record that is there",
        "validation_rule" => "breaks a rule that an admin of the CRM has set",
        "trigger_failed" => "a trigger or flow of the CRM failed or refused it",
        "row_locked" => "somebody else was writing to it",
        "busy_there" => "the CRM was busy or at a limit",
        "storage_full" => "the CRM has no room left",
        "refused" => "refused for a reason of the CRM's own",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_busy_goes_every_night_and_a_value_waits_for_another_one() {
        let retry = |code| Retry::of(reason(code, "as the vendor says"));
        for code in [LOCKED, "REQUEST_LIMIT_EXCEEDED", "RATE_LIMITS"] {
            assert_eq!(retry(code), Retry::NextNight, "{code}");
        }
        for code in ["INVALID_OPTION", "STRING_TOO_LONG", "DUPLICATE_VALUE"] {
            assert_eq!(retry(code), Retry::OtherValue, "{code}");
        }
        for code in ["FIELD_CUSTOM_VALIDATION_EXCEPTION", "INSUFFICIENT_ACCESS_OR_READONLY", "NEW"]
        {
            assert_eq!(retry(code), Retry::RecordChange, "{code}");
        }
    }

    #[test]
    fn a_trigger_that_met_a_lock_was_busy() {
        let code = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY";
        assert_eq!(reason(code, "AfterUpdate caused by: not on Fridays"), "trigger_failed");
        assert_eq!(reason(code, "AfterUpdate caused by: UNABLE_TO_LOCK_ROW: unable"), "row_locked");
    }
}
