//! Where each endpoint lives: the dated paths and the older ones, on the same handlers.

use axum::extract::{DefaultBodyLimit, Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::middleware;
use axum::response::Response;
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};

use super::errors::ApiError;
use super::{
    ApiVersion, Rule, Server, Settings, account, associations, batch, exports, gate, gdpr, groups,
    imports, labels, lists, merge, oauth, objects, owners, pipelines, properties, reply, schemas,
    search, validations,
};

/// The query of a call, in order, repeated keys kept.
pub type Params = Query<Vec<(String, String)>>;

const DATED: [(&str, ApiVersion); 2] =
    [("2026-09", ApiVersion::September2026), ("2026-03", ApiVersion::March2026)];

pub fn router(server: &Server) -> Router {
    let mut routes = Router::new();
    for (version, tag) in DATED {
        routes = routes.merge(
            Router::new()
                .nest(&format!("/crm/objects/{version}"), objects().merge(record_associations()))
                .nest(&format!("/crm/associations/{version}"), association_batches())
                .nest(&format!("/crm/properties/{version}"), properties())
                .nest(&format!("/crm/property-validations/{version}"), validations())
                .nest(&format!("/crm-object-schemas/{version}/schemas"), schemas())
                .nest(&format!("/crm/pipelines/{version}"), pipelines())
                .merge(owners(&format!("/crm/owners/{version}")))
                .merge(lists(&format!("/crm/lists/{version}")))
                .merge(imports(&format!("/crm/imports/{version}")))
                .nest(&format!("/crm/exports/{version}"), exports())
                .nest(&format!("/crm/limits/{version}"), limits())
                .nest(&format!("/account-info/{version}"), account())
                .layer(Extension(tag)),
        );
    }
    routes = routes.merge(
        Router::new()
            .nest("/crm/v3/objects", objects())
            .nest("/crm/v4/objects", record_associations())
            .nest("/crm/v4/associations", association_batches())
            .nest("/crm/v3/properties", properties())
            .nest("/crm/v3/property-validations", validations())
            .nest("/crm-object-schemas/v3/schemas", schemas())
            .nest("/crm/v3/schemas", schemas())
            .nest("/crm/v3/pipelines", pipelines())
            .merge(owners("/crm/v3/owners"))
            .merge(lists("/crm/v3/lists"))
            .merge(imports("/crm/v3/imports"))
            .nest("/crm/v3/exports", exports())
            .nest("/crm/v3/limits", limits())
            .nest("/account-info/v3", account())
            .layer(Extension(ApiVersion::Numbered)),
    );
    routes
        .route_layer(middleware::from_fn_with_state(server.clone(), gate::gate))
        .merge(open_routes())
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(server.clone())
}

fn objects() -> Router<Server> {
    Router::new()
        .route("/{object}", get(objects::list).post(objects::create))
        .route("/{object}/{id}", get(objects::read).patch(objects::update).delete(objects::archive))
        .route("/{object}/search", post(search::search))
        .route("/{object}/merge", post(merge::merge))
        .route("/contacts/gdpr-delete", post(gdpr::erase))
        .route("/0-1/gdpr-delete", post(gdpr::erase))
        .route("/{object}/batch/read", post(batch::read))
        .route("/{object}/batch/create", post(batch::create))
        .route("/{object}/batch/update", post(batch::update))
        .route("/{object}/batch/upsert", post(batch::upsert))
        .route("/{object}/batch/archive", post(batch::archive))
}

fn record_associations() -> Router<Server> {
    Router::new()
        .route("/{object}/{id}/associations/{to}", get(associations::list))
        .route(
            "/{object}/{id}/associations/{to}/{to_id}",
            put(associations::put).delete(associations::delete),
        )
        .route("/{object}/{id}/associations/default/{to}/{to_id}", put(associations::put_default))
}

fn association_batches() -> Router<Server> {
    Router::new()
        .route("/{from}/{to}/batch/read", post(associations::batch_read))
        .route("/{from}/{to}/batch/create", post(associations::batch_create))
        .route("/{from}/{to}/batch/associate/default", post(associations::batch_create_default))
        .route("/{from}/{to}/batch/archive", post(associations::batch_archive))
        .route("/{from}/{to}/batch/labels/archive", post(labels::batch_archive))
        .route("/{from}/{to}/labels", get(labels::list).post(labels::create).put(labels::update))
        .route("/{from}/{to}/labels/{type}", delete(labels::delete))
}

