//! Keeps what a newer version has added to a stored value when this version writes the value anew.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{decode, encode};
use crate::store::StoreError;

/// The fields by which an element of a list is known again although others of its fields have changed.
const IDENTITY: [&str; 5] = ["cause", "alert", "source", "fingerprint", "name"];

/// Writes `value` over `stored` as JSON: fields of `stored` that this version does not know stay.
pub(in crate::store) fn encode_over<T>(stored: &str, value: &T) -> Result<String, StoreError>
where
    T: Serialize + DeserializeOwned,
{
    let known = encode(&decode::<T>(stored)?)?;
    if known == stored {
        return encode(value);
    }
    let merged = keep(
        &decode(stored)?,
        &decode(&known)?,
        serde_json::to_value(value).map_err(StoreError::corrupt)?,
    );
    encode(&merged)
}

/// Adds to `new` what `stored` has and `known`, this version's reading of it, lacks.
fn keep(stored: &Value, known: &Value, new: Value) -> Value {
    match (stored, known, new) {
        (Value::Object(stored), Value::Object(known), Value::Object(new)) => {
            Value::Object(keep_fields(stored, known, new))
        }
        (Value::Array(stored), Value::Array(known), Value::Array(new)) => {
            let new = new.into_iter();
            Value::Array(
                new.map(|element| keep_element(stored, known, element))
                    .collect(),
            )
        }
        (_, _, new) => new,
    }
}

fn keep_fields(
    stored: &Map<String, Value>,
    known: &Map<String, Value>,
    mut new: Map<String, Value>,
) -> Map<String, Value> {
    for (name, stored) in stored {
        match (known.get(name), new.remove(name)) {
            (Some(known), Some(value)) => new.insert(name.clone(), keep(stored, known, value)),
            (None, Some(value)) => new.insert(name.clone(), value),
            (None, None) => new.insert(name.clone(), stored.clone()),
            (Some(_), None) => None,
        };
    }
    new
}

/// An element that is new has nothing to keep.
fn keep_element(stored: &[Value], known: &[Value], new: Value) -> Value {
    let before = stored
        .iter()
        .zip(known)
        .find(|(_, known)| is_same(known, &new));
    match before {
        Some((stored, known)) => keep(stored, known, new),
        None => new,
    }
}

/// Whether both are about the same thing: all that names it is equal.
fn is_same(one: &Value, other: &Value) -> bool {
    let (Some(one), Some(other)) = (one.as_object(), other.as_object()) else {
        return false;
    };
    IDENTITY
        .iter()
        .all(|name| match (one.get(*name), other.get(*name)) {
            (Some(one @ Value::Object(_)), Some(other @ Value::Object(_))) => is_same(one, other),
            (one, other) => one == other,
        })
}

#[cfg(test)]
mod tests;
