//! Making rooms: <https://spec.matrix.org/v1.19/client-server-api/#creation>.

mod blueprint;

use myelin_config::RoomPreset;
use myelin_core::{
    Event, EventDraft, RoomVersionRules, auth::check_state_independent, json::Object,
    room_version::RoomVersion,
};
use myelin_storage::{StorageError, aliases, published_rooms};
use ruma::{OwnedRoomAliasId, OwnedRoomId, OwnedUserId, RoomAliasId, RoomId, RoomVersionId, UserId};

use self::blueprint::Blueprint;
use super::{
    RoomError, Rooms,
    content::{aliases as named_aliases, check_content},
    head::Head,
    membership::member_draft,
    profile::member_content,
    turn::{Draft, Turn},
};
use crate::session::Requester;

/// Users invited at most when a room is made.
const MAX_INVITES: usize = 100;

/// Milliseconds tried for a room id that nobody has.
const MAX_INSTANTS: i64 = 100;

/// State events given at most.
const MAX_INITIAL_STATE: usize = 100;

/// A state event for a new room.
#[derive(Clone, Debug)]
pub struct InitialState {
    pub event_type: String,
    pub state_key: String,
    pub content: Object,
}

/// A room to be made.
#[derive(Clone, Debug, Default)]
pub struct NewRoom {
    /// None: the configuration's.
    pub version: Option<RoomVersionId>,
    /// None: what fits the visibility.
    pub preset: Option<RoomPreset>,
    /// Whether this server lists the room.
    pub is_published: bool,
    /// The local part of an alias.
    pub alias_name: Option<String>,
    pub name: Option<String>,
    pub topic: Option<String>,
    pub invites: Vec<OwnedUserId>,
    /// Whether the invitations are to a direct chat.
    pub is_direct: bool,
    /// More of the create event.
    pub creation_content: Object,
    pub initial_state: Vec<InitialState>,
    /// Members of the power levels that replace the preset's.
    pub power_levels: Object,
}

