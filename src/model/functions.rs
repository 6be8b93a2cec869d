//! The functions that models may call beside DataFusion's own.
//!
//! | Function | Gives |
//! |---|---|
//! | `as_timestamp(text)`, `as_date(text)`, `as_number(text)`, `as_boolean(text)` | the typed value of any wire form, null where it does not cast |
//! | `trimmed(text)` | the text without white space around it, of whatever kind; null when nothing is left |
//! | `local_date(timestamp, zone)` | the calendar day at that instant in an IANA zone |
//! | `email_key`, `phone_key(text, region)`, `domain_key`, `company_name_key`, `person_name_key(first, last)` | match keys ([`crate::identity::keys`]) |
//! | `is_free_mail(domain)` | whether a domain gives mailboxes to anybody |
//! | `company_names_agree(left, right)` | whether two company names may be one company's |
//! | `person_name_relation(left_first, left_last, right_first, right_last)` | `same`, `compatible`, `unknown`, `given_names_differ` or `names_differ` |
//! | `salesforce_id(text)` | the 18 characters of a Salesforce id, from 15 or 18 |
//! | `record_key(crm, object, id)` | the name of a record across both CRMs |
//! | `golden_id(entity, seed)` | an opaque golden id, the same for the same seed |
//! | `create_key(golden_id, object)` | the immutable key that a create carries |
//! | `field_value(field, crm, raw)` | canonical text under the field's type ([`crate::golden`]) |
//! | `field_problem(field, crm, raw)` | reason code when the value cannot be read or mapped |
//! | `field_image(field, crm, raw, object, operation)` | what would be written on the other side |
//! | `field_image_problem(…)` | reason code when that would not be taken |
//! | `field_default_problem(field, value, object)` | reason code when a default of the map would not be taken |
//! | `refusal_reason(code, message)`, `refusal_retry(reason)` | why a CRM refused a write, and when it is worth sending again ([`crate::crm::refusal`]) |
//! | `connected_components(left, right)` | aggregate: a list of `{member, component}` |
//! | `separated_components(left, right, strength)` | the same, with those of strength 0 kept apart |

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use datafusion::prelude::SessionContext;
use jiff::tz::TimeZone;

use super::aggregate::{connected_components, separated_components};
use crate::crm::{CrmKind, refusal};
use crate::digest::short_digest;
use crate::golden::{FieldRegistry, canonical, check_default, image, parse_date, parse_timestamp};
use crate::identity::keys;

/// Registers every function in a session.
pub fn register(ctx: &SessionContext, registry: &Arc<FieldRegistry>) {
    for function in casts().into_iter().chain(text_functions()).chain(field_functions(registry)) {
        ctx.register_udf(function);
    }
    ctx.register_udaf(connected_components());
    ctx.register_udaf(separated_components());
}

fn casts() -> Vec<ScalarUDF> {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    vec![
        array_function("as_timestamp", vec![DataType::Utf8], utc.clone(), |args| {
            let values =
                texts(args, 0)?.iter().map(|text| Some(parse_timestamp(text?)?.as_microsecond()));
            let array: TimestampMicrosecondArray = values.collect();
            Ok(Arc::new(array.with_timezone("UTC")))
        }),
        array_function("as_date", vec![DataType::Utf8], DataType::Date32, |args| {
            let values = texts(args, 0)?.iter().map(|text| days(parse_date(text?)?));
            Ok(Arc::new(values.collect::<Date32Array>()))
        }),
        array_function("as_number", vec![DataType::Utf8], DataType::Float64, |args| {
            let values = texts(args, 0)?
                .iter()
                .map(|text| text?.trim().parse::<f64>().ok().filter(|number| number.is_finite()));
            Ok(Arc::new(values.collect::<Float64Array>()))
        }),
        array_function("as_boolean", vec![DataType::Utf8], DataType::Boolean, |args| {
            let values = texts(args, 0)?.iter().map(|text| {
                match text?.trim().to_ascii_lowercase().as_str() {
                    "true" => Some(true),
                    "false" => Some(false),
                    _ => None,
                }
            });
            Ok(Arc::new(values.collect::<BooleanArray>()))
        }),
        array_function("local_date", vec![utc, DataType::Utf8], DataType::Date32, |args| {
            let moments = args[0].as_primitive::<TimestampMicrosecondType>();
            let zones = texts(args, 1)?;
            let mut last: Option<(String, TimeZone)> = None;
            let mut dates = Vec::with_capacity(moments.len());
            for (moment, name) in moments.iter().zip(zones) {
                let (Some(moment), Some(name)) = (moment, name) else {
                    dates.push(None);
                    continue;
                };
                let zone = match &last {
                    Some((known, zone)) if known == name => zone.clone(),
                    _ => TimeZone::get(name).map_err(external)?,
                };
                last = Some((name.to_owned(), zone.clone()));
                let moment = jiff::Timestamp::from_microsecond(moment).map_err(external)?;
                dates.push(days(moment.to_zoned_datetime(zone).date()));
            }
            Ok(Arc::new(Date32Array::from(dates)))
        }),
    ]
}

