//! One room's part of the answer.

use std::collections::BTreeSet;

use myelin_core::json::Value;
use myelin_storage::{
    Position, ReadTxn, StorageError,
    state::{self, StateMap},
};
use serde_json::value::RawValue;

use super::{
    Moment, Slide,
    connection::ToldRoom,
    lists::Candidate,
    request::RoomConfig,
    response::{Hero, SlidingRoom},
    state::Selector,
};
use crate::{
    client_event::Form,
    sync::room::{changes, state_at},
    timeline::{Access, Newest, ReadError, read_events},
};

/// Members remembered of a room at most; who is forgotten is told again.
const MAX_MEMBERS: usize = 200;

impl Slide<'_> {
    /// What is new in a room, if anything is, and what the client knows of it then.
    pub(super) async fn room(
        &self,
        txn: &mut ReadTxn,
        candidate: &Candidate,
        config: &RoomConfig,
        before: Option<&ToldRoom>,
        moment: &Moment,
    ) -> Result<(Option<SlidingRoom>, ToldRoom), StorageError> {
        let until = moment.until;
        let membership = candidate.membership.membership.clone();
        let mut now = ToldRoom {
            until,
            membership,
            is_dm: candidate.is_dm,
            config: config.clone(),
            has_data: before.is_some_and(|before| before.has_data),
            has_receipts: before.is_some_and(|before| before.has_receipts),
            members: before.map(|before| before.members.clone()).unwrap_or_default(),
        };
        let Some(access) = Access::of_member(candidate.room.clone(), moment.ignored.clone())? else {
            return Ok((None, now));
        };
        let is_told = before.is_some_and(|before| {
            before.membership == now.membership && candidate.membership.position <= before.until
        });
        let room = match now.membership.as_str() {
            "join" => {
                let is_read = moment.read.contains(&candidate.room.nid);
                self.joined(txn, candidate, &access, (before, is_read), &mut now).await?
            }
            _ if is_told => None,
            "invite" | "knock" => Some(self.stripped(txn, candidate, &access).await?),
            _ => Some(self.left(txn, candidate, access, config, before, until).await?),
        };
        Ok((room, now))
    }

    async fn joined(
        &self,
        txn: &mut ReadTxn,
        candidate: &Candidate,
        access: &Access,
        (before, is_read): (Option<&ToldRoom>, bool),
        now: &mut ToldRoom,
    ) -> Result<Option<SlidingRoom>, StorageError> {
        // Whoever joined since then knows nothing of the room.
        let known = before.filter(|before| {
            before.membership == "join" && candidate.membership.since_position <= before.until
        });
        let expands = known.is_some_and(|known| now.config.limit() > known.config.limit());
        let asks_more =
            known.is_some_and(|known| !now.config.required_state.is_subset(&known.config.required_state));
        let is_dm_new = known.map_or(candidate.is_dm, |known| known.is_dm != candidate.is_dm);
        let is_quiet = known.is_some_and(|known| candidate.room.latest_position <= known.until);
        if is_quiet && !expands && !asks_more && !is_dm_new && !is_read {
            return Ok(None);
        }
        let after = known.map(|known| known.until).filter(|_| !expands);
        let stretch = self.newest(txn, access, &now.config, now.until, after).await?;
        let (state, news) = self.required_state(txn, access, known, &stretch, now).await?;
        let has_news =
            is_dm_new || is_read || stretch.limited || !stretch.shown.is_empty() || !state.is_empty();
        if known.is_some() && !has_news {
            return Ok(None);
        }
        let summary = &candidate.room.summary;
        let heroes = match summary.name.is_none() && (news.members || news.name) {
            true => Some(self.heroes(txn, access).await?),
            false => None,
        };
        // What is not there needs not be named to who knows nothing.
        let tell = |value: &Option<String>| (value.is_some() || known.is_some()).then(|| value.clone());
        Ok(Some(SlidingRoom {
            name: news.name.then(|| tell(&summary.name)).flatten(),
            avatar: news.avatar.then(|| tell(&summary.avatar_url)).flatten(),
            heroes,
            initial: known.is_none(),
            expanded_timeline: expands,
            is_dm: is_dm_new.then_some(candidate.is_dm),
            required_state: state,
            joined_count: news.members.then_some(candidate.room.joined_members),
            invited_count: news.members.then_some(candidate.room.invited_members),
            bump_stamp: Some(candidate.room.bump_position.0),
            oldest: stretch.shown.first().map(|shown| Position(shown.position.0 - 1)),
            ..self.with_timeline(txn, candidate, access, &stretch, now.until).await?
        }))
    }

    async fn stripped(
        &self,
        txn: &mut ReadTxn,
        candidate: &Candidate,
        access: &Access,
    ) -> Result<SlidingRoom, StorageError> {
        let stripped = self.collector.stripped_state(txn, access, candidate.membership.event).await?;
        Ok(SlidingRoom {
            initial: true,
            membership: candidate.membership.membership.clone(),
            invite_state: Some(stripped.events),
            is_dm: candidate.is_dm.then_some(true),
            bump_stamp: Some(candidate.membership.position.0),
            ..SlidingRoom::default()
        })
    }

    /// What came before the user went, and the going itself.
    async fn left(
        &self,
        txn: &mut ReadTxn,
        candidate: &Candidate,
        access: Access,
        config: &RoomConfig,
        before: Option<&ToldRoom>,
        until: Position,
    ) -> Result<SlidingRoom, StorageError> {
        let user_id = &self.collector.requester.user_id;
        let required_state = read_events(txn, access.rules, &[candidate.membership.event]).await?;
        let required_state = required_state.iter().map(|event| self.collector.format(event)).collect();
        let bump_stamp = Some(candidate.membership.position.0);
        let room = match Access::find(txn, &candidate.room.room_id, user_id).await {
            Ok(access) if access.left_by.is_some() => {
                let until = until.min(access.until);
                let after = before.filter(|before| before.membership == "join").map(|before| before.until);
                let stretch = self.newest(txn, &access, config, until, after).await?;
                self.with_timeline(txn, candidate, &access, &stretch, until).await?
            }
            Err(ReadError::Internal(error)) => return Err(error),
            // The user never was in the room: an invite was refused or taken back.
            _ => {
                SlidingRoom { membership: candidate.membership.membership.clone(), ..SlidingRoom::default() }
            }
        };
        Ok(SlidingRoom { required_state, bump_stamp, ..room })
    }

    /// The newest events, the oldest of them first.
    async fn newest(
        &self,
        txn: &mut ReadTxn,
        access: &Access,
        config: &RoomConfig,
        until: Position,
        after: Option<Position>,
    ) -> Result<Newest, StorageError> {
        let filter = &self.collector.filter.room.timeline;
        let reader = self.collector.reader(access);
        Newest::read(txn, access, reader, config.limit(), filter, (after, until)).await
    }

    async fn with_timeline(
        &self,
        txn: &mut ReadTxn,
        candidate: &Candidate,
        access: &Access,
        stretch: &Newest,
        until: Position,
    ) -> Result<SlidingRoom, StorageError> {
        let timeline = self.collector.reader(access).format(txn, &stretch.shown, Form::WithoutRoomId).await?;
        let oldest = stretch.shown.first().map_or(until, |shown| Position(shown.position.0 - 1));
        let since = self.before.as_ref().map_or(until, |before| before.until);
        Ok(SlidingRoom {
            membership: candidate.membership.membership.clone(),
            timeline,
            limited: stretch.limited,
            prev_batch: Some(self.collector.token(oldest)),
            num_live: Some(stretch.shown.iter().filter(|shown| shown.position > since).count()),
            ..SlidingRoom::default()
        })
    }

    async fn required_state(
        &self,
        txn: &mut ReadTxn,
        access: &Access,
        known: Option<&ToldRoom>,
        stretch: &Newest,
        now: &mut ToldRoom,
    ) -> Result<(Vec<Box<RawValue>>, News), StorageError> {
        let own = self.collector.requester.user_id.as_str();
        let selector = Selector { required: &now.config.required_state, own };
        let before = match known {
            Some(known) => Some((known, state_at(txn, access, known.until).await?)),
            None => None,
        };
        let (mut wanted, news) = match before {
            Some((known, state)) => {
                let delta = changes(txn, Some(state), access.state).await?;
                let mut delta: StateMap =
                    delta.into_iter().filter_map(|(key, (_, now))| Some((key, now?))).collect();
                let news = News::of(&delta);
                // In a gap the client forgets the members that it knows.
                let all_members = selector.is_lazy() && !stretch.limited;
                delta.retain(|(event_type, key), _| {
                    selector.takes(event_type, key) || (all_members && event_type == "m.room.member")
                });
                let required: BTreeSet<_> = selector.required - &known.config.required_state;
                delta.extend(Selector { required: &required, own }.find(txn, access.state).await?);
                (delta, news)
            }
            None => (selector.find(txn, access.state).await?, News::ALL),
        };
        if selector.is_lazy() {
            if known.is_none() || stretch.limited || now.members.len() > MAX_MEMBERS {
                now.members.clear();
            }
            self.add_lazy_members(txn, access, stretch, &mut now.members, &mut wanted).await?;
        }
        let events = read_events(txn, access.rules, &wanted.into_values().collect::<Vec<_>>()).await?;
        Ok((events.iter().map(|event| self.collector.format(event)).collect(), news))
    }

    /// Adds who is in the timeline and is not known.
    async fn add_lazy_members(
        &self,
        txn: &mut ReadTxn,
        access: &Access,
        stretch: &Newest,
        known: &mut BTreeSet<String>,
        wanted: &mut StateMap,
    ) -> Result<(), StorageError> {
        let mut users: BTreeSet<&str> = BTreeSet::new();
        for shown in &stretch.shown {
            users.insert(shown.event.sender());
            if shown.event.event_type() == "m.room.member" {
                users.extend(shown.event.state_key());
            }
        }
        users.retain(|user| known.insert((*user).to_owned()));
        let keys: Vec<(&str, &str)> = users.into_iter().map(|user| ("m.room.member", user)).collect();
        if !keys.is_empty() {
            wanted.extend(state::list(txn, access.state, &keys).await?.0);
        }
        Ok(())
    }

    async fn heroes(&self, txn: &mut ReadTxn, access: &Access) -> Result<Vec<Hero>, StorageError> {
        let users = self.collector.heroes(txn, access.room.nid).await?;
        let keys: Vec<(&str, &str)> = users.iter().map(|user| ("m.room.member", user.as_str())).collect();
        let nids: Vec<_> = state::list(txn, access.state, &keys).await?.0.into_values().collect();
        let members = read_events(txn, access.rules, &nids).await?;
        Ok(users
            .into_iter()
            .map(|user_id| {
                let member = members.iter().find(|member| member.state_key() == Some(user_id.as_str()));
                let text = |key| {
                    member
                        .and_then(|member| member.content().get(key))
                        .and_then(Value::as_str)
                        .map(str::to_owned)
                };
                Hero { displayname: text("displayname"), avatar_url: text("avatar_url"), user_id }
            })
            .collect())
    }
}

/// What else of a room changed with its state.
#[derive(Clone, Copy)]
struct News {
    name: bool,
    avatar: bool,
    members: bool,
}

impl News {
    const ALL: Self = Self { name: true, avatar: true, members: true };

    fn of(delta: &StateMap) -> Self {
        let has = |wanted: &str| delta.keys().any(|(event_type, _)| event_type == wanted);
        Self { name: has("m.room.name"), avatar: has("m.room.avatar"), members: has("m.room.member") }
    }
}
