//! To and from `serde_json`, for the parts that clients send and get.

use super::{MAX_NESTING, Object, Value};

/// A number that the other side cannot hold: a big integer, or a float that is not finite.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a number or the nesting is out of range")]
pub struct NotRepresentable;

impl TryFrom<&serde_json::Value> for Value {
    type Error = NotRepresentable;

    /// Takes over a value. Integers above `i64` become big integers; nothing is made strict.
    fn try_from(value: &serde_json::Value) -> Result<Self, NotRepresentable> {
        from_serde(value, 0)
    }
}

impl TryFrom<&Value> for serde_json::Value {
    type Error = NotRepresentable;

    /// Hands a value over. Fails for a big integer that `u64` cannot hold.
    fn try_from(value: &Value) -> Result<Self, NotRepresentable> {
        Ok(match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Integer(number) => Self::from(*number),
            Value::BigInteger(digits) => Self::from(digits.parse::<u64>().map_err(|_| NotRepresentable)?),
            Value::Float(number) => {
                Self::Number(serde_json::Number::from_f64(*number).ok_or(NotRepresentable)?)
            }
            Value::String(text) => Self::String(text.to_string()),
            Value::Array(elements) => {
                Self::Array(elements.iter().map(Self::try_from).collect::<Result<_, _>>()?)
            }
            Value::Object(members) => Self::Object(
                members
                    .iter()
                    .map(|(key, value)| Ok((key.to_owned(), Self::try_from(value)?)))
                    .collect::<Result<_, NotRepresentable>>()?,
            ),
        })
    }
}

fn from_serde(value: &serde_json::Value, depth: usize) -> Result<Value, NotRepresentable> {
    use serde_json::Value as Serde;
    if depth > MAX_NESTING {
        return Err(NotRepresentable);
    }
    Ok(match value {
        Serde::Null => Value::Null,
        Serde::Bool(value) => Value::Bool(*value),
        Serde::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => Value::Integer(number),
            (None, Some(number), _) => Value::BigInteger(number.to_string().into()),
            (None, None, Some(number)) if number.is_finite() => Value::Float(number),
            _ => return Err(NotRepresentable),
        },
        Serde::String(text) => Value::from(text.as_str()),
        Serde::Array(elements) => Value::Array(
            elements.iter().map(|element| from_serde(element, depth + 1)).collect::<Result<_, _>>()?,
        ),
        Serde::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, value)| Ok((key.as_str(), from_serde(value, depth + 1)?)))
                .collect::<Result<Object, NotRepresentable>>()?,
        ),
    })
}
