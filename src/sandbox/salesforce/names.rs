//! The full name of a person, which the platform puts together itself.

use rusqlite::types::Value as Cell;

use super::schema::Object;

/// Sets `Name` from `FirstName` and `LastName` where the object keeps all of them.
pub fn compute(object: &Object, cells: &mut [Cell]) {
    let (Some(name), Some(last)) = (object.position("Name"), object.position("LastName")) else {
        return;
    };
    let part = |index: Option<usize>| match index.and_then(|index| cells.get(index)) {
        Some(Cell::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let full: Vec<String> =
        [part(object.position("FirstName")), part(Some(last))].into_iter().flatten().collect();
    if let Some(slot) = cells.get_mut(name)
        && !full.is_empty()
    {
        *slot = Cell::Text(full.join(" "));
    }
}
