//! What a vendor's code means in the plan's own words.

/// Returns the reason code under which a plan would hold back what was refused with a vendor's code:
/// the same words as for a change that the plan itself holds back, or a rule's that it cannot see.
///
/// Codes: HubSpot's property validation errors and Salesforce's status codes, read in November 2026.
pub fn reason(code: &str) -> &'static str {
    match code {
        "INVALID_OPTION" | "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" => "would_be_refused",
        "INVALID_LENGTH" | "STRING_TOO_LONG" => "too_long",
        "REQUIRED_FIELD" | "MISSING_REQUIRED_PROPERTY" | "REQUIRED_FIELD_MISSING" => {
            "required_field_empty"
        }
        "READ_ONLY_VALUE"
        | "INVALID_FIELD_FOR_INSERT_UPDATE"
        | "INSUFFICIENT_ACCESS_OR_READONLY"
        | "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"
        | "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" => "not_writable",
        "PROPERTY_DOESNT_EXIST" | "INVALID_FIELD" => "not_visible",
        "INVALID_EMAIL"
        | "INVALID_DATE"
        | "INVALID_LONG"
        | "INVALID_INTEGER"
        | "INVALID_EMAIL_ADDRESS"
        | "INVALID_TYPE_ON_FIELD_IN_RECORD"
        | "JSON_PARSER_ERROR"
        | "MALFORMED_ID" => "does_not_cast",
        "NUMBER_OUTSIDE_VALID_RANGE" => "out_of_range",
        "INACTIVE_OWNER_OR_USER" => "owner_inactive",
        "INVALID_CROSS_REFERENCE_KEY" => "reference_missing",
        "DUPLICATE_VALUE" | "CONTACT_EXISTS" | "CONFLICTING_UNIQUE_VALUE" => "value_taken",
        "DUPLICATES_DETECTED" => "duplicate_rule",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION"
        | "FIELD_FILTER_VALIDATION_EXCEPTION"
        | "CANNOT_EXECUTE_FLOW_TRIGGER"
        | "CUSTOM_VALIDATION" => "validation_rule",
        "CANNOT_UPDATE_CONVERTED_LEAD" => "converted_there",
        "ENTITY_IS_DELETED" | "OBJECT_NOT_FOUND" | "NOT_FOUND" => "deleted_there",
        "UNABLE_TO_LOCK_ROW" => "row_locked",
        _ => "refused",
    }
}
