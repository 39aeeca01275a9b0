//! Who the server is and how it behaves.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::IpRange;
use crate::fault::FaultKind;
use crate::reader::Reader;
use crate::server_name::is_server_name;
use crate::setting::LooseText;

const PYTHON: &str = "it tunes Python, which is not used here";
const FORK: &str = "the process stays in the foreground; the service manager supervises it";

/// The server as a whole. A field is the option of the same name.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    pub server_name: String,
    pub pid_file: Option<PathBuf>,
    pub print_pidfile: bool,
    pub user_agent_suffix: Option<String>,
    pub web_client_location: Option<String>,
    /// With a slash at its end; derived from `server_name` if not given.
    pub public_baseurl: String,
    /// Whether `public_baseurl` was given: only then clients are told it.
    pub serve_client_wellknown: bool,
    pub serve_server_wellknown: bool,
    pub extra_well_known_client_content: Map<String, Value>,
    /// 0 leaves the limit as it is.
    pub soft_file_limit: u64,
    pub require_auth_for_profile_requests: bool,
    pub limit_profile_requests_to_users_who_share_rooms: bool,
    pub include_profile_data_on_invite: bool,
    pub allow_public_rooms_without_auth: bool,
    pub allow_public_rooms_over_federation: bool,
    pub default_room_version: String,
    pub filter_timeline_limit: u32,
    pub block_non_admin_invites: bool,
    pub enable_search: bool,
    pub ip_range_blacklist: Vec<IpRange>,
    pub ip_range_whitelist: Vec<IpRange>,
    pub dummy_events_threshold: u32,
    pub delete_stale_devices_after: Option<Duration>,
    pub max_event_delay_duration: Option<Duration>,
    pub user_types: UserTypesConfig,
}

/// Types that users can have.
#[derive(Clone, Debug)]
pub struct UserTypesConfig {
    pub default_user_type: Option<String>,
    pub extra_user_types: Vec<String>,
}

const OUTBOUND: &str = "no outgoing requests are made yet";

const FEDERATION: &str = "there is no federation yet";

const DEVICES: &str = "devices stay until somebody removes them";

const DELAYED: &str = "events are not delayed";

const TYPES: &str = "users have no types yet";

const ADMINISTRATORS: &str = "everybody may invite";

pub(crate) fn read(r: &mut Reader<'_, '_>) -> ServerConfig {
    let server_name = server_name(r);
    let (public_baseurl, serve_client_wellknown) = public_baseurl(r, &server_name);
    r.never(FORK).know::<bool>("daemonize", "false", "Whether to go to the background.");
    r.never(PYTHON).know::<bool>("use_frozen_dicts", "false", "Make events immutable while debugging.");
    r.never(PYTHON).know::<Option<Vec<i64>>>(
        "gc_thresholds",
        "null",
        "Thresholds of Python's garbage collector.",
    );
    r.never(PYTHON).know::<Vec<Duration>>(
        "gc_min_interval",
        r#"["1s", "10s", "30s"]"#,
        "Shortest times between runs of Python's garbage collector.",
    );
    let mut config = ServerConfig {
        server_name,
        pid_file: r.get("pid_file", "null", "A file that gets the process id."),
        print_pidfile: r.get("print_pidfile", "false", "Whether to print the path of `pid_file` at start."),
        user_agent_suffix: r.not_yet(OUTBOUND).get("user_agent_suffix", "null", "Text at the end of the User-Agent of our requests."),
        web_client_location: r.get("web_client_location", "null", "Where `/` redirects a browser to."),
        public_baseurl,
        serve_client_wellknown,
        serve_server_wellknown: r.not_yet(FEDERATION).get(
            "serve_server_wellknown",
            "false",
            "Whether to answer `/.well-known/matrix/server` and so send other servers to port 443.",
        ),
        extra_well_known_client_content: r.get(
            "extra_well_known_client_content",
            "{}",
            "More members of the answer to `/.well-known/matrix/client`.",
        ),
        soft_file_limit: r.get("soft_file_limit", "0", "Number of open files to allow; 0 leaves the limit as it is."),
        require_auth_for_profile_requests: r.get(
            "require_auth_for_profile_requests",
            "false",
            "Whether a profile is shown only to those who are logged in.",
        ),
        limit_profile_requests_to_users_who_share_rooms: r.get(
            "limit_profile_requests_to_users_who_share_rooms",
            "false",
            "Whether a profile is shown only to those who share a room with its owner.",
        ),
        include_profile_data_on_invite: r.get(
            "include_profile_data_on_invite",
            "true",
            "Whether an invite carries the invited user's name and avatar.",
        ),
        allow_public_rooms_without_auth: r.get(
            "allow_public_rooms_without_auth",
            "false",
            "Whether the list of public rooms is shown without a login.",
        ),
        allow_public_rooms_over_federation: r.not_yet(FEDERATION).get(
            "allow_public_rooms_over_federation",
            "false",
            "Whether other servers may ask for the list of public rooms.",
        ),
        default_room_version: room_version(r),
        filter_timeline_limit: r.get(
            "filter_timeline_limit",
            "100",
            "Most events of a timeline that a sync filter can ask for.",
        ),
        block_non_admin_invites: r.not_yet(ADMINISTRATORS).get(
            "block_non_admin_invites",
            "false",
            "Whether users of this server can be invited by its administrators only.",
        ),
        enable_search: r.get("enable_search", "true", "Whether messages are indexed and can be searched."),
        ip_range_blacklist: r.not_yet(OUTBOUND).get(
            "ip_range_blacklist",
            r#"["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24", "169.254.0.0/16", "192.88.99.0/24", "198.18.0.0/15", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "::1/128", "fe80::/10", "fc00::/7", "2001:db8::/32", "ff00::/8", "fec0::/10"]"#,
            "Addresses that no outgoing request goes to; 0.0.0.0 and :: never.",
        ),
        ip_range_whitelist: r.not_yet(OUTBOUND).get("ip_range_whitelist", "[]", "Exceptions to `ip_range_blacklist`."),
        dummy_events_threshold: r.not_yet(FEDERATION).get(
            "dummy_events_threshold",
            "10",
            "Number of ends of a room's event graph from which on a dummy event joins them.",
        ),
        delete_stale_devices_after: r.not_yet(DEVICES).get(
            "delete_stale_devices_after",
            "null",
            "Log out devices that have not been used for so long.",
        ),
        max_event_delay_duration: r.not_yet(DELAYED).get(
            "max_event_delay_duration",
            "null",
            "Longest time by which an event can be delayed (MSC4140).",
        ),
        user_types: r.not_yet(TYPES).group("user_types", "Types that a user can have besides `support` and `bot`.", |r| {
            UserTypesConfig {
                default_user_type: r.get("default_user_type", "null", "Type of new users."),
                extra_user_types: r.get("extra_user_types", "[]", "Further types that users can be given."),
            }
        }),
    };
    check_client_content(r, &config.extra_well_known_client_content);
    restrict_public_rooms(r, &mut config);
    config
}

