//! `connected_components(left, right)` as a DataFusion aggregate.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, StringArray, StructArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Accumulator, AggregateUDF, Volatility, create_udaf};
use datafusion::scalar::ScalarValue;

use crate::identity::components::Components;

/// Makes `connected_components(left, right)`: over all edges, a list of
/// `{member, component}`, one for each node, where a component is named by its smallest member.
/// Rows with a null end are left out.
pub fn connected_components() -> AggregateUDF {
    create_udaf(
        "connected_components",
        vec![DataType::Utf8, DataType::Utf8],
        Arc::new(list_type()),
        Volatility::Immutable,
        Arc::new(|_| Ok(Box::new(ComponentsAccumulator(Components::default())))),
        Arc::new(vec![list_type()]),
    )
}

fn member_fields() -> Fields {
    vec![Field::new("member", DataType::Utf8, true), Field::new("component", DataType::Utf8, true)]
        .into()
}

fn item_field() -> Arc<Field> {
    Arc::new(Field::new_list_field(DataType::Struct(member_fields()), true))
}

fn list_type() -> DataType {
    DataType::List(item_field())
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

    fn list(&mut self) -> ScalarValue {
        let members = self.0.members();
        let n_members = members.len();
        let (left, right): (Vec<String>, Vec<String>) = members.into_iter().unzip();
        let columns: Vec<ArrayRef> =
            vec![Arc::new(StringArray::from(left)), Arc::new(StringArray::from(right))];
        let structs = StructArray::new(member_fields(), columns, None);
        let list = ListArray::new(
            item_field(),
            OffsetBuffer::from_lengths([n_members]),
            Arc::new(structs),
            None,
        );
        ScalarValue::List(Arc::new(list))
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
        Ok(self.list())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.0.size()
    }

    /// A part's members with their components are edges that give the same components again.
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.list()])
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
