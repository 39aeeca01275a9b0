#!/usr/bin/env python3
"""Writes what a real Synapse makes of small configurations, for the tests of server/config.

Needs Synapse (PyPI: matrix-synapse). Run it from the root of the tree:
    python3 scripts/vectors/synapse_config_answers.py
Each case is a set of files, read in order with `-c`; the answer is the value of some attributes, or the message of the
error.
"""

import io
import json
import os
import pathlib
import tempfile
from contextlib import redirect_stderr, redirect_stdout

from synapse.config._base import ConfigError
from synapse.config.homeserver import HomeServerConfig
from synapse import __version__

OUT = pathlib.Path("server/config/tests/vectors/synapse-configs.json")

BASE = "server_name: example.org\nreport_stats: false\ndatabase: {name: sqlite3, args: {database: ':memory:'}}\n"

# name here -> how to get it from Synapse's configuration
VALUES = {
    "server.server_name": lambda c: c.server.server_name,
    "server.public_baseurl": lambda c: c.server.public_baseurl,
    "server.serve_client_wellknown": lambda c: c.server.serve_client_wellknown,
    "server.default_room_version": lambda c: c.server.default_room_version.identifier,
    "server.filter_timeline_limit": lambda c: c.server.filter_timeline_limit,
    "server.enable_search": lambda c: c.server.enable_search,
    "server.allow_public_rooms_without_auth": lambda c: c.server.allow_public_rooms_without_auth,
    "server.delete_stale_devices_after": lambda c: c.server.delete_stale_devices_after,
    "presence.enabled": lambda c: c.server.presence_enabled,
    "presence.idle_timeout": lambda c: c.server.presence_idle_timeout,
    "blocking.redaction_retention_period": lambda c: c.server.redaction_retention_period,
    "blocking.user_ips_max_age": lambda c: c.server.user_ips_max_age,
    "blocking.max_avatar_size": lambda c: c.server.max_avatar_size,
    "listeners": lambda c: [listener(one) for one in c.server.listeners],
    "media.max_upload_size": lambda c: c.media.max_upload_size,
    "media.max_image_pixels": lambda c: c.media.max_image_pixels,
    "media.unused_expiration_time": lambda c: c.media.unused_expiration_time,
    "media.dynamic_thumbnails": lambda c: c.media.dynamic_thumbnails,
    "registration.enable_registration": lambda c: c.registration.enable_registration,
    "registration.bcrypt_rounds": lambda c: c.registration.bcrypt_rounds,
    "registration.auto_join_rooms": lambda c: c.registration.auto_join_rooms,
    "registration.registration_shared_secret": lambda c: c.registration.registration_shared_secret,
    "session.session_lifetime": lambda c: c.registration.session_lifetime,
    "session.refreshable_access_token_lifetime": lambda c: c.registration.refreshable_access_token_lifetime,
    "session.ui_auth_session_timeout": lambda c: c.auth.ui_auth_session_timeout,
    "passwords.localdb_enabled": lambda c: c.auth.password_localdb_enabled,
    "passwords.for_login": lambda c: c.auth.password_enabled_for_login,
    "passwords.for_reauth": lambda c: c.auth.password_enabled_for_reauth,
    "rate_limits.rc_message": lambda c: limit(c.ratelimiting.rc_message),
    "rate_limits.rc_registration": lambda c: limit(c.ratelimiting.rc_registration),
    "rate_limits.rc_login_address": lambda c: limit(c.ratelimiting.rc_login_address),
    "rate_limits.rc_login_failed_attempts": lambda c: limit(c.ratelimiting.rc_login_failed_attempts),
    "rate_limits.rc_admin_redaction": lambda c: limit(c.ratelimiting.rc_admin_redaction),
    "rate_limits.rc_joins_remote": lambda c: limit(c.ratelimiting.rc_joins_remote),
    "rate_limits.rc_invites_per_issuer": lambda c: limit(c.ratelimiting.rc_invites_per_issuer),
    "rate_limits.rc_third_party_invite": lambda c: limit(c.ratelimiting.rc_third_party_invite),
    "rate_limits.rc_media_create": lambda c: limit(c.ratelimiting.rc_media_create),
    "rate_limits.rc_presence_per_user": lambda c: limit(c.ratelimiting.rc_presence_per_user),
    "turn.turn_user_lifetime": lambda c: c.voip.turn_user_lifetime,
    "turn.turn_shared_secret": lambda c: c.voip.turn_shared_secret,
    "signing_keys.key_refresh_interval": lambda c: c.key.key_refresh_interval,
    "signing_keys.trusted": lambda c: [server.server_name for server in c.key.key_servers],
    "api.form_secret": lambda c: c.key.form_secret,
    "api.prejoin_types": lambda c: sorted(c.api.room_prejoin_state.types),
    "federation.whitelist": lambda c: whitelist(c.federation.federation_domain_whitelist),
    "federation.destination_max_retry_interval": lambda c: c.federation.destination_max_retry_interval_ms,
    "rooms.directory_search_all_users": lambda c: c.userdirectory.user_directory_search_all_users,
    "proxy.no_proxy_hosts": lambda c: c.server.proxy_config.no_proxy_hosts or [],
    "database.name": lambda c: c.database.databases[0].config["name"],
    "metrics.report_stats": lambda c: c.metrics.report_stats,
}


