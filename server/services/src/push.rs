//! Who is notified by an event (<https://spec.matrix.org/v1.19/client-server-api/#push-rules>): worked out before the
//! unit that stores the event, and stored in it. What follows from it, counts and lists, is in `notifications`.

mod members;
mod record;

use std::{collections::BTreeMap, sync::Arc};

use myelin_core::{
    Event, RoomVersionRules,
    json::Object,
    power_levels::PowerLevels,
    push_rules::{Actions, BulkEvaluator, Member, RoomFacts},
};
use myelin_storage::{StorageError, notifications::Digest};
use ruma::{OwnedServerName, OwnedUserId, UserId};
use sha2::{Digest as _, Sha256};

pub(crate) use self::{
    members::{Before, RoomMembers},
    record::{KnownAudiences, record},
};
use crate::{ignored_users::IgnoredUsers, push_rules::PushRules};

/// Works out who is notified. Cheap to clone.
#[derive(Clone)]
pub struct Push {
    rules: PushRules,
    ignored_users: IgnoredUsers,
    server_name: OwnedServerName,
}

/// A way in which an event notifies some users.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    /// A JSON list.
    actions: String,
    highlight: bool,
    /// A sorted JSON list.
    members: String,
    digest: Digest,
}

/// The events of a room's state that say what its users may do.
#[derive(Clone, Copy)]
pub(crate) struct Powers<'a> {
    pub(crate) rules: &'static RoomVersionRules,
    pub(crate) create: Option<&'a Event>,
    pub(crate) power_levels: Option<&'a Event>,
}

impl Push {
    /// Push by these rules, for users of this server.
    pub fn new(rules: PushRules, ignored_users: IgnoredUsers, server_name: OwnedServerName) -> Self {
        Self { rules, ignored_users, server_name }
    }

    /// Who of a room's members, and of those whom it invites, an event notifies.
    pub(crate) async fn notices(
        &self,
        event: &Event,
        powers: Powers<'_>,
        members: &RoomMembers,
    ) -> Result<Vec<Notice>, StorageError> {
        let mut users: Vec<(&UserId, Option<&str>)> = members.local().collect();
        let invited = self.invited(event);
        users.extend(invited.as_ref().map(|invited| (&**invited, event.content().get_str("displayname"))));
        let ignoring = self.ignoring(event).await?;
        users.retain(|(user_id, _)| ignoring.binary_search_by(|found| (**found).cmp(user_id)).is_err());
        if users.iter().all(|(user_id, _)| *user_id == event.sender()) {
            return Ok(Vec::new());
        }
        let ids: Vec<&UserId> = users.iter().map(|(user_id, _)| *user_id).collect();
        let rules = self.rules.list_of_users(&ids).await?;
        let notification_levels = powers.notification_levels();
        let facts = RoomFacts {
            member_count: members.joined(),
            sender_power_level: powers.level_of(event.sender()),
            notification_levels: &notification_levels,
        };
        let evaluator = BulkEvaluator::new(self.rules.defaults(), event.fields(), facts);
        let candidates = users.iter().zip(&rules).map(|((user_id, display_name), rules)| Member {
            user_id: user_id.as_str(),
            display_name: *display_name,
            rules: rules.as_deref(),
        });
        let mut groups: Vec<(&Actions, Vec<&str>)> = Vec::new();
        for (member, actions) in evaluator.notified(candidates) {
            let known =
                groups.iter_mut().find(|(known, _)| std::ptr::eq(*known, actions) || *known == actions);
            match known {
                Some((_, group)) => group.push(member.user_id),
                None => groups.push((actions, vec![member.user_id])),
            }
        }
        if members.contains(event.sender()) {
            add_sender(&mut groups, event.sender());
        }
        Ok(groups.into_iter().map(|(actions, group)| Notice::new(actions, group)).collect())
    }

    /// Who does not hear of the event because of its sender, in the order of their ids.
    async fn ignoring(&self, event: &Event) -> Result<Arc<[OwnedUserId]>, StorageError> {
        let is_told = event.state_key().is_some() && event.membership() != Some("invite");
        match <&UserId>::try_from(event.sender()) {
            Ok(sender) if !is_told => self.ignored_users.list_ignoring(sender).await,
            _ => Ok(Arc::default()),
        }
    }

    /// The user of this server whom the event invites.
    fn invited(&self, event: &Event) -> Option<OwnedUserId> {
        let is_invite = event.event_type() == "m.room.member" && event.membership() == Some("invite");
        let invited = UserId::parse(event.state_key().filter(|_| is_invite)?).ok()?;
        (invited.server_name() == self.server_name).then_some(invited)
    }
}

/// The sender is notified of nothing, but an own event is read when it is sent. With the sender, the events of all
/// senders mostly notify the same users, and the room stores one set of them.
fn add_sender<'a>(groups: &mut [(&Actions, Vec<&'a str>)], sender: &'a str) {
    let largest = groups.iter_mut().filter(|(actions, _)| !actions.highlights());
    if let Some((_, group)) = largest.max_by_key(|(_, group)| group.len()) {
        group.push(sender);
    }
}

impl Notice {
    fn new(actions: &Actions, mut members: Vec<&str>) -> Self {
        members.sort_unstable();
        members.dedup();
        let members = serde_json::Value::from(members).to_string();
        Self {
            actions: serde_json::Value::from(actions.as_json()).to_string(),
            highlight: actions.highlights(),
            digest: Sha256::digest(members.as_bytes()).into(),
            members,
        }
    }
}

impl Powers<'_> {
    fn level_of(self, user_id: &str) -> Option<i64> {
        let levels = PowerLevels::new(self.rules, self.create?, self.power_levels);
        levels.user(user_id).ok().map(|level| level.saturating())
    }

    fn notification_levels(self) -> BTreeMap<String, i64> {
        let levels = self.power_levels.and_then(|event| event.content().get("notifications")?.as_object());
        let levels = levels.into_iter().flat_map(Object::iter);
        levels.filter_map(|(name, level)| Some((name.to_owned(), level.as_i64()?))).collect()
    }
}
