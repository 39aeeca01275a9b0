//! Reading rooms: their history, one event, their state and members.
//!
//! Every read begins with [`access`], which says whether the user may read here at all, and up to where. What of the
//! history the user sees is decided event by event ([`view`]).

mod access;
mod aggregations;
mod context;
mod messages;
mod relations;
mod state;
mod view;

use myelin_storage::{Position, StorageError, Store};

pub use self::{
    access::Access,
    context::Context,
    messages::{Page, PageRequest},
    relations::{RelationPage, RelationRequest},
    state::{MemberFilter, MemberProfile},
    view::{Reader, Shown},
};
pub(crate) use self::{
    context::Around,
    messages::Newest,
    state::{read_events, whole_state},
};
use crate::clock::Clock;

/// Events that one page has at most.
pub const MAX_PAGE: u32 = 1_000;

/// Reads rooms. Cheap to clone.
#[derive(Clone)]
pub struct Timelines {
    store: Store,
    clock: Clock,
}

/// Why something cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The user is not in the room, and it is not open to everybody.
    #[error("User {user_id} not in room {room_id}, and room previews are disabled")]
    NotInRoom { user_id: ruma::OwnedUserId, room_id: ruma::OwnedRoomId },
    /// There is no such event, or the user may not see it.
    #[error("{0}")]
    NotFound(&'static str),
    /// The text is not a token of this server.
    #[error("Invalid token")]
    InvalidToken,
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

impl Timelines {
    /// Reads the rooms in a store.
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// The text of a place in the history.
    fn token(&self, position: Position) -> String {
        self.store.token_at(position).to_string()
    }

    fn position(&self, token: &str) -> Result<Position, ReadError> {
        self.store.read_token(token).ok().flatten().ok_or(ReadError::InvalidToken)
    }
}
