//! Why an event is refused.

use std::fmt;

/// An event is refused, by one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AuthError(Rule);

impl AuthError {
    /// The rule that refuses the event.
    pub const fn rule(self) -> Rule {
        self.0
    }
}

impl From<Rule> for AuthError {
    fn from(rule: Rule) -> Self {
        Self(rule)
    }
}

/// The rules that can refuse an event, in the order of
/// <https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules>.
///
/// Each is named by what it is about. Its text says it in words: the numbers differ between room versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    CreateHasPrevEvents,
    CreateRoomIdServer,
    CreateRoomVersion,
    CreateCreatorMissing,
    CreateAdditionalCreators,
    RoomIdNotCreateEvent,
    AuthEventUnknown,
    AuthEventOtherRoom,
    AuthEventDuplicate,
    AuthEventUnexpected,
    AuthEventRejected,
    AuthEventCreateMissing,
    StateWithoutCreate,
    RoomNotFederated,
    AliasesStateKey,
    MemberStateKey,
    MembershipMissing,
    MembershipUnknown,
    JoinForAnother,
    JoinBanned,
    JoinNotInvited,
    JoinRuleUnknown,
    JoinAuthoriserMissing,
    JoinAuthoriserNotJoined,
    JoinAuthoriserLevel,
    ThirdPartyInviteMalformed,
    ThirdPartyInviteOtherUser,
    ThirdPartyInviteUnknown,
    ThirdPartyInviteOtherSender,
    ThirdPartyInviteSignature,
    InviteSenderNotJoined,
    InviteTargetBanned,
    InviteTargetJoined,
    InviteLevel,
    LeaveNotMember,
    KickSenderNotJoined,
    UnbanLevel,
    KickLevel,
    KickTargetLevel,
    BanSenderNotJoined,
    BanLevel,
    BanTargetLevel,
    KnockNotOffered,
    KnockForAnother,
    KnockBanned,
    KnockInvited,
    KnockJoined,
    SenderNotJoined,
    ThirdPartyInviteLevel,
    SendLevel,
    StateKeyOfAnother,
    PowerLevelsStateKey,
    PowerLevelsNotInteger,
    PowerLevelsUsers,
    PowerLevelsListCreator,
    PowerLevelsAboveOwn,
    PowerLevelsEqualUser,
    RedactionOtherServer,
    /// The power levels in the state hold something that is no level, which only versions before 10 let in.
    PowerLevelsUnreadable,
}

impl Rule {
    /// The rule in words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::CreateHasPrevEvents => "create: the event has previous events",
            Self::CreateRoomIdServer => "create: the room id is not of the sender's server",
            Self::CreateRoomVersion => "create: the room version is not recognised",
            Self::CreateCreatorMissing => "create: there is no creator",
            Self::CreateAdditionalCreators => "create: additional_creators is not a list of user ids",
            Self::RoomIdNotCreateEvent => "room id: it is not the id of an accepted create event",
            Self::AuthEventUnknown => "auth events: one is unknown",
            Self::AuthEventOtherRoom => "auth events: one is of another room",
            Self::AuthEventDuplicate => "auth events: two have the same type and state key",
            Self::AuthEventUnexpected => "auth events: one is not among those that the event needs",
            Self::AuthEventRejected => "auth events: one was rejected",
            Self::AuthEventCreateMissing => "auth events: the create event is missing",
            Self::StateWithoutCreate => "state: there is no create event",
            Self::RoomNotFederated => "m.federate: the room is for users of one server",
            Self::AliasesStateKey => "aliases: the state key is not the sender's server",
            Self::MemberStateKey => "member: the state key is not a user id",
            Self::MembershipMissing => "member: there is no membership",
            Self::MembershipUnknown => "member: the membership is unknown",
            Self::JoinForAnother => "join: the sender is not the one who joins",
            Self::JoinBanned => "join: the user is banned",
            Self::JoinNotInvited => "join: the user is not invited",
            Self::JoinRuleUnknown => "join: the join rule lets nobody in",
            Self::JoinAuthoriserMissing => "join: no user authorises the join",
            Self::JoinAuthoriserNotJoined => "join: the authorising user is not in the room",
            Self::JoinAuthoriserLevel => "join: the authorising user may not invite",
            Self::ThirdPartyInviteMalformed => "third-party invite: signed lacks a property",
            Self::ThirdPartyInviteOtherUser => "third-party invite: it is for another user",
            Self::ThirdPartyInviteUnknown => "third-party invite: the room knows no such token",
            Self::ThirdPartyInviteOtherSender => {
                "third-party invite: another user sent the invite of this token"
            }
            Self::ThirdPartyInviteSignature => "third-party invite: no signature is by one of its keys",
            Self::InviteSenderNotJoined => "invite: the sender is not in the room",
            Self::InviteTargetBanned => "invite: the user is banned",
            Self::InviteTargetJoined => "invite: the user is in the room",
            Self::InviteLevel => "invite: the sender's power level is below the invite level",
            Self::LeaveNotMember => "leave: the user is not joined, invited or knocking",
            Self::KickSenderNotJoined => "kick: the sender is not in the room",
            Self::UnbanLevel => "unban: the sender's power level is below the ban level",
            Self::KickLevel => "kick: the sender's power level is below the kick level",
            Self::KickTargetLevel => "kick: the user's power level is not below the sender's",
            Self::BanSenderNotJoined => "ban: the sender is not in the room",
            Self::BanLevel => "ban: the sender's power level is below the ban level",
            Self::BanTargetLevel => "ban: the user's power level is not below the sender's",
            Self::KnockNotOffered => "knock: the join rule does not allow it",
            Self::KnockForAnother => "knock: the sender is not the one who knocks",
            Self::KnockBanned => "knock: the user is banned",
            Self::KnockInvited => "knock: the user is invited",
            Self::KnockJoined => "knock: the user is in the room",
            Self::SenderNotJoined => "sender: the user is not in the room",
            Self::ThirdPartyInviteLevel => {
                "third-party invite: the sender's power level is below the invite level"
            }
            Self::SendLevel => "power level: the sender's is below what the event type asks for",
            Self::StateKeyOfAnother => "state key: it is another user's id",
            Self::PowerLevelsStateKey => "power levels: there is no state key",
            Self::PowerLevelsNotInteger => "power levels: a level is not an integer",
            Self::PowerLevelsUsers => "power levels: users is not a map of user ids to integers",
            Self::PowerLevelsListCreator => "power levels: users lists a creator",
            Self::PowerLevelsAboveOwn => "power levels: an old or new level is above the sender's",
            Self::PowerLevelsEqualUser => "power levels: a changed user's level is not below the sender's",
            Self::RedactionOtherServer => "redaction: neither the redact level nor the same server",
            Self::PowerLevelsUnreadable => "power levels: those of the room cannot be read",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}
