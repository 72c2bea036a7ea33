//! JSON whose leaves are of another type. The order of the keys of a built-in stub's answer stays.

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::fmt;
use std::marker::PhantomData;

/// JSON with leaves of type `L`.
#[derive(Clone, Debug)]
pub(super) enum Tree<L> {
    Leaf(L),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl<L: Serialize> Serialize for Tree<L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Leaf(leaf) => leaf.serialize(serializer),
            Self::List(entries) => serializer.collect_seq(entries),
            Self::Object(fields) => {
                serializer.collect_map(fields.iter().map(|(key, value)| (key, value)))
            }
        }
    }
}

/// Converts each leaf where it is read, so that an error has its place.
impl<'de, L: TryFrom<Value, Error = String>> Deserialize<'de> for Tree<L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TreeVisitor<L>(PhantomData<L>);

        fn leaf<L: TryFrom<Value, Error = String>, E: Error>(
            value: impl Into<Value>,
        ) -> Result<Tree<L>, E> {
            L::try_from(value.into()).map(Tree::Leaf).map_err(E::custom)
        }

        impl<'de, L: TryFrom<Value, Error = String>> Visitor<'de> for TreeVisitor<L> {
            type Value = Tree<L>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E: Error>(self) -> Result<Tree<L>, E> {
                leaf(Value::Null)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Tree<L>, E> {
                leaf(value)
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Tree<L>, E> {
                leaf(value)
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Tree<L>, E> {
                leaf(value)
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Tree<L>, E> {
                leaf(value)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Tree<L>, E> {
                leaf(text)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree<L>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = seq.next_element()? {
                    entries.push(entry);
                }
                Ok(Tree::List(entries))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree<L>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Tree::Object(fields))
            }
        }

        deserializer.deserialize_any(TreeVisitor(PhantomData))
    }
}
