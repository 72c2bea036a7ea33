//! Reading a table key by key: every fault is kept, and so is every key that nobody asked for.

use super::document::{Document, Leaf, Node, Table, Value};
use super::faults::Faults;

/// The nearest valid name is offered when it is at least this like the unknown one.
const LIKENESS: f64 = 0.75;

/// A table that is being read. Dropped, it complains of the keys that are left over.
pub(super) struct Section<'a> {
    path: String,
    origin: String,
    table: Table,
    known: Vec<&'static str>,
    faults: &'a mut Faults,
}

impl<'a> Section<'a> {
    /// The document's top.
    pub(super) fn root(document: Document, faults: &'a mut Faults) -> Self {
        Self::new(
            String::new(),
            "the configuration".to_owned(),
            document.0,
            faults,
        )
    }

    fn new(path: String, origin: String, table: Table, faults: &'a mut Faults) -> Self {
        Self {
            path,
            origin,
            table,
            known: Vec::new(),
            faults,
        }
    }

    /// The value at `key`; `None` when it is absent or wrong, and then the fault is kept.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Leaf) -> Result<T, String>,
    ) -> Option<T> {
        if !self.table.contains_key(key) {
            let what = format!("{} is missing", self.name_of(key));
            self.faults.add(&self.origin, &what);
        }
        self.optional(key, read)
    }

    /// The value at `key`; `None` when it is absent, or wrong, and then the fault is kept.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Leaf) -> Result<T, String>,
    ) -> Option<T> {
        let (name, node) = (self.name_of(key), self.take(key)?);
        let result = match &node.value {
            Value::Leaf(leaf) => read(leaf),
            Value::Table(_) => Err("a value, not a table".to_owned()),
        };
        result
            .map_err(|expected| {
                self.faults
                    .add(&node.origin, &format!("{name} should be {expected}"))
            })
            .ok()
    }

    /// The table at `key`.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_>) -> Option<T>,
    ) -> Option<T> {
        let node = self.take(key)?;
        self.enter(key, node, read)
    }

    /// Each table in the table at `key`, whose keys are names.
    pub(super) fn each<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&str, &mut Section<'_>) -> Result<Option<T>, &'static str>,
    ) -> Option<Vec<T>> {
        self.section(key, |section| {
            let mut all = Vec::new();
            for (name, node) in std::mem::take(&mut section.table) {
                let origin = node.origin.clone();
                let read_one = |inner: &mut Section<'_>| match read(&name, inner) {
                    Ok(one) => one,
                    Err(expected) => {
                        inner.table.clear();
                        inner
                            .faults
                            .add(&origin, &format!("{}: {expected}", inner.path));
                        None
                    }
                };
                all.extend(section.enter(&name, node, read_one));
            }
            Some(all)
        })
    }

    fn enter<T>(
        &mut self,
        key: &str,
        node: Node,
        read: impl FnOnce(&mut Section<'_>) -> Option<T>,
    ) -> Option<T> {
        let path = self.name_of(key);
        match node.value {
            Value::Table(table) => read(&mut Section::new(path, node.origin, table, self.faults)),
            Value::Leaf(_) => {
                self.faults
                    .add(&node.origin, &format!("{path} should be a table"));
                None
            }
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        self.table.remove(key)
    }

    fn name_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        for (key, node) in &self.table {
            let likeness = |known: &&&str| strsim::jaro_winkler(key, known);
            let nearest = self
                .known
                .iter()
                .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
            let hint = match nearest.filter(|known| likeness(known) >= LIKENESS) {
                Some(known) => format!("; did you mean {}?", self.name_of(known)),
                None => String::new(),
            };
            self.faults.add(
                &node.origin,
                &format!("unknown key {}{hint}", self.name_of(key)),
            );
        }
    }
}
