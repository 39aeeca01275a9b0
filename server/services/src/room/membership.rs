//! Joining, leaving, inviting and the rest of <https://spec.matrix.org/v1.19/client-server-api/#room-membership>.

use myelin_core::{
    Event,
    auth::AuthState,
    json::{Object, Value},
    membership::Membership,
    power_levels::{Action, PowerLevels, creators},
};
use myelin_storage::{StorageError, aliases, memberships, rooms};
use ruma::{OwnedEventId, OwnedRoomAliasId, OwnedRoomId, OwnedUserId, RoomId, RoomOrAliasId, UserId};

use super::{
    RoomError, Rooms,
    profile::member_content,
    send::event_id,
    turn::{Draft, Turn},
};
use crate::session::Requester;

/// Members asked at most for one who may let somebody in.
const MAX_AUTHORISERS: u32 = 1_000;

/// What is to become of a user in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Join,
    Leave,
    Invite,
    Kick,
    Ban,
    Unban,
    Knock,
}

impl Change {
    fn membership(self) -> Membership {
        match self {
            Self::Join => Membership::Join,
            Self::Leave | Self::Kick | Self::Unban => Membership::Leave,
            Self::Invite => Membership::Invite,
            Self::Ban => Membership::Ban,
            Self::Knock => Membership::Knock,
        }
    }
}

/// Why a membership does not change.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    /// What the user is in the room does not allow it.
    #[error("{0}")]
    BadState(String),
    /// Nothing has this alias.
    #[error("room alias {0} not found")]
    UnknownAlias(OwnedRoomAliasId),
    /// The user lives on another server, which cannot be asked.
    #[error("{0} is on another server, and this one does not federate")]
    OtherServer(OwnedUserId),
    #[error(transparent)]
    Room(#[from] RoomError),
}

impl From<StorageError> for MembershipError {
    fn from(error: StorageError) -> Self {
        Self::Room(error.into())
    }
}

impl Rooms {
    /// Changes a membership: one's own, or with the power for it somebody else's.
    ///
    /// What is so already is no error; the answer is the event that made it so.
    ///
    /// # Errors
    /// [`MembershipError`]; nothing was stored then.
    pub async fn change(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        target: &UserId,
        change: Change,
        reason: Option<&str>,
    ) -> Result<OwnedEventId, MembershipError> {
        let mut content = Object::new();
        if let Some(reason) = reason {
            content.insert("reason", reason);
        }
        self.change_with(requester, room_id, target, change, content).await
    }

    /// A membership event that a client wrote itself.
    pub(super) async fn send_member(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        state_key: &str,
        content: Object,
    ) -> Result<OwnedEventId, MembershipError> {
        let bad = |reason: &str| MembershipError::Room(RoomError::BadContent(reason.to_owned()));
        let target = UserId::parse(state_key).map_err(|_| bad("the state key must be a user id"))?;
        let own = target == requester.user_id;
        let change = match content.get_str("membership") {
            Some("join") => Change::Join,
            Some("leave") if own => Change::Leave,
            Some("leave") => Change::Kick,
            Some("invite") => Change::Invite,
            Some("ban") => Change::Ban,
            Some("knock") => Change::Knock,
            _ => return Err(bad("'membership' must be join, leave, invite, ban or knock")),
        };
        let mut turn = self.0.turns.take(room_id).await?.ok_or(RoomError::UnknownRoom)?;
        let is_banned = membership_of(&mut turn, &target).await? == Some(Membership::Ban);
        drop(turn);
        let change = if change == Change::Kick && is_banned { Change::Unban } else { change };
        self.change_with(requester, room_id, &target, change, content).await
    }

    async fn change_with(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        target: &UserId,
        change: Change,
        extra: Object,
    ) -> Result<OwnedEventId, MembershipError> {
        if change == Change::Invite && target.server_name() != self.0.settings.server_name {
            return Err(MembershipError::OtherServer(target.to_owned()));
        }
        let mut turn = self.0.turns.take(room_id).await?.ok_or(RoomError::UnknownRoom)?;
        // Whoever is not in the room does not learn what others are there.
        if requester.user_id != target
            && membership_of(&mut turn, &requester.user_id).await? != Some(Membership::Join)
        {
            return Err(RoomError::Forbidden("You are not in the room".to_owned()).into());
        }
        let before = turn.state("m.room.member", target.as_str()).await?;
        let was = before.as_ref().and_then(Event::membership).and_then(Membership::parse);
        check_transition(target, was, change)?;
        let content = self.content_of(&mut turn, requester, target, was, change, extra).await?;
        if let Some(before) = before.filter(|event| is_no_change(event, &requester.user_id, &content)) {
            return Ok(event_id(&before));
        }
        self.count(requester, room_id, target, was, change)?;
        let draft = member_draft(&requester.user_id, target, content);
        let event = event_id(turn.append(draft).await.map_err(RoomError::from)?);
        let forgets = change == Change::Leave && self.0.settings.forget_on_leave;
        let mut unit = turn.write("room::change").await?;
        if forgets {
            let room = unit.room()?;
            memberships::set_forgotten(&mut unit.txn, room, target, true).await?;
        }
        unit.commit().await?;
        Ok(event)
    }

