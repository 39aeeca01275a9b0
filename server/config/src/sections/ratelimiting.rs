//! How often things may be done.

use crate::reader::Reader;
use crate::setting::Bytes;

/// A token bucket: `burst_count` at once, then `per_second`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RateLimit {
    pub per_second: f64,
    pub burst_count: u32,
}

/// All rate limits. A field is the option of the same name; `_` stands for the dot.
#[derive(Clone, Debug)]
pub struct RateLimitsConfig {
    pub rc_message: RateLimit,
    pub rc_registration: RateLimit,
    pub rc_registration_token_validity: RateLimit,
    pub rc_login_address: RateLimit,
    pub rc_login_account: RateLimit,
    pub rc_login_failed_attempts: RateLimit,
    /// `None`: administrators' redactions count as messages.
    pub rc_admin_redaction: Option<RateLimit>,
    pub rc_joins_local: RateLimit,
    pub rc_joins_remote: RateLimit,
    pub rc_joins_per_room: RateLimit,
    pub rc_key_requests: RateLimit,
    pub rc_3pid_validation: RateLimit,
    pub rc_invites_per_room: RateLimit,
    pub rc_invites_per_user: RateLimit,
    pub rc_invites_per_issuer: RateLimit,
    pub rc_third_party_invite: RateLimit,
    pub rc_media_create: RateLimit,
    pub rc_federation: FederationRateLimit,
    pub rc_presence_per_user: RateLimit,
    pub rc_delayed_event_mgmt: RateLimit,
    pub rc_reports: RateLimit,
    pub rc_room_creation: RateLimit,
    pub rc_user_directory: RateLimit,
    pub federation_rr_transactions_per_room_per_second: u32,
    /// Bytes of other servers' media in one burst.
    pub remote_media_download_burst_count: u64,
    /// Bytes of other servers' media a second.
    pub remote_media_download_per_second: u64,
}

/// The window in which requests of another server are counted.
#[derive(Clone, Copy, Debug)]
pub struct FederationRateLimit {
    /// Milliseconds.
    pub window_size: u64,
    pub sleep_limit: u32,
    /// Milliseconds.
    pub sleep_delay: u64,
    pub reject_limit: u32,
    pub concurrent: u32,
}

const FEDERATION: &str = "there is no federation yet";
const TOKENS: &str = "registration tokens are not handled yet";
const OLD: &str = "it is older than the `rc_*` blocks; use those";

pub(crate) fn read(r: &mut Reader<'_, '_>) -> RateLimitsConfig {
    let (rc_login_address, rc_login_account, rc_login_failed_attempts) = logins(r);
    let (rc_joins_local, rc_joins_remote) = r.group("rc_joins", "Joining rooms, by user.", |r| {
        (
            limit(r, "local", "0.1", "10.0", "Rooms in which this server is already."),
            limit(r, "remote", "0.01", "10.0", "Rooms of other servers."),
        )
    });
    let (rc_invites_per_room, rc_invites_per_user, rc_invites_per_issuer) =
        r.group("rc_invites", "Inviting.", |r| {
            (
                limit(r, "per_room", "0.3", "10.0", "Invites into one room."),
                limit(r, "per_user", "0.003", "5.0", "Invites to one user."),
                limit(r, "per_issuer", "0.3", "10.0", "Invites from one user."),
            )
        });
    let Bytes(remote_media_download_burst_count) = r.not_yet(FEDERATION).get(
        "remote_media_download_burst_count",
        "500M",
        "Bytes of other servers' media that a user may fetch at once.",
    );
    let Bytes(remote_media_download_per_second) = r.not_yet(FEDERATION).get(
        "remote_media_download_per_second",
        "87K",
        "Bytes of other servers' media that a user may fetch a second.",
    );
    let config = RateLimitsConfig {
        rc_message: limit(r, "rc_message", "0.2", "10.0", "Sending events, by user."),
        rc_registration: limit(r, "rc_registration", "0.17", "3.0", "Making accounts, by address."),
        rc_registration_token_validity: limit(
            r.not_yet(TOKENS),
            "rc_registration_token_validity",
            "0.1",
            "5.0",
            "Asking whether a registration token is good, by address.",
        ),
        rc_login_address,
        rc_login_account,
        rc_login_failed_attempts,
        rc_admin_redaction: r.optional_group(
            "rc_admin_redaction",
            "Redactions by administrators of the server; as messages if not given.",
            |r| members(r, "0.17", "3.0"),
        ),
        rc_joins_local,
        rc_joins_remote,
        rc_joins_per_room: limit(r, "rc_joins_per_room", "1.0", "10.0", "Joins into one room."),
        rc_key_requests: limit(r, "rc_key_requests", "20.0", "100.0", "Asking for keys of users, by device."),
        rc_3pid_validation: limit(
            r.not_yet("e-mail addresses and phone numbers are not handled"),
            "rc_3pid_validation",
            "0.003",
            "5.0",
            "Checks of e-mail addresses and phone numbers.",
        ),
        rc_invites_per_room,
        rc_invites_per_user,
        rc_invites_per_issuer,
        rc_third_party_invite: limit(
            r.not_yet("identity servers are not asked"),
            "rc_third_party_invite",
            "0.0025",
            "5.0",
            "Invites by e-mail address or phone number.",
        ),
        rc_media_create: limit(r, "rc_media_create", "10.0", "50.0", "Making media addresses, by user."),
        rc_federation: rc_federation(r),
        rc_presence_per_user: r
            .group("rc_presence", "Changing presence.", |r| limit(r, "per_user", "0.1", "1.0", "By user.")),
        rc_delayed_event_mgmt: limit(
            r.not_yet("events are not delayed"),
            "rc_delayed_event_mgmt",
            "1.0",
            "5.0",
            "Managing delayed events.",
        ),
        rc_reports: limit(r, "rc_reports", "1.0", "5.0", "Reporting events, rooms and users."),
        rc_room_creation: limit(r, "rc_room_creation", "0.016", "10.0", "Making rooms, by user."),
        rc_user_directory: limit(r, "rc_user_directory", "0.016", "200.0", "Searching the user directory."),
        federation_rr_transactions_per_room_per_second: r.not_yet(FEDERATION).get(
            "federation_rr_transactions_per_room_per_second",
            "50",
            "Receipts of one room that go to other servers a second.",
        ),
        remote_media_download_burst_count,
        remote_media_download_per_second,
    };
    old_options(r);
    config
}

