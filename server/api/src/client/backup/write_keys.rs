//! Keys as answers, written while they are read: a backup can be larger than what one request may have of the memory.

use std::{error::Error, mem};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use futures_util::{TryStreamExt, stream};
use http::header;
use myelin_services::key_backup::{BackedUpKey, KeyReader};

use super::KeyData;

/// What an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// `{ "rooms": { room: { "sessions": … } } }`.
    AllRooms,
    /// `{ "sessions": … }`.
    OneRoom,
}

/// The keys that are read, as one JSON object.
pub(super) fn answer(reader: KeyReader, scope: Scope) -> Response {
    let pieces = stream::try_unfold(Some((reader, Writer::new(scope))), next_piece);
    // The status is sent before the last key is read: what fails then ends the connection.
    let pieces = pieces.inspect_err(|error: &Failure| {
        tracing::error!(
            error = &**error as &dyn Error,
            "the keys of a backup could not be read to their end"
        );
    });
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(pieces)).into_response()
}

type Failure = Box<dyn Error + Send + Sync>;
type Place = Option<(KeyReader, Writer)>;

async fn next_piece(place: Place) -> Result<Option<(String, Place)>, Failure> {
    let Some((mut reader, mut writer)) = place else { return Ok(None) };
    let page = reader.next_page().await?;
    if page.is_empty() {
        return Ok(Some((writer.end(), None)));
    }
    for key in page {
        writer.write(key)?;
    }
    Ok(Some((mem::take(&mut writer.text), Some((reader, writer)))))
}

/// Writes keys that come in the order of their rooms.
struct Writer {
    scope: Scope,
    /// The room of the last key.
    room_id: Option<String>,
    text: String,
}

impl Writer {
    fn new(scope: Scope) -> Self {
        let text = match scope {
            Scope::AllRooms => r#"{"rooms":{"#,
            Scope::OneRoom => r#"{"sessions":{"#,
        };
        Self { scope, room_id: None, text: text.to_owned() }
    }

    fn write(&mut self, key: BackedUpKey) -> serde_json::Result<()> {
        if self.room_id.as_ref() == Some(&key.room_id) {
            self.text.push(',');
        } else {
            self.begin_room(&key.room_id)?;
        }
        self.text.push_str(&serde_json::to_string(&key.session_id)?);
        self.text.push(':');
        self.text.push_str(&serde_json::to_string(&KeyData::try_from(key)?)?);
        Ok(())
    }

    fn begin_room(&mut self, room_id: &str) -> serde_json::Result<()> {
        let is_first = self.room_id.replace(room_id.to_owned()).is_none();
        if self.scope == Scope::AllRooms {
            self.text.push_str(if is_first { "" } else { "}}," });
            self.text.push_str(&serde_json::to_string(room_id)?);
            self.text.push_str(r#":{"sessions":{"#);
        }
        Ok(())
    }

    fn end(mut self) -> String {
        if self.scope == Scope::AllRooms && self.room_id.is_some() {
            self.text.push_str("}}");
        }
        self.text.push_str("}}");
        self.text
    }
}
