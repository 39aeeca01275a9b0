//! The rules for `m.room.member`.

use super::{AuthError, AuthState, Room, Rule, third_party_invite};
use crate::{
    event::Event,
    identifier::server_name,
    json::Value,
    membership::Membership,
    power_levels::{Action, creators},
};

/// Checks a change of membership.
pub(super) fn check<S: AuthState + ?Sized>(room: &Room<'_, S>, event: &Event) -> Result<(), AuthError> {
    let target = event.state_key().filter(|user| server_name(user).is_some()).ok_or(Rule::MemberStateKey)?;
    let membership = event.content().get("membership").ok_or(Rule::MembershipMissing)?;
    match membership.as_str().and_then(Membership::parse) {
        Some(Membership::Join) => check_join(room, event, target),
        Some(Membership::Invite) => check_invite(room, event, target),
        Some(Membership::Leave) => check_leave(room, event.sender(), target),
        Some(Membership::Ban) => check_ban(room, event.sender(), target),
        Some(Membership::Knock) if room.rules.auth.knock => check_knock(room, event.sender(), target),
        _ => Err(Rule::MembershipUnknown.into()),
    }
}

fn check_join<S: AuthState + ?Sized>(room: &Room<'_, S>, event: &Event, user: &str) -> Result<(), AuthError> {
    // The creator's first join; an additional creator of version 12 joins as everybody else.
    let mut before = event.prev_events();
    if before.len() == 1
        && before.next() == Some(room.create.event_id())
        && creators(room.rules, room.create).next() == Some(user)
    {
        return Ok(());
    }
    if event.sender() != user {
        return Err(Rule::JoinForAnother.into());
    }
    let current = room.membership(user);
    if current == Membership::Ban {
        return Err(Rule::JoinBanned.into());
    }
    let member = matches!(current, Membership::Invite | Membership::Join);
    let auth = &room.rules.auth;
    match join_rule(room) {
        Some("public") => Ok(()),
        Some(rule) if rule == "invite" || (rule == "knock" && auth.knock) => {
            if member {
                Ok(())
            } else {
                Err(Rule::JoinNotInvited.into())
            }
        }
        Some(rule)
            if (rule == "restricted" && auth.restricted)
                || (rule == "knock_restricted" && auth.knock_restricted) =>
        {
            if member {
                Ok(())
            } else {
                check_authoriser(room, event)
            }
        }
        _ => Err(Rule::JoinRuleUnknown.into()),
    }
}

/// A restricted join: a member who may invite must vouch for it. Its server's signature is checked elsewhere.
fn check_authoriser<S: AuthState + ?Sized>(room: &Room<'_, S>, event: &Event) -> Result<(), AuthError> {
    let authoriser =
        event.content().get_str("join_authorised_via_users_server").ok_or(Rule::JoinAuthoriserMissing)?;
    if !room.is_joined(authoriser) {
        return Err(Rule::JoinAuthoriserNotJoined.into());
    }
    if !room.levels.allows(authoriser, Action::Invite)? {
        return Err(Rule::JoinAuthoriserLevel.into());
    }
    Ok(())
}

fn check_invite<S: AuthState + ?Sized>(
    room: &Room<'_, S>,
    event: &Event,
    target: &str,
) -> Result<(), AuthError> {
    let sender = event.sender();
    let current = room.membership(target);
    if let Some(invite) = event.content().get("third_party_invite") {
        if current == Membership::Ban {
            return Err(Rule::InviteTargetBanned.into());
        }
        return third_party_invite::check(room.state, sender, target, invite);
    }
    if !room.is_joined(sender) {
        return Err(Rule::InviteSenderNotJoined.into());
    }
    match current {
        Membership::Ban => Err(Rule::InviteTargetBanned.into()),
        Membership::Join => Err(Rule::InviteTargetJoined.into()),
        _ if room.levels.allows(sender, Action::Invite)? => Ok(()),
        _ => Err(Rule::InviteLevel.into()),
    }
}

fn check_leave<S: AuthState + ?Sized>(
    room: &Room<'_, S>,
    sender: &str,
    target: &str,
) -> Result<(), AuthError> {
    let current = room.membership(sender);
    if sender == target {
        return match current {
            Membership::Invite | Membership::Join => Ok(()),
            Membership::Knock if room.rules.auth.knock => Ok(()),
            _ => Err(Rule::LeaveNotMember.into()),
        };
    }
    if current != Membership::Join {
        return Err(Rule::KickSenderNotJoined.into());
    }
    let level = room.levels.user(sender)?;
    if room.membership(target) == Membership::Ban && level < room.levels.required(Action::Ban)? {
        return Err(Rule::UnbanLevel.into());
    }
    if level < room.levels.required(Action::Kick)? {
        return Err(Rule::KickLevel.into());
    }
    if room.levels.user(target)? >= level {
        return Err(Rule::KickTargetLevel.into());
    }
    Ok(())
}

fn check_ban<S: AuthState + ?Sized>(room: &Room<'_, S>, sender: &str, target: &str) -> Result<(), AuthError> {
    if !room.is_joined(sender) {
        return Err(Rule::BanSenderNotJoined.into());
    }
    let level = room.levels.user(sender)?;
    if level < room.levels.required(Action::Ban)? {
        return Err(Rule::BanLevel.into());
    }
    if room.levels.user(target)? >= level {
        return Err(Rule::BanTargetLevel.into());
    }
    Ok(())
}

fn check_knock<S: AuthState + ?Sized>(
    room: &Room<'_, S>,
    sender: &str,
    target: &str,
) -> Result<(), AuthError> {
    match join_rule(room) {
        Some("knock") => {}
        Some("knock_restricted") if room.rules.auth.knock_restricted => {}
        _ => return Err(Rule::KnockNotOffered.into()),
    }
    if sender != target {
        return Err(Rule::KnockForAnother.into());
    }
    match room.membership(sender) {
        Membership::Ban => Err(Rule::KnockBanned.into()),
        Membership::Invite => Err(Rule::KnockInvited.into()),
        Membership::Join => Err(Rule::KnockJoined.into()),
        _ => Ok(()),
    }
}

/// The join rule, `invite` if none is set; nothing if it is no string.
fn join_rule<'a, S: AuthState + ?Sized>(room: &Room<'a, S>) -> Option<&'a str> {
    let event = room.state.get("m.room.join_rules", "");
    event.and_then(|event| event.content().get("join_rule")).map_or(Some("invite"), Value::as_str)
}
