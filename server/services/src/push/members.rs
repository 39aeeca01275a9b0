//! The members of a room that can be notified, kept with the room's newest point.

use std::collections::{BTreeMap, HashMap};

use myelin_core::Event;
use myelin_storage::{EventNid, ReadTxn, RoomNid, StorageError, events, memberships};
use ruma::{OwnedUserId, ServerName, UserId};
use serde::Deserialize;

/// Events read at once.
const PAGE: usize = 1_000;

/// What somebody was in the room before.
pub(crate) enum Before<'a> {
    /// That membership, or none.
    Known(Option<&'a str>),
    /// The state has to be asked.
    Unknown,
}

/// The members of this server, and how many there are of all servers.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoomMembers {
    /// With their names in the room.
    local: BTreeMap<OwnedUserId, Option<Box<str>>>,
    joined: u64,
}

impl RoomMembers {
    /// Reads the members of a room.
    pub(crate) async fn load(
        txn: &mut ReadTxn,
        room: RoomNid,
        server_name: &ServerName,
    ) -> Result<Self, StorageError> {
        let all = memberships::list_joined(txn, room).await?;
        let joined = u64::try_from(all.len()).unwrap_or(u64::MAX);
        let ours: HashMap<EventNid, OwnedUserId> = all
            .into_iter()
            .filter(|(user_id, _)| user_id.server_name() == server_name)
            .map(|(user_id, event)| (event, user_id))
            .collect();
        let nids: Vec<EventNid> = ours.keys().copied().collect();
        let mut local: BTreeMap<OwnedUserId, Option<Box<str>>> =
            ours.values().map(|user_id| (user_id.clone(), None)).collect();
        for page in nids.chunks(PAGE) {
            for stored in events::list(txn, page).await? {
                if let Some(user_id) = ours.get(&stored.nid) {
                    local.insert(user_id.clone(), display_name(&stored));
                }
            }
        }
        Ok(Self { local, joined })
    }

    /// The members after a membership event; none if that has to be read.
    pub(crate) fn after(
        mut self,
        event: &Event,
        before: &Before<'_>,
        server_name: &ServerName,
    ) -> Option<Self> {
        let user_id = UserId::parse(event.state_key()?).ok()?;
        let is_joined = event.membership() == Some("join");
        let was_joined = if user_id.server_name() == server_name {
            let name = event.content().get_str("displayname").map(Into::into);
            match is_joined {
                true => self.local.insert(user_id, name).is_some(),
                false => self.local.remove(&user_id).is_some(),
            }
        } else {
            match before {
                Before::Known(before) => *before == Some("join"),
                Before::Unknown => return None,
            }
        };
        self.joined = self.joined.saturating_add_signed(i64::from(is_joined) - i64::from(was_joined));
        Some(self)
    }

    /// The members of this server with their names, in the order of their ids.
    pub(super) fn local(&self) -> impl Iterator<Item = (&UserId, Option<&str>)> {
        self.local.iter().map(|(user_id, name)| (&**user_id, name.as_deref()))
    }

    /// Whether that is a member of this server.
    pub(super) fn contains(&self, user_id: &str) -> bool {
        UserId::parse(user_id).is_ok_and(|user_id| self.local.contains_key(&user_id))
    }

    /// How many there are, of all servers.
    pub(super) fn joined(&self) -> u64 {
        self.joined
    }
}

fn display_name(stored: &events::StoredEvent) -> Option<Box<str>> {
    #[derive(Deserialize)]
    struct Text {
        content: Content,
    }
    #[derive(Deserialize)]
    struct Content {
        displayname: Box<str>,
    }
    if stored.redacted_by.is_some() {
        return None;
    }
    serde_json::from_slice::<Text>(&stored.json).ok().map(|text| text.content.displayname)
}