def limit(settings):
    return settings and [settings.per_second, settings.burst_count]


def whitelist(names):
    return names if names is None else sorted(names)


def listener(one):
    http = one.http_options
    address = [one.port, list(one.bind_addresses)] if hasattr(one, "port") else [one.path, one.mode]
    return {
        "address": address,
        "type": one.type,
        "tls": one.is_tls(),
        "x_forwarded": bool(http and http.x_forwarded),
        "resources": [name for resource in (http.resources if http else []) for name in resource.names],
    }


CASES = [
    [BASE],
    [BASE, "server_name: other.example:8448\npublic_baseurl: https://m.example.org\n"],
    [BASE, "enable_search: no\nallow_public_rooms_without_auth: on\ndynamic_thumbnails: Yes\n"],
    [BASE, "bcrypt_rounds: 010\nfilter_timeline_limit: 0x40\n"],
    [BASE, "filter_timeline_limit: 1_0\nbcrypt_rounds: 0b110\n"],
    [BASE, "default_room_version: 10\n"],
    [BASE, "default_room_version: '12'\n"],
    [BASE, "default_room_version: 99\n"],
    [BASE, "max_upload_size: 10M\nmax_image_pixels: 1024\nmax_avatar_size: 2K\n"],
    [BASE, "max_upload_size: 10MB\n"],
    [BASE, "max_upload_size: 1.5M\n"],
    [BASE, "redaction_retention_period: null\nuser_ips_max_age: 1y\nunused_expiration_time: 90s\n"],
    [BASE, "redaction_retention_period: 1w\ndelete_stale_devices_after: 86400000\n"],
    [BASE, "redaction_retention_period: 1:30\n"],
    [BASE, "redaction_retention_period: 5 minutes\n"],
    [BASE, "presence: {enabled: false}\n"],
    [BASE, "presence: {enabled: untracked, idle_timeout: 10m}\n"],
    [BASE, "presence:\nuse_presence: false\n"],
    [BASE, "presence: {idle_timeout: 30s}\n"],
    [BASE, "restrict_public_rooms_to_local_users: true\n"],
    [BASE, "restrict_public_rooms_to_local_users: true\nallow_public_rooms_without_auth: true\n"],
    [BASE, "listeners: []\n"],
    [BASE, "listeners:\n  - {port: 8008, type: http, resources: [{names: [client, federation]}]}\n"],
    [BASE, "listeners:\n  - {port: 9000, type: metrics}\n  - {path: /run/x.sock, type: http, mode: 0660, resources: [{names: [client]}, {names: [health], compress: true}]}\n"],
    [BASE, "listeners:\n  - {port: 1, type: http, bind_address: 127.0.0.1, bind_addresses: ['::1'], x_forwarded: true}\n"],
    [BASE, "listeners:\n  - {port: 1, path: /x, type: http}\n"],
    [BASE, "listeners:\n  - {type: http}\n"],
    [BASE, "listeners:\n  - {port: 1, type: http, resources: [{names: [nothing]}]}\n"],
    [BASE, "listeners:\n  - {port: 8448, type: http, tls: true}\n"],
    [BASE, "enable_registration: true\n"],
    [BASE, "enable_registration: true\nenable_registration_without_verification: 'yes'\n"],
    [BASE, "enable_registration: 'true'\nregistration_requires_token: true\n"],
    [BASE, "enable_registration: maybe\n"],
    [BASE, "disable_registration: false\nenable_registration_without_verification: true\n"],
    [BASE, "auto_join_rooms: ['#a:example.org', \"#b:example.org\"]\n"],
    [BASE, "auto_join_rooms: [a]\n"],
    [BASE, "autocreate_auto_join_room_preset: private_chat\n"],
    [BASE, "autocreate_auto_join_room_preset: nonsense\n"],
    [BASE, "registration_shared_secret: abc\nform_secret: \"d e f\"\nturn_shared_secret: 'yes'\n"],
    [BASE, "registration_shared_secret: abc\nregistration_shared_secret_path: /x\n"],
    [BASE, "session_lifetime: 1d\nrefreshable_access_token_lifetime: 10m\n"],
    [BASE, "session_lifetime: 1m\nrefreshable_access_token_lifetime: 10m\n"],
    [BASE, "ui_auth: {session_timeout: 15s}\n"],
    [BASE, "password_config: {enabled: only_for_reauth, localdb_enabled: false}\n"],
    [BASE, "password_config: {enabled: off}\n"],
    [BASE, "password_config:\n"],
    [BASE, "rc_message: {per_second: 5, burst_count: 20}\nrc_login: {address: {per_second: 1}, failed_attempts: {burst_count: 9}}\n"],
    [BASE, "rc_admin_redaction: {per_second: 1, burst_count: 50}\nrc_invites: {per_issuer: {per_second: 0.5, burst_count: 2.7}}\n"],
    [BASE, "rc_joins: {remote: {per_second: 1e-2, burst_count: 3}}\n"],
    [BASE, "trusted_key_servers: []\nkey_refresh_interval: 2d\n"],
    [BASE, "trusted_key_servers:\n  - server_name: a.example\n  - server_name: b.example\nsuppress_key_server_warning: true\n"],
    [BASE, "room_prejoin_state: {disable_default_event_types: true, additional_event_types: [a.b, [c.d, e]]}\n"],
    [BASE, "room_prejoin_state: {additional_event_types: [a.b]}\n"],
    [BASE, "federation_domain_whitelist: [a.example, b.example]\nfederation: {destination_max_retry_interval: 1d}\n"],
    [BASE, "federation_domain_whitelist: []\n"],
    [BASE, "user_directory: {search_all_users: true}\n"],
    [BASE, "no_proxy_hosts: [a, 10.0.0.0/8]\nhttp_proxy: http://proxy:3128\n"],
    [BASE, "ip_range_blacklist: [10.0.0.0/99]\n"],
    [BASE, "public_baseurl: matrix.example.org\n"],
    [BASE, "public_baseurl: https://x/?a=b\n"],
    [BASE, "server_name: 'exa mple.org'\n"],
    [BASE, "server_name: '[::1]:8448'\n"],
    [BASE, "server_name: 'a_b.example'\n"],
    [BASE, "extra_well_known_client_content: {m.homeserver: {}}\n"],
    [BASE, "database: {name: psycopg2, args: {user: a}}\n"],
    [BASE, "database: {name: mysql}\n"],
    [BASE, "federation_client_minimum_tls_version: 1.2\n"],
    [BASE, "federation_client_minimum_tls_version: 1.4\n"],
    [BASE, "url_preview_enabled: true\n"],
    [BASE, "account_threepid_delegates: {email: x}\n"],
    [BASE, "retention: {enabled: true, default_policy: {min_lifetime: 2d, max_lifetime: 1d}}\n"],
    [BASE, "cas_config: {enabled: true}\n"],
    [BASE, "x: &x {per_second: 3, burst_count: 4}\nrc_message: *x\nrc_media_create: {<<: *x, burst_count: 7}\n"],
    [BASE, "bcrypt_rounds: 5\nbcrypt_rounds: 6\n"],
    [BASE, "rc_message: {per_second: 1}\n", "rc_message: {burst_count: 3}\n"],
    [BASE, "# nothing\n", "- a\n", "bcrypt_rounds: 7\n"],
    [BASE, "a: [\n"],
    [BASE, "a: 1\n---\nb: 2\n"],
    [BASE, "rc_message: !merge {per_second: 1}\n"],
    ["report_stats: no\n"],
    [pathlib.Path("server/config/tests/vectors/generated.yaml").read_text()],
]


def answer(texts):
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        arguments = []
        for index, text in enumerate(texts):
            path = f"{folder}/{index}.yaml"
            pathlib.Path(path).write_text(text.replace("/DATA", folder))
            arguments += ["-c", path]
        for name in ["example.org", "other.example:8448", "[::1]:8448"]:
            pathlib.Path(f"{folder}/{name}.signing.key").write_text(
                "ed25519 a_key 1WjmIdZqCHKDoXJhCkjhLJHXUy7HmkYlWaMiZeNBHvo\n"
            )
        try:
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                config = HomeServerConfig.load_config("", arguments)
                return {name: get(config) for name, get in VALUES.items()}
        except ConfigError as error:
            return {"error": error.msg.split(str(folder))[0][:100]}
        except SystemExit:
            return {"error": "exit"}
        except Exception as error:  # Synapse has no message of its own for many a wrong type.
            return {"error": type(error).__name__}


def main():
    root = pathlib.Path.cwd()
    cases = []
    for texts in CASES:
        cases.append({"files": texts, "answer": answer(texts)})
        os.chdir(root)
    lines = ",\n".join(json.dumps(case) for case in cases)
    OUT.write_text(f'{{"synapse": "{__version__}", "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