fn properties() -> Router<Server> {
    Router::new()
        .route("/{object}", get(properties::list).post(properties::create))
        .route(
            "/{object}/{name}",
            get(properties::read).patch(properties::update).delete(properties::archive),
        )
        .route("/{object}/batch/read", post(properties::batch_read))
        .route("/{object}/batch/create", post(properties::batch_create))
        .route("/{object}/batch/archive", post(properties::batch_archive))
        .route("/{object}/groups", get(groups::list).post(groups::create))
        .route(
            "/{object}/groups/{name}",
            get(groups::read).patch(groups::update).delete(groups::archive),
        )
}

fn validations() -> Router<Server> {
    Router::new()
        .route("/{object}", get(validations::list))
        .route("/{object}/{property}", get(validations::read))
        .route(
            "/{object}/{property}/rule-type/{rule}",
            get(validations::read_rule).put(validations::put),
        )
}

fn schemas() -> Router<Server> {
    Router::new()
        .route("/", get(schemas::list).post(schemas::create))
        .route("/batch/read", post(schemas::batch_read))
        .route("/{object}", get(schemas::read).patch(schemas::update).delete(schemas::delete))
        .route("/{object}/associations", post(schemas::associate))
        .route("/{object}/associations/{association}", delete(schemas::dissociate))
}

fn pipelines() -> Router<Server> {
    Router::new()
        .route("/{object}", get(pipelines::list).post(pipelines::create))
        .route(
            "/{object}/{pipeline}",
            get(pipelines::read)
                .put(pipelines::replace)
                .patch(pipelines::update)
                .delete(pipelines::delete),
        )
        .route("/{object}/{pipeline}/audit", get(pipelines::audit))
        .route("/{object}/{pipeline}/stages", get(pipelines::stages).post(pipelines::create_stage))
        .route(
            "/{object}/{pipeline}/stages/{stage}",
            get(pipelines::read_stage)
                .put(pipelines::update_stage)
                .patch(pipelines::update_stage)
                .delete(pipelines::delete_stage),
        )
        .route("/{object}/{pipeline}/stages/{stage}/audit", get(pipelines::stage_audit))
}

fn owners(prefix: &str) -> Router<Server> {
    Router::new()
        .route(prefix, get(owners::list))
        // The vendor's own client libraries end the path with a slash.
        .route(&format!("{prefix}/"), get(owners::list))
        .route(&format!("{prefix}/{{id}}"), get(owners::read))
}

fn lists(prefix: &str) -> Router<Server> {
    let under = |path: &str| format!("{prefix}{path}");
    Router::new()
        .route(prefix, get(lists::read_many).post(lists::create))
        .route(&under("/"), get(lists::read_many).post(lists::create))
        .route(&under("/search"), post(lists::search))
        .route(&under("/all"), post(lists::all))
        .route(&under("/idmapping"), get(lists::id_mapping).post(lists::id_mappings))
        .route(&under("/records/{object}/{record}/memberships"), get(lists::lists_of_record))
        .route(&under("/records/memberships/batch/read"), post(lists::lists_of_records))
        .route(&under("/object-type-id/{object}/name/{name}"), get(lists::read_by_name))
        .route(&under("/{list}"), get(lists::read).delete(lists::delete))
        .route(&under("/{list}/restore"), put(lists::restore))
        .route(&under("/{list}/update-list-name"), put(lists::update_name))
        .route(&under("/{list}/update-list-filters"), put(lists::update_filters))
        .route(&under("/{list}/memberships/add-from/{source}"), put(lists::add_from))
        .route(&under("/{list}/memberships"), get(lists::members).delete(lists::clear))
        .route(&under("/{list}/memberships/join-order"), get(lists::members_by_join))
        .route(&under("/{list}/memberships/add"), put(lists::add))
        .route(&under("/{list}/memberships/remove"), put(lists::remove))
        .route(&under("/{list}/memberships/add-and-remove"), put(lists::add_and_remove))
}

fn exports() -> Router<Server> {
    Router::new()
        .route("/export/async", post(exports::start))
        .route("/export/async/tasks/{task}/status", get(exports::status))
        .route("/export/{export}", get(exports::read))
}

fn imports(prefix: &str) -> Router<Server> {
    let under = |path: &str| format!("{prefix}{path}");
    let all = || get(imports::list).post(imports::start);
    Router::new()
        .route(prefix, all())
        .route(&under("/"), all())
        .route(&under("/{import}"), get(imports::read))
        .route(&under("/{import}/cancel"), post(imports::cancel))
        .route(&under("/{import}/errors"), get(imports::errors))
        .layer(DefaultBodyLimit::max(imports::BODY_BYTES_MAX))
}

