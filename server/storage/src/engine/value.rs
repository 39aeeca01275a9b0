use bytes::Bytes;
use ruma::{
    DeviceId, EventId, OwnedDeviceId, OwnedEventId, OwnedRoomAliasId, OwnedRoomId, OwnedServerName,
    OwnedUserId, RoomAliasId, RoomId, RoomVersionId, ServerName, UserId,
};
use serde::Serialize;

/// A value bound to a statement's placeholder.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// No value. PostgreSQL wants to know of what type.
    Null(Type),
    Bool(bool),
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// The four types of column that both engines share: BOOLEAN, BIGINT, TEXT, BYTEA.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Type {
    Bool,
    Int,
    Text,
    Blob,
}

impl Value {
    /// A list as one parameter, for `IN (SELECT value FROM json_each($1))`. For numbers write `CAST(value AS BIGINT)`.
    ///
    /// A zero character anywhere in it makes it a text that is refused ([`Value::holds_zero`]): in JSON it is written as
    /// another one.
    pub(crate) fn list<T: Serialize>(items: impl IntoIterator<Item = T>) -> Self {
        let items = items.into_iter().map(|item| serde_json::to_value(item).unwrap_or_default()).collect();
        let list = serde_json::Value::Array(items);
        Self::Text(if json_holds_zero(&list) { "\0".to_owned() } else { list.to_string() })
    }

    /// Whether it is a text with a zero character, which PostgreSQL knows no way to say.
    pub(crate) fn holds_zero(&self) -> bool {
        matches!(self, Self::Text(text) if text.contains('\0'))
    }

    /// Size of what is bound, for the bound on a batch.
    pub(crate) fn size_bytes(&self) -> usize {
        match self {
            Self::Null(_) | Self::Bool(_) => 1,
            Self::Int(_) => 8,
            Self::Text(text) => text.len(),
            Self::Blob(bytes) => bytes.len(),
        }
    }
}

fn json_holds_zero(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(json_holds_zero),
        serde_json::Value::Object(members) => {
            members.iter().any(|(key, value)| key.contains('\0') || json_holds_zero(value))
        }
        _ => false,
    }
}

/// Collects the values of a statement's placeholders: `args![user_id, device_id, Some(7)]`.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::engine::Value::from($value)),*] };
}
pub(crate) use args;

/// Says which type a Rust type is stored as, so that `None` can be bound.
pub(crate) trait Stored {
    const TYPE: Type;
}

macro_rules! stored {
    ($($rust:ty => $variant:ident, |$value:ident| $convert:expr;)*) => {$(
        impl Stored for $rust {
            const TYPE: Type = Type::$variant;
        }
        impl From<$rust> for Value {
            fn from($value: $rust) -> Self {
                Self::$variant($convert)
            }
        }
    )*};
}

stored! {
    bool => Bool, |value| value;
    i64 => Int, |value| value;
    u32 => Int, |value| i64::from(value);
    String => Text, |value| value;
    &String => Text, |value| value.clone();
    &str => Text, |value| value.to_owned();
    Vec<u8> => Blob, |value| value;
    &[u8] => Blob, |value| value.to_vec();
    &Vec<u8> => Blob, |value| value.clone();
    &Bytes => Blob, |value| value.to_vec();
    &RoomVersionId => Text, |value| value.as_str().to_owned();
}

macro_rules! stored_identifiers {
    ($($borrowed:ty, $owned:ty;)*) => {
        stored! {$(
            &$borrowed => Text, |value| value.as_str().to_owned();
            &$owned => Text, |value| value.as_str().to_owned();
            $owned => Text, |value| value.as_str().to_owned();
        )*}
    };
}

stored_identifiers! {
    DeviceId, OwnedDeviceId;
    EventId, OwnedEventId;
    RoomAliasId, OwnedRoomAliasId;
    RoomId, OwnedRoomId;
    ServerName, OwnedServerName;
    UserId, OwnedUserId;
}

impl<T: Stored> From<Option<T>> for Value
where
    Self: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null(T::TYPE), Self::from)
    }
}

impl<const N: usize> Stored for [u8; N] {
    const TYPE: Type = Type::Blob;
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Self::Blob(value.to_vec())
    }
}
