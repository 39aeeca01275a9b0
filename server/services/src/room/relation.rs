//! What a content says that its event is to another one:
//! <https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events>.

use myelin_core::json::{Object, Value};
use ruma::{EventId, OwnedEventId};

/// A relation, as far as its parts can be in the database.
pub(super) struct Relation<'a> {
    /// The `rel_type`.
    pub(super) kind: &'a str,
    pub(super) target: OwnedEventId,
    /// What an annotation says of its target.
    pub(super) key: Option<&'a str>,
}

impl<'a> Relation<'a> {
    pub(super) fn of(content: &'a Object) -> Option<Self> {
        let relates_to = content.get("m.relates_to")?;
        let kind = relates_to.get("rel_type")?.as_str()?;
        let target = EventId::parse(relates_to.get("event_id")?.as_str()?).ok()?;
        if kind.contains('\0') || target.as_str().contains('\0') {
            return None;
        }
        let key = relates_to.get("key").and_then(Value::as_str);
        let key = key.filter(|key| kind == "m.annotation" && !key.contains('\0'));
        Some(Self { kind, target, key })
    }
}
