//! The vendor's error bodies (reference sections 2, 4.4 to 4.7, 6.5, 13 and 15).

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// An answer that refuses a call.
#[derive(Clone, Debug)]
pub struct ApiError {
    pub status: StatusCode,
    pub body: ErrorBody,
    /// The record in the way, which only items of a 207 answer name apart from the text.
    pub existing_id: Option<i64>,
}

/// The vendor's error envelope; also an item of a 207 answer's `errors`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    pub status: &'static str,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ErrorDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_category: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<&'static str, &'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_name: Option<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ErrorDetail {
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    pub context: BTreeMap<String, Vec<String>>,
}

/// Why one property of one input was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyError {
    pub name: String,
    pub code: &'static str,
    pub message: String,
    /// What was sent, where the value is what is wrong.
    pub value: Option<String>,
}

impl ApiError {
    pub fn new(
        status: StatusCode,
        category: Option<&'static str>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            body: ErrorBody {
                status: "error",
                message: message.into(),
                correlation_id: None,
                context: BTreeMap::new(),
                errors: Vec::new(),
                category,
                sub_category: None,
                links: BTreeMap::new(),
                error_type: None,
                policy_name: None,
            },
            existing_id: None,
        }
    }

    /// A 400 about what was sent.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Some("VALIDATION_ERROR"), message)
    }

    /// A numeric id that no record has: a 404 without a category.
    pub fn no_such_record() -> Self {
        Self::new(StatusCode::NOT_FOUND, None, "resource not found")
    }

    pub fn id_not_numeric(id: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            Some("OBJECT_NOT_FOUND"),
            "Object not found.  objectId are usually numeric.",
        )
        .with_context("id", vec![id.to_owned()])
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, Some("OBJECT_NOT_FOUND"), message)
    }

    pub fn unknown_object_type(name: &str) -> Self {
        Self::invalid(format!("Unable to infer object type from: {name}"))
    }

    pub fn contact_exists(id: i64) -> Self {
        let mut error = Self::new(
            StatusCode::CONFLICT,
            Some("CONFLICT"),
            format!("Contact already exists. Existing ID: {id}"),
        );
        error.existing_id = Some(id);
        error
    }

    /// The second form of a unique clash: `writing` is the record being written, `holder` the one
    /// that has the value.
    pub fn unique_value_taken(
        portal_id: &str,
        legacy_type: &str,
        property: &str,
        value: &str,
        writing: i64,
        holder: i64,
    ) -> Self {
        Self::invalid(format!(
            "Cannot set PropertyValueCoordinates{{portalId={portal_id}, \
             objectTypeId=ObjectTypeId{{legacyObjectType={legacy_type}}}, \
             propertyName={property}, value={value}}} on {writing}. {holder} already has that \
             value."
        ))
    }

    pub fn key_not_unique(object_type_id: &str, property: &str) -> Self {
        Self::invalid(format!(
            "Unable to perform update/upsert by non-unique {object_type_id} property {property}"
        ))
    }

    pub fn duplicate_ids(ids: Vec<String>) -> Self {
        Self::invalid(format!(
            "Duplicate IDs found in batch input: [{}]. IDs must be unique",
            ids.join(", ")
        ))
        .with_context("ids", ids)
    }

    pub fn too_many_inputs(max: usize) -> Self {
        Self::invalid(format!(
            "The maximum number of inputs supported in a batch is {max}. Please reduce the number \
             of items and try again"
        ))
    }

    pub fn too_many_inputs_with_history() -> Self {
        Self::invalid(
            "The maximum number of inputs supported in a batch request for property histories is \
             50",
        )
    }

    /// Lists every refused property, once in `errors` and once in the text as JSON.
    pub fn invalid_properties(portal_id: &str, refused: &[PropertyError]) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct InText<'a> {
            is_valid: bool,
            message: &'a str,
            error: &'a str,
            name: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            property_value: Option<&'a str>,
            localized_error_message: &'a str,
            portal_id: u64,
        }
        let portal_id = portal_id.parse().unwrap_or_default();
        let in_text: Vec<_> = refused
            .iter()
            .map(|error| InText {
                is_valid: false,
                message: &error.message,
                error: error.code,
                name: &error.name,
                property_value: error.value.as_deref(),
                localized_error_message: &error.message,
                portal_id,
            })
            .collect();
        let text = serde_json::to_string(&in_text).unwrap_or_default();
        let mut error = Self::invalid(format!("Property values were not valid: {text}"));
        error.body.errors = refused
            .iter()
            .map(|error| ErrorDetail::about(&error.name, error.code, &error.message))
            .collect();
        error
    }

    /// Names the properties without which a record cannot be made.
    pub fn missing_required(code: &'static str, properties: &[&str]) -> Self {
        let mut error = Self::invalid("The property values provided are invalid");
        error.body.errors = properties
            .iter()
            .map(|name| {
                ErrorDetail::about(name, code, &format!("A value for {name} must be provided"))
            })
            .collect();
        error
    }

    /// Names the property that another one's value makes required.
    pub fn missing_conditional(property: &str, based_on: &str) -> Self {
        let message = format!(
            "{property} is required because of a conditional property rule based on [{based_on}]"
        );
        let code = "MISSING_CONDITIONAL_REQUIRED_PROPERTY";
        let mut error = Self::invalid("The property values provided are invalid");
        error.body.errors = vec![ErrorDetail::about(property, code, &message)];
        error
    }

    pub fn not_authenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            Some("INVALID_AUTHENTICATION"),
            "Authentication credentials not found. This API supports OAuth 2.0 authentication and \
             you can find more details at \
             https://developers.hubspot.com/docs/methods/auth/oauth-overview",
        )
    }

    pub fn token_expired(seconds_ago: i64) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            Some("EXPIRED_AUTHENTICATION"),
            format!("The OAuth token used to make this call expired {seconds_ago} second(s) ago."),
        )
    }

    /// A 403 that names the scopes of which one would do.
    pub fn missing_scopes(any_of: Vec<String>) -> Self {
        let mut error = Self::new(
            StatusCode::FORBIDDEN,
            Some("MISSING_SCOPES"),
            "This app hasn't been granted all required scopes to make this call. Read more about \
             required scopes here: https://developers.hubspot.com/scopes.",
        );
        error.body.errors = vec![ErrorDetail {
            message: "One or more of the following scopes are required.".to_owned(),
            code: None,
            context: BTreeMap::from([("requiredGranularScopes".to_owned(), any_of)]),
        }];
        error.body.links = BTreeMap::from([("scopes", "https://developers.hubspot.com/scopes")]);
        error
    }

    pub fn rate_limited(policy: &'static str, words: &str) -> Self {
        let mut error = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            None,
            format!("You have reached your {words} limit."),
        );
        error.body.error_type = Some("RATE_LIMIT");
        error.body.policy_name = Some(policy);
        error
    }

    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, None, "internal error")
    }

    #[must_use]
    pub fn with_context(mut self, key: &str, values: Vec<String>) -> Self {
        self.body.context.insert(key.to_owned(), values);
        self
    }
}

impl ErrorDetail {
    pub fn about(property: &str, code: &str, message: &str) -> Self {
        Self {
            message: message.to_owned(),
            code: Some(code.to_owned()),
            context: BTreeMap::from([("propertyName".to_owned(), vec![property.to_owned()])]),
        }
    }
}

impl From<rusqlite::Error> for ApiError {
    fn from(error: rusqlite::Error) -> Self {
        tracing::error!(%error, "the HubSpot sandbox's database failed");
        Self::internal()
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        tracing::error!(%error, "the HubSpot sandbox holds JSON that it cannot read");
        Self::internal()
    }
}

impl From<csv::Error> for ApiError {
    fn from(error: csv::Error) -> Self {
        tracing::error!(%error, "the HubSpot sandbox cannot read or write a table");
        Self::internal()
    }
}

impl From<std::io::Error> for ApiError {
    fn from(error: std::io::Error) -> Self {
        tracing::error!(%error, "the HubSpot sandbox cannot write a file");
        Self::internal()
    }
}

/// Carries the error to the gate, which knows the call's correlation id and writes the body.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