    /// Forgets a room that the user is no longer in.
    ///
    /// # Errors
    /// [`MembershipError::BadState`] for a user who is in the room or invited.
    pub async fn forget(&self, user_id: &UserId, room_id: &RoomId) -> Result<(), MembershipError> {
        let mut txn = self.store().write("room::forget").await?;
        let room = rooms::find(&mut txn, room_id).await?.ok_or(RoomError::UnknownRoom)?;
        let found = memberships::find(&mut txn, room.nid, user_id).await?;
        match found.as_ref().map(|found| found.membership.as_str()) {
            // A room that the user has nothing to do with is like one that is not there.
            None => return Err(RoomError::UnknownRoom.into()),
            Some("leave" | "ban") => {}
            Some(_) => return Err(MembershipError::BadState(format!("User {user_id} in room {room_id}"))),
        }
        memberships::set_forgotten(&mut txn, room.nid, user_id, true).await?;
        txn.commit().await?;
        Ok(())
    }

    /// The room that an id or an alias names.
    ///
    /// # Errors
    /// [`MembershipError::UnknownAlias`] if nothing has this alias here.
    pub async fn find_id(&self, room: &RoomOrAliasId) -> Result<OwnedRoomId, MembershipError> {
        let alias = match <&RoomId>::try_from(room) {
            Ok(room_id) => return Ok(room_id.to_owned()),
            Err(alias) => alias,
        };
        let mut txn = self.store().read().await?;
        let found = aliases::find(&mut txn, alias).await?;
        let found = found.ok_or_else(|| MembershipError::UnknownAlias(alias.to_owned()))?;
        Ok(rooms::get(&mut txn, found.room).await?.room_id)
    }

