//! What other events say about an event, in sum:
//! <https://spec.matrix.org/v1.19/client-server-api/#aggregations-of-child-events>.

use std::collections::HashMap;

use myelin_core::Event;
use myelin_storage::{EventNid, ReadTxn, StorageError, relations};
use ruma::{OwnedEventId, UserId};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{Reader, Shown};
use crate::client_event::{self, Form, Unsigned};

#[derive(Default, Serialize)]
struct Aggregation {
    /// The newest edit, whole.
    #[serde(rename = "m.replace", skip_serializing_if = "Option::is_none")]
    edit: Option<Box<RawValue>>,
    #[serde(rename = "m.thread", skip_serializing_if = "Option::is_none")]
    thread: Option<ThreadSummary>,
    #[serde(rename = "m.reference", skip_serializing_if = "Option::is_none")]
    references: Option<References>,
}

#[derive(Serialize)]
struct ThreadSummary {
    latest_event: Box<RawValue>,
    count: i64,
    current_user_participated: bool,
}

#[derive(Default, Serialize)]
struct References {
    chunk: Vec<Reference>,
}

#[derive(Serialize)]
struct Reference {
    event_id: OwnedEventId,
}

impl Aggregation {
    fn write(&self) -> Box<RawValue> {
        to_raw_value(self).expect("an aggregation has no map with keys that are no text")
    }
}

impl Reader<'_> {
    /// The `m.relations` of those of the events that have any. Most pages have none, which costs one query.
    pub(super) async fn aggregate(
        &self,
        txn: &mut ReadTxn,
        shown: &[Shown],
        form: Form,
    ) -> Result<HashMap<EventNid, Box<RawValue>>, StorageError> {
        if shown.is_empty() {
            return Ok(HashMap::new());
        }
        let all: Vec<EventNid> = shown.iter().map(|shown| shown.nid).collect();
        let targets = relations::list_targets(txn, self.room, &all).await?;
        if targets.is_empty() {
            return Ok(HashMap::new());
        }
        let ignored: Vec<&UserId> = self.ignored.iter().collect();
        let mut threads = match ignored.is_empty() {
            true => relations::list_threads_of(txn, self.room, &targets, self.user_id).await?,
            false => {
                relations::list_threads_without(txn, self.room, &targets, self.user_id, &ignored).await?
            }
        };
        // Who left does not learn what was said since.
        threads.retain(|thread| thread.latest_position <= self.until);
        let mut edited: Vec<EventNid> = threads.iter().map(|thread| thread.latest).collect();
        let is_redacted = |shown: &Shown| shown.redacted_by.is_some() || shown.is_erased;
        let redacted = |nid: &EventNid| shown.iter().any(|shown| shown.nid == *nid && is_redacted(shown));
        edited.extend(targets.iter().filter(|nid| !redacted(nid)));
        let edits: HashMap<EventNid, EventNid> =
            relations::list_edits(txn, self.room, &edited, self.until).await?.into_iter().collect();
        let wanted = edits.values().copied().chain(threads.iter().map(|thread| thread.latest));
        let read = self.see_within(txn, &wanted.collect::<Vec<_>>()).await?;
        let edit_of = |nid: EventNid| {
            let edit = read.get(edits.get(&nid)?).filter(|edit| !edit.is_erased)?;
            Some(self.format_part(&edit.event, form, None))
        };
        let mut found: HashMap<EventNid, Aggregation> = HashMap::new();
        for &nid in &targets {
            if let Some(edit) = edit_of(nid) {
                found.entry(nid).or_default().edit = Some(edit);
            }
        }
        for thread in &threads {
            let Some(latest) = read.get(&thread.latest) else { continue };
            let edit = if latest.is_erased { None } else { edit_of(thread.latest) };
            let of_latest =
                edit.map(|edit| Aggregation { edit: Some(edit), ..Aggregation::default() }.write());
            found.entry(thread.root).or_default().thread = Some(ThreadSummary {
                latest_event: self.format_part(&latest.event, form, of_latest.as_deref()),
                count: thread.replies,
                current_user_participated: thread.participated,
            });
        }
        for (nid, event_id) in
            relations::list_references(txn, self.room, &targets, self.until, &ignored).await?
        {
            let aggregation = found.entry(nid).or_default();
            aggregation.references.get_or_insert_default().chunk.push(Reference { event_id });
        }
        Ok(found.iter().map(|(nid, aggregation)| (*nid, aggregation.write())).collect())
    }

    /// An event within another.
    fn format_part(&self, event: &Event, form: Form, relations: Option<&RawValue>) -> Box<RawValue> {
        let age_ms = Some(self.now_ts - event.origin_server_ts());
        client_event::format(event, form, &Unsigned { age_ms, relations, ..Unsigned::default() })
    }
}
