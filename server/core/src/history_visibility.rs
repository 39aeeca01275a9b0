//! Who may see an event, <https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility>.
//!
//! Everything is judged by the state *at* the event; only "did the user join later" looks past it. What concerns
//! one reader rather than history stays with the caller: ignored senders, retention, soft-failed events, outliers
//! (of which a user sees the own out-of-band membership and nothing else).

use crate::membership::Membership;

/// The `history_visibility` of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HistoryVisibility {
    WorldReadable,
    Shared,
    Invited,
    Joined,
}

impl HistoryVisibility {
    /// Reads the content's `history_visibility`. Absent, without an event or not understood, it is `shared`.
    pub fn parse(value: Option<&str>) -> Self {
        match value {
            Some("world_readable") => Self::WorldReadable,
            Some("invited") => Self::Invited,
            Some("joined") => Self::Joined,
            _ => Self::Shared,
        }
    }

    /// As events write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WorldReadable => "world_readable",
            Self::Shared => "shared",
            Self::Invited => "invited",
            Self::Joined => "joined",
        }
    }
}

/// The room's visibility around an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventVisibility {
    /// In the state after the event.
    pub after: HistoryVisibility,
    /// In the state before it, if the event is an `m.room.history_visibility` itself.
    pub before: Option<HistoryVisibility>,
}

impl From<HistoryVisibility> for EventVisibility {
    /// Of every event that does not change it.
    fn from(visibility: HistoryVisibility) -> Self {
        Self { after: visibility, before: None }
    }
}

/// A user's membership around an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// In the state after the event; [`Membership::Leave`] for who has none.
    pub after: Membership,
    /// In the state before it, if the event is the user's own `m.room.member`; `Leave` for who had none.
    pub before: Option<Membership>,
    /// Whether the user joined at any point after the event. Synapse counts a join that still holds; so may the
    /// caller, since it does not serve events from after a user's leave.
    pub joined_later: bool,
}

impl Viewer {
    /// Somebody who never was in the room.
    pub const STRANGER: Self = Self { after: Membership::Leave, before: None, joined_later: false };
}

/// How a reader gets an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    Full,
    /// Redacted: the sender was erased and the reader was not there to see it.
    Redacted,
    Hidden,
}

/// Decides how a user sees an event.
///
/// Beyond the specification's five rules, as Synapse: a user always sees the own leave that ends a join or an
/// invitation, or clients would never learn of it; and of an erased sender (`sender_erased`) everybody but who was
/// joined sees the redacted form.
pub fn view_for_user(visibility: EventVisibility, viewer: Viewer, sender_erased: bool) -> View {
    let memberships = [Some(viewer.after), viewer.before];
    let own_leave = viewer.after == Membership::Leave
        && matches!(viewer.before, Some(Membership::Join | Membership::Invite));
    let joined = !own_leave && memberships.contains(&Some(Membership::Join));
    let invited = memberships.contains(&Some(Membership::Invite));
    let allows = |visibility| match visibility {
        HistoryVisibility::WorldReadable => true,
        HistoryVisibility::Shared => viewer.joined_later,
        HistoryVisibility::Invited => invited,
        HistoryVisibility::Joined => false,
    };
    if !(own_leave || joined || allows(visibility.after) || visibility.before.is_some_and(allows)) {
        View::Hidden
    } else if sender_erased && !joined {
        View::Redacted
    } else {
        View::Full
    }
}

/// Decides whether a server of the room may see an event, from the memberships of its users in the state after the
/// event; they are only looked at where the visibility is `invited` or `joined`.
///
/// As Synapse: to a server that is in the room the other two are open, and of an erased sender
/// (`sender_erased`) nothing is given away. While a room's state is partial, the caller must hold back events of
/// other servers, because the memberships are not all known.
pub fn server_may_see(
    visibility: HistoryVisibility,
    memberships: impl IntoIterator<Item = Membership>,
    sender_erased: bool,
) -> bool {
    let mut memberships = memberships.into_iter();
    !sender_erased
        && match visibility {
            HistoryVisibility::WorldReadable | HistoryVisibility::Shared => true,
            HistoryVisibility::Invited => {
                memberships.any(|membership| matches!(membership, Membership::Join | Membership::Invite))
            }
            HistoryVisibility::Joined => memberships.any(|membership| membership == Membership::Join),
        }
}

#[cfg(test)]
mod tests {
    use super::HistoryVisibility::{Invited, Joined, Shared, WorldReadable};
    use super::*;

    const ALL: [HistoryVisibility; 4] = [WorldReadable, Shared, Invited, Joined];

