//! A walk over a TOML file that remembers places and collects every mistake.
//!
//! Readers return `None` once they have noted a problem, so that a caller carries on and the next
//! mistake is found in the same pass. Nothing is used unless the whole file was clean.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::Problem;

/// One file being read.
pub(super) struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    problems: RefCell<Vec<Problem>>,
    /// Keys that were asked for, by the table's name; the JSON Schema is compared with them.
    asked: RefCell<BTreeMap<String, BTreeSet<String>>>,
}

/// A value with its place.
#[derive(Clone)]
pub(super) struct Node<'a> {
    /// Dotted name of the table that holds it, as messages show it.
    pub holder: String,
    pub key: String,
    pub span: Range<usize>,
    pub value: &'a DeValue<'a>,
}

/// A table whose keys are asked for one by one; [`Table::finish`] reports those nobody asked for.
pub(super) struct Table<'r, 'a> {
    pub reader: &'r Reader<'a>,
    /// Dotted name, as messages show it; empty for the file itself.
    pub name: String,
    pub span: Range<usize>,
    /// `None` for a section that the file leaves out.
    entries: Option<&'a DeTable<'a>>,
    asked: RefCell<Vec<String>>,
}

impl<'a> Reader<'a> {
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, problems: RefCell::default(), asked: RefCell::default() }
    }

    /// Notes a mistake at `span`.
    pub fn problem(
        &self,
        span: &Range<usize>,
        name: &str,
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        let (line, column) = self.place(span.start);
        self.problems.borrow_mut().push(Problem {
            file: self.file.to_owned(),
            line,
            column,
            name: name.to_owned(),
            message: message.into(),
            hint: hint.into(),
        });
    }

    /// Notes a file that is not TOML. The parser's own picture of the line is left out: it could
    /// show a secret.
    pub fn syntax_problem(&self, error: &toml::de::Error) {
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        self.problem(&error.span().unwrap_or(0..0), "", format!("not TOML: {message}"), None);
    }

    /// Returns line and column of a byte, both counted from one.
    pub fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        (line, before.get(line_start..).unwrap_or_default().chars().count() + 1)
    }

    pub fn root<'r>(&'r self, entries: &'a DeTable<'a>) -> Table<'r, 'a> {
        let entries = Some(entries);
        Table { reader: self, name: String::new(), span: 0..0, entries, asked: RefCell::default() }
    }

    /// Opens a node that must be a table, to be called `name` in messages.
    pub fn table<'r>(&'r self, node: &Node<'a>, name: String) -> Option<Table<'r, 'a>> {
        let Some(entries) = node.value.as_table() else {
            self.wrong_type(node, "a table");
            return None;
        };
        let span = node.span.clone();
        Some(Table { reader: self, name, span, entries: Some(entries), asked: RefCell::default() })
    }

    pub fn wrong_type(&self, node: &Node<'_>, expected: &str) {
        let found = type_word(node.value);
        let message = format!("expected {expected}, found {found}: `{}`", node.key);
        self.problem(&node.span, &node.holder, message, None);
    }

    /// Returns the keys that tables were asked for, by the table's name.
    #[cfg(test)]
    pub fn asked(&self) -> BTreeMap<String, BTreeSet<String>> {
        self.asked.borrow().clone()
    }

    /// Returns the problems in the order of the file.
    pub fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        problems
    }
}

