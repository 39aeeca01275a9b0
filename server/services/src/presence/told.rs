//! What is told of presence in syncs.
//!
//! There are no positions in the streams for this. Each change takes the next *serial*, which is noted with the user
//! and with the rooms that the user is in: a client that waits knows without the database whether there is anything
//! for it. A sign of life alone is no change. Nobody watches the time: who became idle or went is noticed when anybody
//! syncs, many of them at once.

use std::collections::{BTreeMap, HashMap};

use myelin_storage::{ReadTxn, RoomNid, StorageError, memberships, rooms};
use ruma::{OwnedRoomId, OwnedUserId, UserId, presence::PresenceState};

use super::{Known, Presence, Status};
use crate::mark::Mark;

/// Users in one answer at most.
const MAX_TOLD: usize = 2_000;

/// Users that one statement asks for.
const PIECE: usize = 500;

/// Rooms whose last change is remembered at most; then the memory begins anew.
const MAX_ROOMS: usize = 50_000;

/// How often it is looked who became idle or went.
const LOOK_MS: i64 = 1_000;

/// What changed last, and where.
#[derive(Default)]
pub(super) struct Ledger {
    serial: u64,
    users: BTreeMap<u64, OwnedUserId>,
    rooms: HashMap<OwnedRoomId, u64>,
    /// Changes in rooms are remembered after this one.
    floor: u64,
    looked_ts: i64,
}

/// What there is to tell.
#[derive(Debug)]
pub struct PresenceChanges {
    /// Where to go on.
    pub mark: Mark,
    pub users: Vec<(OwnedUserId, Status)>,
}

/// Who is told, and what it knows.
#[derive(Clone, Copy, Debug)]
pub struct Audience<'a> {
    pub reader: &'a UserId,
    /// Up to where it was told; nothing if it begins.
    pub since: Option<Mark>,
    /// The rooms that it is in.
    pub rooms: &'a [OwnedRoomId],
    /// Those that it joined since then.
    pub joined: &'a [RoomNid],
}

/// Who may have to be told.
struct Candidates {
    mark: Mark,
    changed: Vec<OwnedUserId>,
    /// Who is there, for rooms that the reader knows nothing of.
    there: Vec<OwnedUserId>,
}

impl Ledger {
    fn changed(&self, rooms: &[OwnedRoomId], since: u64) -> bool {
        let has_changed = |room: &OwnedRoomId| self.rooms.get(room).is_some_and(|serial| *serial > since);
        self.serial > since && (since < self.floor || rooms.iter().any(has_changed))
    }

    pub(super) fn record_user(&mut self, user_id: &UserId, known: &mut Known) {
        self.users.remove(&known.serial);
        self.serial += 1;
        known.serial = self.serial;
        self.users.insert(self.serial, user_id.to_owned());
    }

    fn record_rooms(&mut self, rooms: &[OwnedRoomId]) {
        if self.rooms.len() + rooms.len() > MAX_ROOMS {
            self.rooms.clear();
            self.floor = self.serial;
        }
        self.rooms.extend(rooms.iter().take(MAX_ROOMS).map(|room| (room.clone(), self.serial)));
    }

    /// Forgets who is not known any more.
    pub(super) fn retain(&mut self, users: &HashMap<OwnedUserId, Known>) {
        self.users.retain(|_, user_id| users.contains_key(user_id));
    }
}

impl Presence {
    /// Whether something is new for somebody who is in these rooms.
    pub fn changed_since(&self, rooms: &[OwnedRoomId], since: Option<Mark>) -> bool {
        self.is_on() && self.state().ledger.changed(rooms, Mark::serial_in(since, self.0.incarnation))
    }

    /// What changed of those with whom the reader shares a room, and of the reader. Who begins is told of those who
    /// are there, and of all others if the configuration says so.
    ///
    /// # Errors
    /// [`StorageError`] if the database failed.
    pub async fn changes(
        &self,
        txn: &mut ReadTxn,
        audience: Audience<'_>,
    ) -> Result<PresenceChanges, StorageError> {
        self.load().await?;
        let Audience { reader, since, joined, .. } = audience;
        let Candidates { mark, changed, there } = self.candidates(audience);
        let mut told: BTreeMap<OwnedUserId, Status> = BTreeMap::new();
        for piece in changed.chunks(PIECE) {
            if told.len() >= MAX_TOLD {
                break;
            }
            let ids: Vec<&UserId> = piece.iter().map(AsRef::as_ref).collect();
            let mut seen = memberships::list_sharing_among(txn, reader, &ids).await?;
            seen.extend(ids.contains(&reader).then(|| reader.to_owned()));
            self.add_status(&mut told, seen);
        }
        for piece in there.chunks(PIECE) {
            if told.len() >= MAX_TOLD {
                break;
            }
            let ids: Vec<&UserId> = piece.iter().map(AsRef::as_ref).collect();
            self.add_status(&mut told, memberships::list_joined_among(txn, joined, &ids).await?);
        }
        if since.is_none() && self.is_on() && self.0.config.include_offline_users_on_sync {
            let all = memberships::list_sharing(txn, reader).await?;
            self.add_status(&mut told, all.into_iter().take(MAX_TOLD));
        }
        Ok(PresenceChanges { mark, users: told.into_iter().collect() })
    }