fn server_name(r: &mut Reader<'_, '_>) -> String {
    let name: Option<String> = r.get(
        "server_name",
        "null",
        "The public name of the server: the part after the colon of every user id. It can never change.",
    );
    let Some(name) = name else {
        if !r.is_describing() && r.given("server_name").is_none_or(crate::yaml::Node::is_null) {
            r.fault(FaultKind::NotConfigured, "server_name", "not configured yet: the server has no name");
        }
        return String::new();
    };
    if !is_server_name(&name) {
        r.refuse("server_name", "expected a host name like example.org, perhaps with a port");
    }
    name
}

fn public_baseurl(r: &mut Reader<'_, '_>, server_name: &str) -> (String, bool) {
    let given: Option<String> = r.get(
        "public_baseurl",
        "null",
        "The URL at which clients reach this server; `https://` and `server_name` if not given.",
    );
    let Some(mut url) = given else { return (format!("https://{server_name}/"), false) };
    if !url.ends_with('/') {
        url.push('/');
    }
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    if rest.is_none_or(|rest| rest.starts_with('/')) {
        r.refuse("public_baseurl", "expected a URL that starts with https:// or http://");
    } else if url.contains(['?', '#']) {
        r.refuse("public_baseurl", "expected a URL without a query and a fragment");
    }
    (url, true)
}

fn room_version(r: &mut Reader<'_, '_>) -> String {
    let LooseText(version) = r.get("default_room_version", "\"12\"", "Version of new rooms.");
    let known =
        version.parse::<u8>().is_ok_and(|number| (1..=12).contains(&number) && version == number.to_string());
    if !known {
        r.refuse("default_room_version", "expected a room version from 1 to 12");
    }
    version
}

fn check_client_content(r: &mut Reader<'_, '_>, content: &Map<String, Value>) {
    for (member, option) in
        [("m.homeserver", "public_baseurl"), ("m.identity_server", "default_identity_server")]
    {
        if content.contains_key(member) {
            let message = format!("`{member}` cannot be set here; use `{option}`");
            r.conflict("extra_well_known_client_content", &message);
        }
    }
}

/// An older option for two newer ones at once.
fn restrict_public_rooms(r: &mut Reader<'_, '_>, config: &mut ServerConfig) {
    let restrict: bool = r.get(
        "restrict_public_rooms_to_local_users",
        "false",
        "Whether the list of public rooms is for users of this server only (old form).",
    );
    let newer = ["allow_public_rooms_without_auth", "allow_public_rooms_over_federation"];
    if r.given("restrict_public_rooms_to_local_users").is_some()
        && newer.iter().any(|name| r.given(name).is_some())
    {
        r.conflict("restrict_public_rooms_to_local_users", "given beside the newer `allow_public_rooms_…`");
    }
    if restrict {
        config.allow_public_rooms_without_auth = false;
        config.allow_public_rooms_over_federation = false;
    }
}
