//! How records are named and written in a store.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use crate::domain::target::Target;

mod keep;

pub(super) use keep::encode_over;

/// Between the parts of a key; no name can contain it.
const SEPARATOR: char = '\0';

/// The key of a target: its parts in the order in which targets sort, so that a place and an app are key ranges.
pub(super) fn key(target: &Target) -> String {
    let endpoint = target.endpoint.as_ref().map_or("", |name| name.as_str());
    format!(
        "{}{SEPARATOR}{}{SEPARATOR}{endpoint}",
        target.app, target.environment
    )
}

/// Writes a value as JSON.
pub(super) fn encode(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(StoreError::corrupt)
}

/// Reads a value from JSON.
pub(super) fn decode<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(StoreError::corrupt)
}

#[cfg(test)]
mod tests;
