//! Deserializers of request fields that accept what published clients send: `null`, `""`, and numbers
//! and lists in another form.

use super::object::Object;
use serde::Deserialize;
use serde::de::{self, Deserializer};
use smol_str::SmolStr;
use std::fmt;

/// A list of JSON objects.
pub(crate) fn objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let objects = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(objects.into_iter().map(|Object(object)| object).collect())
}

/// An optional list of JSON objects. `null` is an empty list.
pub(crate) fn optional_objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let objects = Option::<Vec<Object<T>>>::deserialize(deserializer)?;
    let objects = objects.unwrap_or_default().into_iter();
    Ok(objects.map(|Object(object)| object).collect())
}

/// An optional text. `null` and `""` are `None`.
pub(crate) fn text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SmolStr>, D::Error> {
    let text = Option::<SmolStr>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()))
}

/// An optional list of names. One name without a list is a list of one; `null` and `""` are an empty
/// list.
pub(crate) fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SmolStr>, D::Error> {
    struct Names;

    impl<'de> de::Visitor<'de> for Names {
        type Value = Vec<SmolStr>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of strings")
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(de::value::SeqAccessDeserializer::new(list))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            let one = (!text.is_empty()).then(|| text.into());
            Ok(Vec::from_iter(one))
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }
    }

    deserializer.deserialize_any(Names)
}

/// An optional integer; a decimal string is accepted, too. `null` and `""` are `None`.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_any(Integer { takes_digits: true })
}

/// An optional integer. `null` and `""` are `None`.
pub(crate) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_any(Integer {
        takes_digits: false,
    })
}

struct Integer {
    /// Whether a decimal string is accepted.
    takes_digits: bool,
}

impl de::Visitor<'_> for Integer {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        i64::try_from(number)
            .map(Some)
            .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let number = text.parse().ok().filter(|_| self.takes_digits);
        if number.is_some() || text.is_empty() {
            return Ok(number);
        }
        Err(E::invalid_type(de::Unexpected::Str(text), &self))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
