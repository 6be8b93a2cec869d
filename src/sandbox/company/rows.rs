//! Many rows of one file, each packed into one text.
//!
//! A company of a million people has some nine million rows of up to forty texts, most of them
//! empty. As structs they would take several times the room of the files that they end in.

use std::marker::PhantomData;

use super::records::Row;

/// Parts the cells of a row; nothing that is made up contains it.
const SEPARATOR: char = '\u{1f}';

/// The rows of one file in the order in which they were made.
#[derive(Clone, Debug)]
pub struct Rows<R> {
    packed: Vec<Box<str>>,
    kind: PhantomData<R>,
}

impl<R> Default for Rows<R> {
    fn default() -> Self {
        Self { packed: Vec::new(), kind: PhantomData }
    }
}

impl<R: Row> Rows<R> {
    pub fn len(&self) -> usize {
        self.packed.len()
    }

    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    #[expect(clippy::needless_pass_by_value, reason = "the row's own texts are let go here")]
    pub fn push(&mut self, row: R) {
        self.packed.push(pack(&row));
    }

    pub fn pop(&mut self) -> Option<R> {
        self.packed.pop().map(|packed| unpack(&packed))
    }

    /// Returns a copy of the row at `position`, which must be one that was pushed.
    pub fn get(&self, position: usize) -> R {
        unpack(&self.packed[position])
    }

    /// Returns the first cell of the row at `position`: its id.
    pub fn id(&self, position: usize) -> String {
        id(&self.packed[position]).to_owned()
    }

    /// Takes the place of the row at `position`.
    #[expect(clippy::needless_pass_by_value, reason = "the row's own texts are let go here")]
    pub fn put(&mut self, position: usize, row: R) {
        self.packed[position] = pack(&row);
    }

    /// Changes the row at `position`.
    pub fn update(&mut self, position: usize, change: impl FnOnce(&mut R)) {
        let mut row = self.get(position);
        change(&mut row);
        self.put(position, row);
    }

    pub fn iter(&self) -> impl Iterator<Item = R> + '_ {
        self.packed.iter().map(|packed| unpack(packed))
    }

    /// Returns each row's cells, by ascending id; rows that share an id stay in their order.
    pub fn by_id(&self) -> impl Iterator<Item = impl Iterator<Item = &str>> {
        let mut ordered: Vec<&str> = self.packed.iter().map(AsRef::as_ref).collect();
        // Numeric ids order as numbers when the shorter comes first.
        ordered.sort_by_key(|packed| (id(packed).len(), id(packed)));
        ordered.into_iter().map(|packed| packed.split(SEPARATOR))
    }
}

impl<R: Row> FromIterator<R> for Rows<R> {
    fn from_iter<I: IntoIterator<Item = R>>(rows: I) -> Self {
        let packed = rows.into_iter().map(|row| pack(&row)).collect();
        Self { packed, kind: PhantomData }
    }
}

fn pack<R: Row>(row: &R) -> Box<str> {
    let cells = row.cells();
    let mut text = String::with_capacity(cells.iter().map(|cell| cell.len() + 1).sum());
    for (position, cell) in cells.into_iter().enumerate() {
        if position > 0 {
            text.push(SEPARATOR);
        }
        text.push_str(cell);
    }
    text.into_boxed_str()
}

fn unpack<R: Row>(packed: &str) -> R {
    R::of_cells(&mut packed.split(SEPARATOR))
}

fn id(packed: &str) -> &str {
    packed.split(SEPARATOR).next().unwrap_or_default()
}