impl<'r, 'a> Table<'r, 'a> {
    /// Returns the value of `key`, where the file has one.
    pub fn get(&self, key: &str) -> Option<Node<'a>> {
        self.asked.borrow_mut().push(key.to_owned());
        let (key, value) = self.entries?.get_key_value(key)?;
        Some(self.node(key.get_ref(), value))
    }

    /// Returns the value of `key`, or notes that it is missing.
    pub fn need(&self, key: &str) -> Option<Node<'a>> {
        let node = self.get(key);
        if node.is_none() {
            self.problem(format!("missing: `{key}`"), None);
        }
        node
    }

    /// Reads `key` where the file has it, and takes `default` where it has not.
    pub fn or<T>(
        &self,
        key: &str,
        default: T,
        read: impl FnOnce(&'r Reader<'a>, &Node<'a>) -> Option<T>,
    ) -> Option<T> {
        match self.get(key) {
            Some(node) => read(self.reader, &node),
            None => Some(default),
        }
    }

    /// Reads `key`, which must be there.
    pub fn read<T>(
        &self,
        key: &str,
        read: impl FnOnce(&'r Reader<'a>, &Node<'a>) -> Option<T>,
    ) -> Option<T> {
        read(self.reader, &self.need(key)?)
    }

    /// Opens the table at `key`, or an empty one where the file has none.
    pub fn section(&self, key: &str) -> Option<Table<'r, 'a>> {
        match self.get(key) {
            Some(node) => self.reader.table(&node, self.child_name(key)),
            None => Some(self.empty(self.child_name(key))),
        }
    }

    /// Returns every entry in the order of the file, for tables whose keys are names.
    pub fn entries(&self) -> Vec<Node<'a>> {
        let mut nodes: Vec<(usize, Node<'a>)> = self
            .entries
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.span().start, self.node(key.get_ref(), value)))
            .collect();
        nodes.sort_by_key(|(start, _)| *start);
        let mut asked = self.asked.borrow_mut();
        asked.extend(nodes.iter().map(|(_, node)| node.key.clone()));
        nodes.into_iter().map(|(_, node)| node).collect()
    }

    /// Returns the place where `key` itself is written.
    pub fn key_span(&self, key: &str) -> Range<usize> {
        let found = self.entries.and_then(|entries| entries.get_key_value(key));
        found.map_or_else(|| self.span.clone(), |(key, _)| key.span())
    }

    pub fn child_name(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// Notes a mistake of the table as a whole.
    pub fn problem(&self, message: impl Into<String>, hint: impl Into<Option<String>>) {
        self.reader.problem(&self.span, &self.name, message, hint);
    }

    /// Reports keys that nobody asked for.
    pub fn finish(self) {
        let asked = self.asked.into_inner();
        for (key, _) in self.entries.into_iter().flatten() {
            if !asked.iter().any(|known| known == key.get_ref()) {
                let known: Vec<&str> = asked.iter().map(String::as_str).collect();
                self.reader.problem(
                    &key.span(),
                    &self.name,
                    format!("unknown key: `{}`", key.get_ref()),
                    suggestion(key.get_ref(), &known),
                );
            }
        }
        self.reader.asked.borrow_mut().entry(self.name).or_default().extend(asked);
    }

    fn node(&self, key: &str, value: &'a toml::Spanned<DeValue<'a>>) -> Node<'a> {
        Node {
            holder: self.name.clone(),
            key: key.to_owned(),
            span: value.span(),
            value: value.get_ref(),
        }
    }

    fn empty(&self, name: String) -> Table<'r, 'a> {
        let span = self.span.clone();
        Table { reader: self.reader, name, span, entries: None, asked: RefCell::default() }
    }
}

/// Returns the line of every dotted name in a file.
pub(super) fn lines_by_name(reader: &Reader<'_>, root: &DeTable<'_>) -> BTreeMap<String, usize> {
    fn walk(
        reader: &Reader<'_>,
        prefix: &str,
        table: &DeTable<'_>,
        lines: &mut BTreeMap<String, usize>,
    ) {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            if let Some(inner) = value.get_ref().as_table() {
                walk(reader, &format!("{name}."), inner, lines);
            }
            lines.insert(name, reader.place(key.span().start).0);
        }
    }
    let mut lines = BTreeMap::new();
    walk(reader, "", root, &mut lines);
    lines
}

/// Says which of `known` was probably meant, or lists them where they are few.
pub fn suggestion(given: &str, known: &[&str]) -> Option<String> {
    let given = given.to_lowercase();
    let nearest = known
        .iter()
        .map(|word| (strsim::jaro_winkler(&given, &word.to_lowercase()), *word))
        .max_by(|left, right| left.0.total_cmp(&right.0));
    match nearest {
        Some((score, word)) if score > 0.85 => Some(format!("did you mean `{word}`?")),
        _ if known.is_empty() || known.len() > N_WORDS_LISTED_MAX => None,
        _ => Some(format!("known here: {}", quoted(known))),
    }
}

/// Writes words as a list in backticks.
pub(super) fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// A longer list helps nobody to spot a slip.
const N_WORDS_LISTED_MAX: usize = 20;

fn type_word(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
