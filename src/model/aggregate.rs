//! `connected_components(left, right)` and `separated_components(left, right, strength)` as DataFusion
//! aggregates.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, ListArray, StringArray, StructArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Fields, Int64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Accumulator, AggregateUDF, Volatility, create_udaf};
use datafusion::scalar::ScalarValue;

use crate::identity::components::Components;
use crate::identity::separate::{Tie, separate};

/// Makes `connected_components(left, right)`: over all edges, a list of
/// `{member, component}`, one for each node, where a component is named by its smallest member.
/// Rows with a null end are left out.
pub fn connected_components() -> AggregateUDF {
    create_udaf(
        "connected_components",
        vec![DataType::Utf8, DataType::Utf8],
        Arc::new(list_type(member_fields())),
        Volatility::Immutable,
        Arc::new(|_| Ok(Box::new(ComponentsAccumulator(Components::default())))),
        Arc::new(vec![list_type(member_fields())]),
    )
}

/// Makes `separated_components(left, right, strength)`: as [`connected_components`], but records that
/// a tie of strength 0 knows to be different are kept apart ([`crate::identity::separate`]).
/// Rows with a null are left out.
pub fn separated_components() -> AggregateUDF {
    create_udaf(
        "separated_components",
        vec![DataType::Utf8, DataType::Utf8, DataType::Int64],
        Arc::new(list_type(member_fields())),
        Volatility::Immutable,
        Arc::new(|_| Ok(Box::new(TiesAccumulator(BTreeSet::new())))),
        Arc::new(vec![list_type(tie_fields())]),
    )
}

fn member_fields() -> Fields {
    vec![Field::new("member", DataType::Utf8, true), Field::new("component", DataType::Utf8, true)]
        .into()
}

fn tie_fields() -> Fields {
    vec![
        Field::new("left", DataType::Utf8, true),
        Field::new("right", DataType::Utf8, true),
        Field::new("strength", DataType::Int64, true),
    ]
    .into()
}

fn item_field(fields: Fields) -> Arc<Field> {
    Arc::new(Field::new_list_field(DataType::Struct(fields), true))
}

fn list_type(fields: Fields) -> DataType {
    DataType::List(item_field(fields))
}

/// Makes one list of structs out of columns.
fn list(fields: Fields, columns: Vec<ArrayRef>) -> ScalarValue {
    let n_items = columns.first().map_or(0, Array::len);
    let structs = StructArray::new(fields.clone(), columns, None);
    let offsets = OffsetBuffer::from_lengths([n_items]);
    ScalarValue::List(Arc::new(ListArray::new(
        item_field(fields),
        offsets,
        Arc::new(structs),
        None,
    )))
}

fn member_list(members: Vec<(String, String)>) -> ScalarValue {
    let (member, component): (Vec<String>, Vec<String>) = members.into_iter().unzip();
    list(
        member_fields(),
        vec![Arc::new(StringArray::from(member)), Arc::new(StringArray::from(component))],
    )
}

#[derive(Debug)]
struct ComponentsAccumulator(Components);

impl ComponentsAccumulator {
    fn join(&mut self, left: &StringArray, right: &StringArray) {
        for row in 0..left.len() {
            if left.is_valid(row) && right.is_valid(row) {
                self.0.join(left.value(row), right.value(row));
            }
        }
    }
}

impl Accumulator for ComponentsAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [left, right] = values else {
            return Err(DataFusionError::Internal("connected_components takes two columns".into()));
        };
        self.join(left.as_string::<i32>(), right.as_string::<i32>());
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(member_list(self.0.members()))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.0.size()
    }

    /// A part's members with their components are edges that give the same components again.
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![member_list(self.0.members())])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some(lists) = states.first() else { return Ok(()) };
        for part in lists.as_list::<i32>().iter().flatten() {
            let members = part.as_struct();
            let (left, right) = (members.column(0), members.column(1));
            self.join(left.as_string::<i32>(), right.as_string::<i32>());
        }
        Ok(())
    }
}

#[derive(Debug)]
struct TiesAccumulator(BTreeSet<Tie>);

impl TiesAccumulator {
    fn add(&mut self, left: &StringArray, right: &StringArray, strength: &Int64Array) {
        for row in 0..left.len() {
            if left.is_valid(row) && right.is_valid(row) && strength.is_valid(row) {
                self.0.insert(Tie {
                    left: left.value(row).to_owned(),
                    right: right.value(row).to_owned(),
                    strength: strength.value(row),
                });
            }
        }
    }

    fn ties(&self) -> Vec<Tie> {
        self.0.iter().cloned().collect()
    }
}

impl Accumulator for TiesAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [left, right, strength] = values else {
            let message = "separated_components takes three columns";
            return Err(DataFusionError::Internal(message.into()));
        };
        self.add(
            left.as_string::<i32>(),
            right.as_string::<i32>(),
            strength.as_primitive::<Int64Type>(),
        );
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(member_list(separate(&self.ties())))
    }

    fn size(&self) -> usize {
        let text: usize = self.0.iter().map(|tie| tie.left.capacity() + tie.right.capacity()).sum();
        size_of_val(self) + text + self.0.len() * size_of::<Tie>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let texts = |text: fn(&Tie) -> &str| -> ArrayRef {
            Arc::new(self.0.iter().map(|tie| Some(text(tie))).collect::<StringArray>())
        };
        let strengths: Int64Array = self.0.iter().map(|tie| Some(tie.strength)).collect();
        let columns =
            vec![texts(|t| &t.left), texts(|t| &t.right), Arc::new(strengths) as ArrayRef];
        Ok(vec![list(tie_fields(), columns)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some(lists) = states.first() else { return Ok(()) };
        for part in lists.as_list::<i32>().iter().flatten() {
            let ties = part.as_struct();
            self.add(
                ties.column(0).as_string::<i32>(),
                ties.column(1).as_string::<i32>(),
                ties.column(2).as_primitive::<Int64Type>(),
            );
        }
        Ok(())
    }
}
