//! How often rooms may be made, joined and written to.

use myelin_config::RateLimitsConfig;
use ruma::{OwnedRoomId, OwnedUserId};

use crate::{clock::Clock, ratelimit::RateLimiter};

/// The limits of `rc_message`, `rc_joins`, `rc_invites` and their relatives.
pub(super) struct RoomLimits {
    pub(super) messages: RateLimiter<OwnedUserId>,
    /// Redactions of administrators of this server, if they are counted apart.
    pub(super) admin_redactions: Option<RateLimiter<OwnedUserId>>,
    pub(super) joins: RateLimiter<OwnedUserId>,
    pub(super) joins_of_room: RateLimiter<OwnedRoomId>,
    pub(super) invites_to_room: RateLimiter<OwnedRoomId>,
    pub(super) invites_of_user: RateLimiter<OwnedUserId>,
    pub(super) invites_by_issuer: RateLimiter<OwnedUserId>,
    pub(super) creations: RateLimiter<OwnedUserId>,
}

impl RoomLimits {
    pub(super) fn new(limits: &RateLimitsConfig, clock: &Clock) -> Self {
        let limiter = |limit| RateLimiter::new(limit, clock.clone());
        Self {
            messages: limiter(limits.rc_message),
            admin_redactions: limits.rc_admin_redaction.map(limiter),
            joins: limiter(limits.rc_joins_local),
            joins_of_room: RateLimiter::new(limits.rc_joins_per_room, clock.clone()),
            invites_to_room: RateLimiter::new(limits.rc_invites_per_room, clock.clone()),
            invites_of_user: limiter(limits.rc_invites_per_user),
            invites_by_issuer: limiter(limits.rc_invites_per_issuer),
            creations: limiter(limits.rc_room_creation),
        }
    }
}
