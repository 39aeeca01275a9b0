//! What is in force, and why.

use myelin_config::{ShowFormat, ShowOptions};
use serde_json::{Value, json};

use crate::support::Files;

fn files() -> Files {
    Files::new(&[
        (
            "homeserver.yaml",
            "server_name: a.b\nbcrypt_rounds: 010\npresence:\n  enabled: yes\n  idle_timeout: 10m\nadmin_contact: 'mailto:a'\n",
        ),
        ("conf.d/10.yaml", "# first\nbcrypt_rounds: 9\n"),
        ("conf.d/20.yaml", "bcrypt_rounds: 10\npresence: !merge\n  idle_timeout: 6m\n"),
    ])
}

fn json(files: &Files, options: ShowOptions) -> Value {
    let text = files.load().show(&ShowOptions { format: ShowFormat::Json, ..options }).expect("an answer");
    serde_json::from_str(&files.shorten(&text)).expect("JSON")
}

#[test]
fn json_tells_value_place_overrides_and_parts() {
    assert_eq!(
        json(&files(), ShowOptions::default()),
        json!({
            "server_name": {"value": "a.b", "file": "homeserver.yaml", "line": 1, "overrides": []},
            "bcrypt_rounds": {"value": 10, "file": "conf.d/20.yaml", "line": 1, "overrides": [
                {"file": "homeserver.yaml", "line": 2},
                {"file": "conf.d/10.yaml", "line": 2},
            ]},
            "presence": {
                "value": {"enabled": true, "idle_timeout": "6m"},
                "file": "conf.d/20.yaml",
                "line": 2,
                "overrides": [],
                "parts": [{"file": "homeserver.yaml", "line": 3}, {"file": "conf.d/20.yaml", "line": 2}],
            },
            "admin_contact": {"value": "mailto:a", "file": "homeserver.yaml", "line": 6, "overrides": []},
        })
    );
}

#[test]
fn all_adds_the_defaults_without_a_place() {
    let shown = json(&files(), ShowOptions { all: true, ..ShowOptions::default() });
    assert_eq!(
        shown["max_upload_size"],
        json!({"value": "50M", "file": null, "line": null, "overrides": []})
    );
    assert_eq!(shown["bcrypt_rounds"]["value"], 10);
    let top_level = myelin_config::definitions().iter().filter(|d| !d.path.contains(['.', '['])).count();
    assert_eq!(shown.as_object().unwrap().len(), top_level);
}

#[test]
fn text_is_yaml_with_origins_as_comments() {
    let files = files();
    let text = files.load().show(&ShowOptions { origin: true, ..ShowOptions::default() }).unwrap();
    assert_eq!(
        files.shorten(&text),
        "# homeserver.yaml:1
server_name: a.b
# merged from homeserver.yaml:3, conf.d/20.yaml:2
presence:
  enabled: true
  idle_timeout: 6m
# homeserver.yaml:6
admin_contact: mailto:a
# conf.d/20.yaml:1, overrides homeserver.yaml:2, conf.d/10.yaml:2
bcrypt_rounds: 10
"
    );
}

#[test]
fn what_is_shown_can_be_read_again_and_means_the_same() {
    let tricky = "server_name: a.b\nadmin_contact: 'yes'\nhs_disabled_message: '010'\nuser_agent_suffix: '1:30'\n\
                  web_client_location: 'null'\ndefault_identity_server: '1_000'\nturn_username: '2001-01-01'\nserver_context: '='\n";
    let first = Files::new(&[("a.yaml", tricky)]);
    let shown = first.load().show(&ShowOptions::default()).unwrap();
    let second = Files::new(&[("a.yaml", &shown)]);
    assert_eq!(json(&first, ShowOptions::default())["admin_contact"]["value"], "yes");
    let values = |files: &Files| {
        let shown = json(files, ShowOptions::default());
        shown.as_object().unwrap().iter().map(|(k, v)| (k.clone(), v["value"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(values(&first), values(&second), "{shown}");
}

#[test]
fn one_option_or_member_can_be_asked_for() {
    let files = files();
    let key = |key: &str| ShowOptions { key: Some(key.to_owned()), ..ShowOptions::default() };
    assert_eq!(
        json(&files, key("presence.idle_timeout")),
        json!({"presence.idle_timeout": {"value": "6m", "file": "conf.d/20.yaml", "line": 3, "overrides": []}})
    );
    assert_eq!(
        json(&files, key("presence.sync_online_timeout"))["presence.sync_online_timeout"]["value"],
        "30s"
    );
    assert_eq!(json(&files, key("max_upload_size"))["max_upload_size"]["file"], Value::Null);
    let unknown = files.load().show(&key("max_uplod_size")).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no option `max_uplod_size`; the nearest is `max_upload_size`");
}

#[test]
fn unknown_keys_are_shown_too() {
    let files = Files::new(&[("a.yaml", "kitchen: sink\n")]);
    assert_eq!(files.load().show(&ShowOptions::default()).unwrap(), "kitchen: sink\n");
}
