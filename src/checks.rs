//! The checks that the schemas of the configuration and of the control API's requests name with `x-check`, and
//! the readers that know them.

use crate::commands::stubs;
use crate::strict::{Check, Reader, StrictRead};
use crate::{config, stub};
use dashmap::DashMap;
use std::any::{Any, TypeId};
use std::sync::{Arc, LazyLock};

/// All checks.
pub(crate) const CHECKS: &[Check] = &[
    config::ADDRESS,
    config::HOST_NAMES,
    config::HTTP_URL,
    stub::TEMPLATES,
    stubs::NAMES,
];

/// The reader of a type, from a cache, because to make a reader takes long.
pub(crate) fn reader<T: StrictRead>() -> Arc<Reader<T>> {
    static READERS: LazyLock<DashMap<TypeId, Arc<dyn Any + Send + Sync>>> =
        LazyLock::new(DashMap::new);
    let new = || Arc::new(Reader::<T>::new(CHECKS)) as Arc<dyn Any + Send + Sync>;
    let reader = Arc::clone(&READERS.entry(TypeId::of::<T>()).or_insert_with(new));
    reader.downcast().expect("the key is the reader's type")
}