fn logins(r: &mut Reader<'_, '_>) -> (RateLimit, RateLimit, RateLimit) {
    r.group("rc_login", "Logging in.", |r| {
        (
            limit(r, "address", "0.003", "5.0", "By address."),
            limit(r, "account", "0.003", "5.0", "By account."),
            limit(r, "failed_attempts", "0.17", "3.0", "Wrong passwords, by account."),
        )
    })
}

fn limit(
    r: &mut Reader<'_, '_>,
    name: &'static str,
    per_second: &'static str,
    burst_count: &'static str,
    documentation: &'static str,
) -> RateLimit {
    r.group(name, documentation, |r| members(r, per_second, burst_count))
}

fn members(r: &mut Reader<'_, '_>, per_second: &'static str, burst_count: &'static str) -> RateLimit {
    let rate: f64 = r.get("per_second", per_second, "How many a second, over time.");
    let burst: f64 = r.get("burst_count", burst_count, "How many at once.");
    if rate < 0.0 {
        r.refuse("per_second", "expected 0 or more");
    }
    if !(0.0..=f64::from(u32::MAX)).contains(&burst) {
        r.refuse("burst_count", "expected 0 or more");
    }
    // Bounded just above; Synapse cuts a fraction off too.
    RateLimit { per_second: rate, burst_count: burst as u32 }
}

fn rc_federation(r: &mut Reader<'_, '_>) -> FederationRateLimit {
    r.not_yet(FEDERATION).group("rc_federation", "Requests of other servers, by server.", |r| {
        FederationRateLimit {
            window_size: r.get("window_size", "1000", "Milliseconds in which requests are counted."),
            sleep_limit: r.get("sleep_limit", "10", "Requests in it before answers are delayed."),
            sleep_delay: r.get("sleep_delay", "500", "Milliseconds by which they are."),
            reject_limit: r.get("reject_limit", "50", "Waiting requests before further ones are refused."),
            concurrent: r.get("concurrent", "3", "Requests that are worked on at once."),
        }
    })
}

fn old_options(r: &mut Reader<'_, '_>) {
    r.never(OLD).know::<f64>("rc_messages_per_second", "0.2", "Rate of messages (old form).");
    r.never(OLD).know::<f64>("rc_message_burst_count", "10.0", "Burst of messages (old form).");
    for name in [
        "federation_rc_window_size",
        "federation_rc_sleep_limit",
        "federation_rc_sleep_delay",
        "federation_rc_reject_limit",
        "federation_rc_concurrent",
    ] {
        r.never(OLD).know::<Option<u64>>(name, "null", "A member of `rc_federation` (old form).");
    }
}