    fn at(after: Membership) -> Viewer {
        Viewer { after, ..Viewer::STRANGER }
    }

    fn own(before: Membership, after: Membership) -> Viewer {
        Viewer { after, before: Some(before), joined_later: false }
    }

    fn sees(visibility: impl Into<EventVisibility>, viewer: Viewer) -> bool {
        view_for_user(visibility.into(), viewer, false) == View::Full
    }

    fn seen_in(viewer: Viewer) -> Vec<HistoryVisibility> {
        ALL.into_iter().filter(|&visibility| sees(visibility, viewer)).collect()
    }

    #[test]
    fn unknown_visibility_is_shared() {
        assert_eq!(HistoryVisibility::parse(None), Shared);
        assert_eq!(HistoryVisibility::parse(Some("secret")), Shared);
        for visibility in ALL {
            assert_eq!(HistoryVisibility::parse(Some(visibility.as_str())), visibility);
        }
    }

    #[test]
    fn strangers_see_only_what_the_world_reads() {
        assert_eq!(seen_in(Viewer::STRANGER), [WorldReadable]);
        for membership in [Membership::Knock, Membership::Ban] {
            assert_eq!(seen_in(at(membership)), [WorldReadable]);
        }
    }

    #[test]
    fn joined_users_see_everything() {
        assert_eq!(seen_in(at(Membership::Join)), ALL);
    }

    #[test]
    fn invited_users_see_events_of_invited_rooms() {
        assert_eq!(seen_in(at(Membership::Invite)), [WorldReadable, Invited]);
    }

    #[test]
    fn who_joins_later_sees_shared_history() {
        let viewer = Viewer { joined_later: true, ..Viewer::STRANGER };
        assert_eq!(seen_in(viewer), [WorldReadable, Shared]);
        let viewer = Viewer { joined_later: true, ..at(Membership::Invite) };
        assert_eq!(seen_in(viewer), [WorldReadable, Shared, Invited]);
    }

    #[test]
    fn own_join_and_end_of_membership_are_always_seen() {
        assert_eq!(seen_in(own(Membership::Leave, Membership::Join)), ALL);
        assert_eq!(seen_in(own(Membership::Join, Membership::Leave)), ALL);
        assert_eq!(seen_in(own(Membership::Join, Membership::Ban)), ALL);
        assert_eq!(seen_in(own(Membership::Invite, Membership::Leave)), ALL);
    }

    #[test]
    fn own_ban_without_membership_stays_hidden() {
        assert_eq!(seen_in(own(Membership::Leave, Membership::Ban)), [WorldReadable]);
        assert_eq!(seen_in(own(Membership::Invite, Membership::Ban)), [WorldReadable, Invited]);
    }

    #[test]
    fn a_change_of_visibility_is_seen_by_who_either_side_allows() {
        let change = |before, after| EventVisibility { after, before: Some(before) };
        assert!(sees(change(WorldReadable, Joined), Viewer::STRANGER));
        assert!(sees(change(Joined, WorldReadable), Viewer::STRANGER));
        assert!(!sees(change(Shared, Joined), Viewer::STRANGER));
        // "Shared" does not include "invited": an invited user who never joined sees the one and not the other.
        assert!(sees(change(Shared, Invited), at(Membership::Invite)));
        assert!(sees(change(Invited, Joined), at(Membership::Invite)));
        assert!(!sees(change(Shared, Joined), at(Membership::Invite)));
    }

    #[test]
    fn events_of_the_erased_are_whole_only_for_who_was_there() {
        let view = |viewer| view_for_user(Shared.into(), viewer, true);
        assert_eq!(view(at(Membership::Join)), View::Full);
        assert_eq!(view(Viewer { joined_later: true, ..Viewer::STRANGER }), View::Redacted);
        assert_eq!(view(Viewer::STRANGER), View::Hidden);
        assert_eq!(view(own(Membership::Join, Membership::Leave)), View::Redacted);
    }

    #[test]
    fn servers_see_what_their_users_could() {
        assert!(server_may_see(Shared, [], false));
        assert!(server_may_see(WorldReadable, [], false));
        assert!(!server_may_see(Joined, [Membership::Leave, Membership::Invite], false));
        assert!(server_may_see(Joined, [Membership::Leave, Membership::Join], false));
        assert!(server_may_see(Invited, [Membership::Invite], false));
        assert!(!server_may_see(Invited, [Membership::Ban, Membership::Knock], false));
        assert!(!server_may_see(WorldReadable, [Membership::Join], true));
    }
}