fn limits() -> Router<Server> {
    Router::new()
        .route("/records", get(account::record_limits))
        .route("/custom-properties", get(account::property_limits))
        .route("/pipelines", get(account::pipeline_limits))
        .route("/calculated-properties", get(account::calculated_property_limits))
        .route("/custom-object-types", get(account::custom_object_limits))
        .route("/associations/labels", get(account::association_label_limits))
}

fn account() -> Router<Server> {
    Router::new()
        .route("/details", get(account::details))
        .route("/api-usage/daily/private-apps", get(account::usage))
}

/// Routes that need no credentials and count no calls.
fn open_routes() -> Router<Server> {
    let mut routes = Router::new();
    for version in ["v1", "v3", "2026-03", "2026-09"] {
        let token = format!("/oauth/{version}/token");
        routes = routes
            .route(&token, post(oauth::token))
            .route(&format!("{token}/introspect"), post(oauth::introspect))
            .route(&format!("{token}/revoke"), post(oauth::revoke));
    }
    routes
        .route("/export-files/{export}", get(exports::download))
        .route("/oauth/v2/private-apps/get/access-token-info", post(oauth::token_info))
        .route("/oauth/v1/access-tokens/{token}", get(oauth::read))
        .route("/oauth/v1/refresh-tokens/{token}", get(oauth::read).delete(oauth::delete))
        .route("/__sandbox/hubspot/rules", get(read_rules).put(write_rules))
        .route("/__sandbox/hubspot/restore/{object}/{id}", post(restore))
        .route("/__sandbox/hubspot/settings", get(read_settings).put(write_settings))
}

async fn unknown_path() -> Result<Response, ApiError> {
    reply(StatusCode::NOT_FOUND, &ApiError::no_such_record().body)
}

async fn wrong_method() -> Result<Response, ApiError> {
    let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, None, "method not allowed");
    reply(error.status, &error.body)
}

async fn read_settings(State(server): State<Server>) -> Result<Response, ApiError> {
    reply(StatusCode::OK, &server.settings())
}

async fn write_settings(
    State(server): State<Server>,
    Json(settings): Json<Settings>,
) -> Result<Response, ApiError> {
    server.set_settings(settings);
    read_settings(State(server)).await
}

async fn read_rules(State(server): State<Server>) -> Result<Response, ApiError> {
    reply(StatusCode::OK, &server.rules())
}

async fn write_rules(
    State(server): State<Server>,
    Json(rules): Json<Vec<Rule>>,
) -> Result<Response, ApiError> {
    match server.set_rules(rules) {
        Ok(()) => read_rules(State(server)).await,
        Err(error) => {
            let message = std::error::Error::source(&error).unwrap_or(&error).to_string();
            reply(StatusCode::BAD_REQUEST, &ApiError::invalid(message).body)
        }
    }
}

/// Puts an archived record back, as the recycle bin of the vendor's own pages does.
async fn restore(
    State(server): State<Server>,
    Path((object, id)): Path<(String, String)>,
) -> Result<StatusCode, StatusCode> {
    match server.restore(&object, &id) {
        Ok(true) => Ok(StatusCode::NO_CONTENT),
        Ok(false) => Err(StatusCode::NOT_FOUND),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Returns the last value of a query key.
pub fn one<'a>(params: &'a Params, key: &str) -> Option<&'a str> {
    params.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

/// Returns every value of a query key, whether repeated or separated by commas.
pub fn many(params: &Params, key: &str) -> Vec<String> {
    params
        .0
        .iter()
        .filter(|(name, _)| name == key)
        .flat_map(|(_, value)| value.split(','))
        .map(str::trim)
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Reads a switch. The vendor's Python client writes it `True`.
pub fn flag(params: &Params, key: &str) -> bool {
    one(params, key).is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

/// Reads a page size.
///
/// # Errors
/// 400 when it is no number from 1 to `max`.
pub fn limit(params: &Params, default: usize, max: usize) -> Result<usize, ApiError> {
    let Some(text) = one(params, "limit") else { return Ok(default) };
    match text.parse::<usize>() {
        Ok(limit) if (1..=max).contains(&limit) => Ok(limit),
        _ => Err(ApiError::invalid(format!(
            "Invalid input: limit must be between 1 and {max}, got {text}"
        ))),
    }
}

/// Reads a page token that is a record id.
///
/// # Errors
/// 400 when it is no number.
pub fn after(params: &Params) -> Result<i64, ApiError> {
    match one(params, "after") {
        None | Some("") => Ok(0),
        Some(text) => text
            .parse()
            .map_err(|_| ApiError::invalid(format!("Invalid input: after is not valid: {text}"))),
    }
}
