//! Which rooms the rules of a request show.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use myelin_core::json::Value;
use myelin_storage::{
    EventNid, Position, ReadTxn, RoomNid, StorageError, account_data,
    memberships::Membership,
    rooms::{self, Room},
    state,
};
use ruma::{OwnedRoomId, RoomId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    super::collect::unwanted_invites,
    Moment, Slide,
    request::{RoomConfig, RoomFilters},
};
use crate::timeline::read_events;

/// A room that the user may be shown.
pub(super) struct Candidate {
    pub(super) room: Room,
    pub(super) membership: Membership,
    /// The user says that it is for talking to one person.
    pub(super) is_dm: bool,
}

/// The rooms to look at, by their place among the candidates, and how long each list is.
pub(super) struct Choice {
    pub(super) counts: BTreeMap<String, usize>,
    pub(super) wanted: BTreeMap<usize, RoomConfig>,
    /// The rooms in the windows of each list.
    pub(super) windows: BTreeMap<String, BTreeSet<RoomNid>>,
}

/// The tags of rooms.
type Tags = BTreeMap<RoomNid, BTreeSet<String>>;

impl Slide<'_> {
    /// The rooms of the user, the most active first. What the user left only counts if the client knows the room.
    pub(super) async fn candidates(
        &self,
        txn: &mut ReadTxn,
        memberships: &[Membership],
        moment: &Moment,
    ) -> Result<Vec<Candidate>, StorageError> {
        let is_known = |nid| self.before.as_ref().is_some_and(|before| before.rooms.contains_key(&nid));
        let unwanted = unwanted_invites(txn, memberships, &moment.ignored).await?;
        let mut visible: BTreeMap<RoomNid, &Membership> = memberships
            .iter()
            .filter(|membership| membership.since_position <= moment.until)
            .filter(|membership| !unwanted.contains(&membership.room))
            .filter(|membership| match membership.membership.as_str() {
                "leave" | "ban" => !membership.forgotten && is_known(membership.room),
                _ => true,
            })
            .map(|membership| (membership.room, membership))
            .collect();
        let direct = self.direct_rooms(txn).await?;
        let nids: Vec<RoomNid> = visible.keys().copied().collect();
        let mut candidates = Vec::with_capacity(nids.len());
        for piece in nids.chunks(1_000) {
            for room in rooms::list(txn, piece).await? {
                let Some(membership) = visible.remove(&room.nid) else { continue };
                if self.collector.takes(&room) {
                    let is_dm = direct.contains(room.room_id.as_str());
                    candidates.push(Candidate { room, membership: membership.clone(), is_dm });
                }
            }
        }
        candidates.sort_by_key(|candidate| Reverse(candidate.activity()));
        Ok(candidates)
    }

    /// What the rules show of the candidates.
    pub(super) async fn choose(
        &self,
        txn: &mut ReadTxn,
        candidates: &[Candidate],
    ) -> Result<Choice, StorageError> {
        let by_tag = |filters: &RoomFilters| filters.tags.is_some() || filters.not_tags.is_some();
        let lists = &self.request.lists;
        let tags = match lists.values().any(|list| list.filters.as_ref().is_some_and(by_tag)) {
            true => self.tags(txn).await?,
            false => Tags::new(),
        };
        let mut choice =
            Choice { counts: BTreeMap::new(), wanted: BTreeMap::new(), windows: BTreeMap::new() };
        for (name, list) in lists {
            let filters = list.filters.as_ref();
            let children = match filters.and_then(|filters| filters.spaces.as_ref()) {
                Some(spaces) => Some(self.children_of(txn, candidates, spaces).await?),
                None => None,
            };
            let matching = candidates.iter().enumerate().filter(|(_, candidate)| {
                filters.is_none_or(|filters| candidate.matches(filters, &tags))
                    && children.as_ref().is_none_or(|children| children.contains(&candidate.room.room_id))
            });
            let window = choice.windows.entry(name.clone()).or_default();
            let mut count = 0;
            for (index, candidate) in matching {
                if list.shows(count) {
                    choice.wanted.entry(index).or_default().merge(&list.config);
                    window.insert(candidate.room.nid);
                }
                count += 1;
            }
            choice.counts.insert(name.clone(), count);
        }
        for (index, candidate) in candidates.iter().enumerate() {
            if let Some(config) = self.request.room_subscriptions.get(&candidate.room.room_id) {
                choice.wanted.entry(index).or_default().merge(config);
            }
        }
        Ok(choice)
    }

    /// The rooms of `m.direct`: <https://spec.matrix.org/v1.19/client-server-api/#mdirect>.
    async fn direct_rooms(&self, txn: &mut ReadTxn) -> Result<BTreeSet<String>, StorageError> {
        let user_id = &self.collector.requester.user_id;
        let content = account_data::find(txn, user_id, None, "m.direct").await?.unwrap_or_default();
        // A client wrote it, and may have written anything.
        let by_user: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&content).unwrap_or_default();
        let rooms =
            by_user.values().filter_map(|rooms| serde_json::from_str::<Vec<String>>(rooms.get()).ok());
        Ok(rooms.flatten().collect())
    }

    /// The rooms that some spaces name as theirs. Of a space that the user is not in nothing is told.
    async fn children_of(
        &self,
        txn: &mut ReadTxn,
        candidates: &[Candidate],
        spaces: &[OwnedRoomId],
    ) -> Result<BTreeSet<OwnedRoomId>, StorageError> {
        let mut children = BTreeSet::new();
        let spaces = candidates.iter().filter(|candidate| {
            candidate.is_joined()
                && candidate.room.summary.room_type.as_deref() == Some("m.space")
                && spaces.contains(&candidate.room.room_id)
        });
        for space in spaces {
            let Some(state) = space.room.state else { continue };
            let (found, _) = state::list_type(txn, state, "m.space.child").await?;
            let nids: Vec<EventNid> = found.into_values().collect();
            let events = read_events(txn, space.room.rules()?, &nids).await?;
            // Without `via` a room is no child any more.
            let named =
                events.iter().filter(|event| event.content().get("via").and_then(Value::as_array).is_some());
            children.extend(named.filter_map(|event| RoomId::parse(event.state_key()?).ok()));
        }
        Ok(children)
    }

    async fn tags(&self, txn: &mut ReadTxn) -> Result<Tags, StorageError> {
        #[derive(Default, Deserialize)]
        struct Content {
            #[serde(default)]
            tags: BTreeMap<String, serde::de::IgnoredAny>,
        }

        let user_id = &self.collector.requester.user_id;
        let all = account_data::list_changes(txn, user_id, Position(i64::MIN)).await?;
        let tags = all.into_iter().filter(|data| data.data_type == "m.tag").filter_map(|data| {
            let content: Content = serde_json::from_str(&data.content).unwrap_or_default();
            Some((data.room?, content.tags.into_keys().collect()))
        });
        Ok(tags.collect())
    }
}

impl Candidate {
    /// When something happened that the user sees.
    fn activity(&self) -> Position {
        if self.is_joined() { self.room.latest_position } else { self.membership.position }
    }

    pub(super) fn is_joined(&self) -> bool {
        self.membership.membership == "join"
    }

    fn matches(&self, filters: &RoomFilters, tags: &Tags) -> bool {
        let summary = &self.room.summary;
        let has_type = |types: &Vec<Option<String>>| types.contains(&summary.room_type);
        let has_tag = |wanted: &Vec<String>| {
            tags.get(&self.room.nid).is_some_and(|tags| wanted.iter().any(|tag| tags.contains(tag)))
        };
        filters.is_dm.is_none_or(|is_dm| is_dm == self.is_dm)
            && filters.is_encrypted.is_none_or(|wanted| wanted == summary.encryption.is_some())
            && filters.is_invite.is_none_or(|wanted| wanted == (self.membership.membership == "invite"))
            && filters.room_types.as_ref().is_none_or(has_type)
            && !filters.not_room_types.as_ref().is_some_and(has_type)
            && filters.tags.as_ref().is_none_or(has_tag)
            && !filters.not_tags.as_ref().is_some_and(has_tag)
    }
}