    /// The rooms that the user is in, in the order of joining.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_joined(&self, user_id: &UserId) -> Result<Vec<OwnedRoomId>, StorageError> {
        let mut txn = self.store().read().await?;
        let joined = rooms::list_joined(&mut txn, user_id).await?;
        Ok(joined.into_iter().map(|room| room.room_id).collect())
    }

    fn count(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        target: &UserId,
        was: Option<Membership>,
        change: Change,
    ) -> Result<(), RoomError> {
        let limits = &self.0.limits;
        match change {
            Change::Join if was != Some(Membership::Join) => {
                limits.joins.record(target.to_owned())?;
                limits.joins_of_room.record(room_id.to_owned())?;
            }
            Change::Invite => self.count_invite(&requester.user_id, room_id, target)?,
            // Nobody leaves more often than they join or are invited, and a closed account has to leave all rooms.
            Change::Leave => {}
            _ => self.count_message(&requester.user_id)?,
        }
        Ok(())
    }

    pub(super) fn count_invite(
        &self,
        issuer: &UserId,
        room_id: &RoomId,
        target: &UserId,
    ) -> Result<(), RoomError> {
        let limits = &self.0.limits;
        limits.invites_by_issuer.record(issuer.to_owned())?;
        limits.invites_to_room.record(room_id.to_owned())?;
        Ok(limits.invites_of_user.record(target.to_owned())?)
    }

    /// The content of the event: what the server knows of the user, under what the client gave.
    async fn content_of(
        &self,
        turn: &mut Turn,
        requester: &Requester,
        target: &UserId,
        was: Option<Membership>,
        change: Change,
        extra: Object,
    ) -> Result<Object, MembershipError> {
        let membership = change.membership();
        let is_own_server = target.server_name() == self.0.settings.server_name;
        let tells_profile = matches!(change, Change::Join | Change::Invite | Change::Knock) && is_own_server;
        let mut content = if tells_profile {
            let mut txn = self.store().read().await?;
            member_content(&mut txn, target, membership.as_str()).await?
        } else {
            Object::from_iter([("membership", membership.as_str())])
        };
        for (key, value) in extra.iter().filter(|(key, _)| *key != "join_authorised_via_users_server") {
            content.insert(key, value.clone());
        }
        let is_let_in = matches!(was, Some(Membership::Join | Membership::Invite));
        if change == Change::Join
            && !is_let_in
            && let Some(authoriser) = self.find_authoriser(turn, &requester.user_id).await?
        {
            content.insert("join_authorised_via_users_server", authoriser.as_str());
        }
        Ok(content)
    }

    /// The member who lets somebody into a restricted room; `None` if the room is not restricted.
    ///
    /// Source: <https://spec.matrix.org/v1.19/client-server-api/#restricted-rooms>.
    async fn find_authoriser(
        &self,
        turn: &mut Turn,
        user_id: &UserId,
    ) -> Result<Option<OwnedUserId>, MembershipError> {
        if !turn.head().rules.auth.restricted {
            return Ok(None);
        }
        let Some(join_rules) = turn.state("m.room.join_rules", "").await? else { return Ok(None) };
        if !matches!(join_rules.content().get_str("join_rule"), Some("restricted" | "knock_restricted")) {
            return Ok(None);
        }
        if !self.is_in_allowed_room(&join_rules, user_id).await? {
            let reason = "You do not belong to any of the required rooms/spaces to join this room.";
            return Err(RoomError::Forbidden(reason.to_owned()).into());
        }
        let Some(room) = turn.head().room else { return Ok(None) };
        turn.read(&[("m.room.create", ""), ("m.room.power_levels", "")]).await?;
        let head = turn.head();
        let Some(create) = head.known.get("m.room.create", "") else { return Ok(None) };
        let power_levels = head.known.get("m.room.power_levels", "");
        let levels = PowerLevels::new(head.rules, create, power_levels);
        let own_server = &self.0.settings.server_name;
        let may_let_in = |member: &UserId| {
            member.server_name() == own_server
                && levels.allows(member.as_str(), Action::Invite).unwrap_or(false)
        };
        let mut txn = self.store().read().await?;
        // In a room where few may invite, those are named; in another, almost any member will do.
        let named = power_levels.and_then(|event| event.content().get("users")).and_then(Value::as_object);
        let named = named.into_iter().flat_map(Object::iter).map(|(user_id, _)| user_id);
        for user_id in creators(head.rules, create).chain(named).take(MAX_AUTHORISERS as usize) {
            let Ok(user_id) = UserId::parse(user_id) else { continue };
            if may_let_in(&user_id)
                && memberships::find(&mut txn, room, &user_id)
                    .await?
                    .is_some_and(|found| found.membership == "join")
            {
                return Ok(Some(user_id));
            }
        }
        let members = memberships::list_first(&mut txn, room, "join", user_id, MAX_AUTHORISERS).await?;
        let found = members.into_iter().map(|(_, member)| member).find(|member| may_let_in(member));
        let nobody = || RoomError::Forbidden("Nobody here may let you in.".to_owned());
        Ok(Some(found.ok_or_else(nobody)?))
    }

    async fn is_in_allowed_room(&self, join_rules: &Event, user_id: &UserId) -> Result<bool, StorageError> {
        let allowed = join_rules.content().get("allow").and_then(Value::as_array).unwrap_or_default();
        let mut txn = self.store().read().await?;
        for condition in allowed.iter().filter_map(Value::as_object).take(MAX_AUTHORISERS as usize) {
            if condition.get_str("type") != Some("m.room_membership") {
                continue;
            }
            let Some(room_id) = condition.get_str("room_id").and_then(|id| RoomId::parse(id).ok()) else {
                continue;
            };
            let Some(room) = rooms::find(&mut txn, &room_id).await? else { continue };
            let found = memberships::find(&mut txn, room.nid, user_id).await?;
            if found.is_some_and(|found| found.membership == "join") {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

async fn membership_of(turn: &mut Turn, user_id: &UserId) -> Result<Option<Membership>, StorageError> {
    let event = turn.state("m.room.member", user_id.as_str()).await?;
    Ok(event.as_ref().and_then(Event::membership).and_then(Membership::parse))
}

/// What the room's rules would allow, but what makes no sense, as Synapse has it.
fn check_transition(target: &UserId, was: Option<Membership>, change: Change) -> Result<(), MembershipError> {
    let bad = |reason: String| Err(MembershipError::BadState(reason));
    let forbidden = |reason: &str| Err(RoomError::Forbidden(reason.to_owned()).into());
    match (change, was) {
        (Change::Unban, Some(Membership::Ban)) => Ok(()),
        (Change::Unban, _) => bad("Cannot unban user who was not banned".to_owned()),
        (Change::Ban, _) => Ok(()),
        (Change::Kick | Change::Invite, Some(Membership::Ban)) => bad(format!("{target} was banned")),
        (Change::Kick, None | Some(Membership::Leave)) => forbidden("The target user is not in the room"),
        (Change::Leave, None) => forbidden("You are not in the room"),
        _ => Ok(()),
    }
}

/// Whether the event that is there says the same. A leave is one, whoever sent it.
fn is_no_change(before: &Event, sender: &UserId, content: &Object) -> bool {
    let same_membership = before.content().get("membership") == content.get("membership");
    let is_leave = content.get_str("membership") == Some("leave");
    same_membership
        && (is_leave || before.sender() == sender.as_str() && without_authoriser(before) == *content)
}

/// A member who joins again needs nobody to be let in by.
fn without_authoriser(event: &Event) -> Object {
    let mut content = event.content().clone();
    content.remove("join_authorised_via_users_server");
    content
}

pub(super) fn member_draft(sender: &UserId, target: &UserId, content: Object) -> Draft {
    Draft::state(sender, "m.room.member", target.as_str(), content)
}
