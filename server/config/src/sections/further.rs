//! Short sections, Python modules, and what Synapse reads without its manual saying so.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::IpRange;
use crate::definition::Kind;
use crate::reader::Reader;
use crate::setting::{Setting, Sink};
use crate::yaml::{Content, Node};

const PYTHON: &str = "Python modules cannot run here";

type Opaque = Map<String, Value>;

pub(crate) fn read_modules(r: &mut Reader<'_, '_>) {
    r.never(PYTHON).list("modules", "[]", "Python modules that change what the server does.", |r| {
        r.require::<String>("module", "The module's name.");
        r.know::<Opaque>("config", "{}", "Its settings.");
    });
}

pub(crate) fn read_manhole(r: &mut Reader<'_, '_>) {
    const NONE: &str = "there is no Python to look into";
    r.never(NONE).know::<Option<u16>>("manhole", "null", "Port for looking inside the running process.");
    r.never(NONE).group("manhole_settings", "Who may look inside.", |r| {
        r.know::<Option<String>>("username", "matrix", "User.");
        r.secret("password", "password_path", "Password.");
        r.know::<Option<PathBuf>>("ssh_priv_key_path", "null", "Private key of the SSH server.");
        r.know::<Option<PathBuf>>("ssh_pub_key_path", "null", "Its public key.");
    });
}

pub(crate) fn read_opentracing(r: &mut Reader<'_, '_>) {
    r.never("traces are not sent").group("opentracing", "Following a request through all servers.", |r| {
        r.know::<bool>("enabled", "false", "Whether it is done.");
        r.know::<Vec<String>>(
            "homeserver_whitelist",
            "[]",
            "Servers that take part, as regular expressions.",
        );
        r.know::<Vec<String>>("force_tracing_for_users", "[]", "Users whose requests are always followed.");
        r.know::<Opaque>("jaeger_config", "{}", "Settings of the Python library.");
    });
}

pub(crate) fn read_background_updates(r: &mut Reader<'_, '_>) {
    r.not_yet("updates find their own pace").group(
        "background_updates",
        "How fast long changes of the database go on while the server runs.",
        |r| {
            r.know::<u64>("background_update_duration_ms", "100", "Milliseconds of one step.");
            r.know::<bool>("sleep_enabled", "true", "Whether there is a pause between steps.");
            r.know::<u64>("sleep_duration_ms", "1000", "Milliseconds of it.");
            r.know::<u64>("min_batch_size", "1", "Least number of rows of one step.");
            r.know::<u64>("default_batch_size", "100", "Number of rows of the first step.");
        },
    );
}

pub(crate) fn read_auto_accept_invites(r: &mut Reader<'_, '_>) {
    r.not_yet("users accept their invites").group(
        "auto_accept_invites",
        "Joining users to the rooms that they are invited to.",
        |r| {
            r.know::<bool>("enabled", "false", "Whether it is done.");
            r.know::<bool>("only_for_direct_messages", "false", "Whether for direct messages only.");
            r.know::<bool>("only_from_local_users", "false", "Whether for invites from this server only.");
            r.know::<Option<String>>("worker_to_run_on", "null", "The worker that does it.");
        },
    );
}

/// Options that the code of Synapse reads and its manual leaves out.
pub(crate) fn read_undocumented(r: &mut Reader<'_, '_>) {
    const EXPERIMENTS: &str = "experiments of Synapse are on or off here by themselves";
    r.never(EXPERIMENTS).know::<Opaque>("experimental_features", "{}", "Switches of proposals.");
    r.never(PYTHON).know::<Opaque>("account_validity", "{}", "Accounts that expire.");
    r.never(PYTHON).know::<Opaque>("ldap_config", "{}", "Login by LDAP (old form).");
    r.never(PYTHON).know::<Opaque>("third_party_event_rules", "{}", "A module (old form).");
    r.never(PYTHON).know::<Opaque>("presence_router", "{}", "A module (old form).");
    for name in ["password_providers", "spam_checker"] {
        r.never(PYTHON).know::<ListOrMapping>(name, "null", "Modules (old form).");
    }
    r.not_yet("messages do not expire").know::<bool>(
        "enable_ephemeral_messages",
        "false",
        "Whether messages can expire by themselves (MSC2228).",
    );
    r.not_yet("`ip_range_blacklist` holds for other servers too").know::<Option<Vec<IpRange>>>(
        "federation_ip_range_blacklist",
        "null",
        "Addresses of servers that no request goes to (old form).",
    );
    r.not_yet("dummy events are not sent").know::<bool>(
        "cleanup_extremities_with_dummy_events",
        "true",
        "Whether dummy events join the ends of an event graph.",
    );
    r.never("third-party identifiers are not handled").know::<bool>(
        "enable_registration_token_3pid_bypass",
        "false",
        "Whether a registration token makes up for a third-party identifier.",
    );
    r.never(PYTHON).know::<bool>(
        "use_account_validity_in_account_status",
        "false",
        "Whether an expired account is shown as such.",
    );
    r.never("there is no replication to slow down").know::<Option<f64>>(
        "replication_torture_level",
        "null",
        "Milliseconds by which replication is slowed in tests.",
    );
    const OLD: &str = "Synapse does not read it any more either";
    r.never(OLD).know::<Option<String>>("invite_client_location", "null", "Now a member of `email`.");
    r.never(OLD).know::<bool>("invite_3pid_guest", "false", "Guests by invite.");
    r.never(OLD).know::<bool>("show_locked_users", "false", "Now a member of `user_directory`.");
    r.never(OLD).know::<Option<PathBuf>>("template_dir", "null", "Now `templates`.");
    r.never(OLD).know::<Option<String>>("user_profile_method", "null", "Now a member of `oidc_providers`.");
}

/// A list of modules, or one.
#[derive(Default)]
struct ListOrMapping;

impl Setting for ListOrMapping {
    fn kind() -> Kind {
        Kind::Either(Box::new(Kind::List(Box::new(Kind::Opaque))), Box::new(Kind::Opaque))
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        match &node.content {
            Content::Null | Content::Sequence(_) | Content::Mapping(_) => Some(Self),
            _ => sink.expected(node, Self::kind()),
        }
    }
}