    /// Tells those anew who share a room with the user: somebody may not have been told yet. The user, who was told up
    /// to the mark, goes on after that if nothing else came between.
    ///
    /// # Errors
    /// [`StorageError`] if the database failed.
    pub async fn introduce(&self, user_id: &UserId, mark: Mark) -> Result<Mark, StorageError> {
        if !self.is_there(user_id) {
            return Ok(mark);
        }
        self.announce(&[user_id.to_owned()]).await?;
        let next = mark.serial + 1;
        let state = self.state();
        let is_next = state.users.get(user_id).is_some_and(|known| known.serial == next);
        Ok(if is_next { Mark { serial: next, ..mark } } else { mark })
    }

    /// The newest changes first. Looks whether there are any and takes the mark at once, so that none falls between.
    fn candidates(&self, audience: Audience<'_>) -> Candidates {
        let incarnation = self.0.incarnation;
        let since = Mark::serial_in(audience.since, incarnation);
        let now_ts = self.0.clock.now_ts();
        let state = self.state();
        let mark = Mark { incarnation, serial: state.ledger.serial };
        let is_there = |user_id: &&OwnedUserId| {
            let known = state.users.get(*user_id);
            known.is_some_and(|known| self.visible(known, now_ts) != PresenceState::Offline)
        };
        let all = || state.ledger.users.values().rev();
        let (mut changed, mut there) = (Vec::new(), Vec::new());
        if since == 0 {
            changed.extend(all().filter(is_there).cloned());
        } else {
            if state.ledger.changed(audience.rooms, since) {
                changed
                    .extend(state.ledger.users.range(since + 1..).rev().map(|(_, user_id)| user_id.clone()));
            }
            if !audience.joined.is_empty() {
                there.extend(all().filter(is_there).cloned());
            }
        }
        Candidates { mark, changed, there }
    }

    fn add_status(
        &self,
        told: &mut BTreeMap<OwnedUserId, Status>,
        users: impl IntoIterator<Item = OwnedUserId>,
    ) {
        let now_ts = self.0.clock.now_ts();
        let state = self.state();
        for user_id in users {
            let known = state.users.get(&user_id);
            let status = known.map_or_else(Status::unknown, |known| self.status(known, now_ts));
            told.insert(user_id, status);
        }
    }

    /// Notices who became idle or went, and stores some of what changed, if nobody looked a moment ago.
    pub(super) async fn look(&self) -> Result<(), StorageError> {
        let now_ts = self.0.clock.now_ts();
        let changed: Vec<OwnedUserId> = {
            let mut state = self.state();
            if now_ts.saturating_sub(state.ledger.looked_ts) < LOOK_MS {
                return Ok(());
            }
            state.ledger.looked_ts = now_ts;
            let changed = state.users.iter().filter(|(_, known)| self.has_changed(known, now_ts));
            changed.map(|(user_id, _)| user_id.clone()).collect()
        };
        self.announce(&changed).await?;
        // A sync reads, which works also while nothing can be stored.
        if let Err(error) = self.save().await {
            tracing::error!(error = %error, "presence is not what it was after the next start");
        }
        Ok(())
    }

    /// Notes what others see of the users now, and wakes those who share a room with them.
    pub(super) async fn announce(&self, users: &[OwnedUserId]) -> Result<(), StorageError> {
        for piece in users.chunks(PIECE) {
            let ids: Vec<&UserId> = piece.iter().map(AsRef::as_ref).collect();
            let mut txn = self.0.store.read().await?;
            let rooms = rooms::list_ids_of_users(&mut txn, &ids).await?;
            drop(txn);
            self.record_told(piece, &rooms);
            for room in rooms {
                self.0.notifier.nudge_room(&room);
            }
        }
        Ok(())
    }

    /// Users and rooms at once: a change whose rooms are not noted yet would be passed over.
    fn record_told(&self, users: &[OwnedUserId], rooms: &[OwnedRoomId]) {
        let now_ts = self.0.clock.now_ts();
        let mut state = self.state();
        let super::State { users: known, ledger } = &mut *state;
        for user_id in users {
            let Some(known) = known.get_mut(user_id) else { continue };
            known.told = (self.visible(known, now_ts), known.message.clone());
            ledger.record_user(user_id, known);
        }
        ledger.record_rooms(rooms);
    }
}