fn text_functions() -> Vec<ScalarUDF> {
    vec![
        text_function("trimmed", 1, |v| {
            Some(v[0]?.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
        }),
        text_function("email_key", 1, |v| keys::email_key(v[0]?)),
        text_function("phone_key", 2, |v| keys::phone_key(v[0]?, v[1]?)),
        text_function("domain_key", 1, |v| keys::domain_key(v[0]?)),
        text_function("company_name_key", 1, |v| keys::company_name_key(v[0]?)),
        text_function("person_name_key", 2, |v| keys::person_name_key(v[0]?, v[1]?)),
        boolean_function("is_free_mail", 1, |v| Some(keys::is_free_mail(v[0]?))),
        boolean_function("company_names_agree", 2, |v| {
            Some(keys::company_names_agree(v[0]?, v[1]?))
        }),
        // A name that is not there differs from none, so null is blank here.
        text_function("person_name_relation", 4, |v| {
            let [left_first, left_last, right_first, right_last] =
                [0, 1, 2, 3].map(|index| v[index].unwrap_or_default());
            let relation =
                keys::person_name_relation(left_first, left_last, right_first, right_last);
            Some(relation.as_str().to_owned())
        }),
        text_function("salesforce_id", 1, |v| keys::salesforce_id(v[0]?)),
        text_function("record_key", 3, |v| Some(format!("{}:{}:{}", v[0]?, v[1]?, v[2]?))),
        text_function("golden_id", 2, |v| {
            let prefix = v[0]?.chars().next()?;
            Some(format!("{prefix}_{}", short_digest(&[v[0]?, v[1]?].join("\n"))))
        }),
        text_function("create_key", 2, |v| {
            Some(format!("c_{}", short_digest(&[v[0]?, v[1]?].join("\n"))))
        }),
        text_function("refusal_reason", 2, |v| {
            Some(refusal::reason(v[0].unwrap_or_default(), v[1].unwrap_or_default()).to_owned())
        }),
        text_function("refusal_retry", 1, |v| Some(refusal::Retry::of(v[0]?).as_str().to_owned())),
    ]
}

fn field_functions(registry: &Arc<FieldRegistry>) -> Vec<ScalarUDF> {
    let with = |run: fn(&FieldRegistry, &[Option<&str>]) -> Option<String>| {
        let registry = Arc::clone(registry);
        move |values: &[Option<&str>]| run(&registry, values)
    };
    vec![
        text_function(
            "field_value",
            3,
            with(|registry, v| {
                let mapped = registry.field(v[0]?)?;
                let raw = v[2].unwrap_or("");
                match canonical(registry, mapped, crm(v[1]?)?, raw) {
                    Ok(value) => value,
                    // Filled, and different from every value that can be read.
                    Err(_) => Some(format!("\u{fffd}{}", raw.trim())),
                }
            }),
        ),
        text_function(
            "field_problem",
            3,
            with(|registry, v| {
                let mapped = registry.field(v[0]?)?;
                canonical(registry, mapped, crm(v[1]?)?, v[2]?).err().map(|p| p.code().to_owned())
            }),
        ),
        text_function(
            "field_image",
            5,
            with(|registry, v| {
                let mapped = registry.field(v[0]?)?;
                let raw = v[2].unwrap_or("");
                image(registry, mapped, crm(v[1]?)?, raw, v[3]?, v[4]? == "create").ok().flatten()
            }),
        ),
        text_function(
            "field_image_problem",
            5,
            with(|registry, v| {
                let mapped = registry.field(v[0]?)?;
                image(registry, mapped, crm(v[1]?)?, v[2].unwrap_or(""), v[3]?, v[4]? == "create")
                    .err()
                    .map(|problem| problem.code().to_owned())
            }),
        ),
        text_function(
            "field_default_problem",
            3,
            with(|registry, v| {
                let mapped = registry.field(v[0]?)?;
                check_default(registry, mapped, v[1]?, v[2]?).err().map(|p| p.code().to_owned())
            }),
        ),
    ]
}

fn crm(word: &str) -> Option<CrmKind> {
    [CrmKind::HubSpot, CrmKind::Salesforce].into_iter().find(|crm| crm.as_str() == word)
}

fn days(date: jiff::civil::Date) -> Option<i32> {
    let epoch = jiff::civil::date(1970, 1, 1);
    Some(date.since((jiff::Unit::Day, epoch)).ok()?.get_days())
}

fn texts(args: &[ArrayRef], index: usize) -> Result<&StringArray> {
    args.get(index)
        .and_then(|array| array.as_string_opt::<i32>())
        .ok_or_else(|| DataFusionError::Internal(format!("argument {index} is not text")))
}

fn external(error: jiff::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Makes a function of `arity` texts that gives a text.
fn text_function(
    name: &'static str,
    arity: usize,
    run: impl Fn(&[Option<&str>]) -> Option<String> + Send + Sync + 'static,
) -> ScalarUDF {
    array_function(name, vec![DataType::Utf8; arity], DataType::Utf8, move |args| {
        Ok(Arc::new(by_row(args, arity, &run)?.collect::<StringArray>()))
    })
}

/// Makes a function of `arity` texts that gives true or false.
fn boolean_function(
    name: &'static str,
    arity: usize,
    run: impl Fn(&[Option<&str>]) -> Option<bool> + Send + Sync + 'static,
) -> ScalarUDF {
    array_function(name, vec![DataType::Utf8; arity], DataType::Boolean, move |args| {
        Ok(Arc::new(by_row(args, arity, &run)?.collect::<BooleanArray>()))
    })
}

/// Runs a function of texts on one row after another.
fn by_row<T>(
    args: &[ArrayRef],
    arity: usize,
    run: impl Fn(&[Option<&str>]) -> T,
) -> Result<impl Iterator<Item = T>> {
    let columns =
        (0..arity).map(|index| texts(args, index)).collect::<Result<Vec<&StringArray>>>()?;
    let n_rows = columns.first().map_or(0, datafusion::arrow::array::Array::len);
    let mut values: Vec<Option<&str>> = vec![None; arity];
    Ok((0..n_rows).map(move |row| {
        for (value, column) in values.iter_mut().zip(&columns) {
            *value = column.is_valid(row).then(|| column.value(row));
        }
        run(&values)
    }))
}

/// Makes a function over whole columns; literal arguments are spread to the column's length.
fn array_function(
    name: &'static str,
    arguments: Vec<DataType>,
    returns: DataType,
    run: impl Fn(&[ArrayRef]) -> Result<ArrayRef> + Send + Sync + 'static,
) -> ScalarUDF {
    create_udf(
        name,
        arguments,
        returns,
        Volatility::Immutable,
        Arc::new(move |args: &[ColumnarValue]| {
            let is_scalar = args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
            let result = run(&ColumnarValue::values_to_arrays(args)?)?;
            if is_scalar {
                let value = datafusion::scalar::ScalarValue::try_from_array(&result, 0)?;
                return Ok(ColumnarValue::Scalar(value));
            }
            Ok(ColumnarValue::Array(result))
        }),
    )
}