/// Why a room is not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// This server does not know the version.
    #[error("room version {0} is not supported")]
    UnsupportedVersion(RoomVersionId),
    /// Somebody was faster.
    #[error("room alias already taken")]
    AliasTaken,
    /// Not an alias of this server.
    #[error("{0}")]
    InvalidAlias(&'static str),
    /// The request contradicts itself, or asks for too much.
    #[error("{0}")]
    Invalid(String),
    /// The state that was asked for is not allowed in the room.
    #[error("{0}")]
    InvalidState(String),
    #[error(transparent)]
    Room(#[from] RoomError),
}

impl From<StorageError> for CreateError {
    fn from(error: StorageError) -> Self {
        Self::Room(error.into())
    }
}

impl Rooms {
    /// Makes a room: all of its events in one unit.
    ///
    /// # Errors
    /// [`CreateError`]; nothing was stored then.
    pub async fn create(&self, requester: &Requester, new: NewRoom) -> Result<OwnedRoomId, CreateError> {
        let creator = &requester.user_id;
        self.0.limits.creations.record(creator.clone()).map_err(RoomError::from)?;
        let version = new.version.clone().unwrap_or_else(|| self.0.settings.default_version.clone());
        let known: Option<RoomVersion> = version.as_str().parse().ok();
        let version = known.ok_or(CreateError::UnsupportedVersion(version))?;
        self.check_request(&new)?;
        let alias = self.free_alias(new.alias_name.as_deref()).await?;
        let blueprint = Blueprint::draw(&new, creator, version.rules(), alias.as_deref(), &self.0.settings)?;
        let mut turn = self.begin(creator, version, blueprint.create.clone()).await?;
        let new_id = turn.head().room_id.clone();
        let settings = &self.0.settings;
        if alias.is_some() && !settings.alias_rules.allow(requester, &new_id, alias.as_deref()) {
            return Err(RoomError::Forbidden("Not allowed to create alias".to_owned()).into());
        }
        // A room that may not be published is made all the same, as with Synapse, whose default allows nobody to.
        let is_published =
            new.is_published && settings.publication_rules.allow(requester, &new_id, alias.as_deref());
        self.check_initial_state(creator, &new_id, &new, alias.as_deref())?;
        let mut txn = self.store().read().await?;
        let joined = member_content(&mut txn, creator, "join").await?;
        drop(txn);
        append(&mut turn, member_draft(creator, creator, joined)).await?;
        for (event_type, state_key, content) in blueprint.after_join {
            append(&mut turn, Draft::state(creator, &event_type, &state_key, content)).await?;
        }
        self.invite_all(&mut turn, creator, &new).await?;
        let mut unit = turn.write("room::create").await?;
        let room = unit.room()?;
        if is_published {
            published_rooms::set(&mut unit.txn, room, true).await?;
        }
        if let Some(alias) = &alias
            && !aliases::insert(&mut unit.txn, alias, room, creator).await?
        {
            return Err(CreateError::AliasTaken);
        }
        unit.commit().await?;
        Ok(new_id)
    }

    fn check_request(&self, new: &NewRoom) -> Result<(), CreateError> {
        let invalid = |reason: String| Err(CreateError::Invalid(reason));
        if new.invites.len() > MAX_INVITES {
            return invalid(format!("at most {MAX_INVITES} users can be invited at once"));
        }
        if new.initial_state.len() > MAX_INITIAL_STATE {
            return invalid(format!("at most {MAX_INITIAL_STATE} state events can be given"));
        }
        let own = &self.0.settings.server_name;
        if let Some(other) = new.invites.iter().find(|user_id| user_id.server_name() != own) {
            let reason = format!("{other} is on another server, and this one does not federate");
            return Err(RoomError::Forbidden(reason).into());
        }
        Ok(())
    }

    /// The state that is asked for is held to what holds for state that is sent.
    fn check_initial_state(
        &self,
        creator: &UserId,
        room_id: &RoomId,
        new: &NewRoom,
        alias: Option<&RoomAliasId>,
    ) -> Result<(), CreateError> {
        let mut invites = new.invites.len();
        // A create event is not taken over.
        for state in new.initial_state.iter().filter(|state| state.event_type != "m.room.create") {
            let InitialState { event_type, state_key, content } = state;
            let invalid = |reason: String| CreateError::InvalidState(format!("{event_type}: {reason}"));
            check_content(event_type, Some(state_key), content, &self.0.settings.server_name)
                .map_err(|error| invalid(error.to_string()))?;
            if event_type == "m.room.canonical_alias"
                && let Some(other) =
                    named_aliases(content).iter().find(|named| alias.is_none_or(|alias| alias != *named))
            {
                return Err(invalid(format!("room alias {other} does not point to the room")));
            }
            if event_type == "m.room.member" && content.get_str("membership") == Some("invite") {
                let target = UserId::parse(state_key).map_err(|_| invalid("no user id".to_owned()))?;
                invites += 1;
                if invites > MAX_INVITES || target.server_name() != self.0.settings.server_name {
                    return Err(invalid(format!("{target} cannot be invited")));
                }
                self.count_invite(creator, room_id, &target)?;
            }
        }
        Ok(())
    }

    /// The whole alias, if it is one and nobody has it.
    async fn free_alias(&self, name: Option<&str>) -> Result<Option<OwnedRoomAliasId>, CreateError> {
        let Some(name) = name else { return Ok(None) };
        if name.chars().any(|c| c.is_whitespace() || c == ':') {
            return Err(CreateError::InvalidAlias("Invalid characters in room alias"));
        }
        let alias = RoomAliasId::parse(format!("#{name}:{}", self.0.settings.server_name))
            .map_err(|_| CreateError::InvalidAlias("Invalid room alias"))?;
        let mut txn = self.store().read().await?;
        match aliases::find(&mut txn, &alias).await? {
            Some(_) => Err(CreateError::AliasTaken),
            None => Ok(Some(alias)),
        }
    }

    /// The first event, which from version 12 on names the room.
    pub(super) async fn begin(
        &self,
        creator: &UserId,
        version: RoomVersion,
        content: Object,
    ) -> Result<Turn, CreateError> {
        let rules = version.rules();
        let now_ts = self.0.turns.clock.now_ts();
        // Where the id is a hash, the same wish in the same millisecond would name the same room.
        for origin_server_ts in now_ts..now_ts + MAX_INSTANTS {
            let event = self.sign_create(creator, rules, content.clone(), origin_server_ts)?;
            let room_id = RoomId::parse(event.room_id())
                .map_err(|_| CreateError::Invalid("the room gets no id".to_owned()))?;
            if let Some(mut turn) = self.0.turns.begin(Head::of_new_room(&room_id, rules)).await? {
                turn.append_signed(event);
                return Ok(turn);
            }
        }
        Err(RoomError::Internal(StorageError::Inconsistent("no free room id".to_owned())).into())
    }

    fn sign_create(
        &self,
        creator: &UserId,
        rules: &'static RoomVersionRules,
        content: Object,
        origin_server_ts: i64,
    ) -> Result<Event, CreateError> {
        let turns = &self.0.turns;
        let own = turns.server_name.as_str();
        let room_id = match rules.room_id_is_create_hash {
            true => String::new(),
            false => format!("!{}:{own}", turns.random.letters(18)),
        };
        let draft = EventDraft {
            room_id,
            sender: creator.to_string(),
            event_type: "m.room.create".to_owned(),
            state_key: Some(String::new()),
            content,
            prev_events: Vec::new(),
            auth_events: Vec::new(),
            depth: 1,
            origin_server_ts,
            redacts: None,
            event_id: Some(format!("${}:{own}", turns.random.letters(18))),
        };
        let invalid =
            |error: &dyn std::fmt::Display| CreateError::Invalid(format!("creation_content: {error}"));
        let event = draft.sign(rules, own, &turns.key).map_err(|error| invalid(&error))?;
        check_state_independent(rules, &event, |_| None).map_err(|error| invalid(&error))?;
        Ok(event)
    }

    async fn invite_all(&self, turn: &mut Turn, creator: &UserId, new: &NewRoom) -> Result<(), CreateError> {
        let room_id = turn.head().room_id.clone();
        for target in new.invites.iter().filter(|target| *target != creator) {
            self.count_invite(creator, &room_id, target)?;
            let mut txn = self.store().read().await?;
            let mut content = member_content(&mut txn, target, "invite").await?;
            drop(txn);
            if new.is_direct {
                content.insert("is_direct", true);
            }
            append(turn, member_draft(creator, target, content)).await?;
        }
        Ok(())
    }
}

/// Appends an event of the new room: what the rules refuse, the request asked for.
pub(super) async fn append(turn: &mut Turn, draft: Draft) -> Result<(), CreateError> {
    let event_type = draft.event_type.clone();
    match turn.append(draft).await.map_err(RoomError::from) {
        Ok(_) => Ok(()),
        Err(RoomError::Internal(error)) => Err(error.into()),
        Err(error) => Err(CreateError::InvalidState(format!("{event_type}: {error}"))),
    }
}
