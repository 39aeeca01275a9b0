use super::*;

fn actions(json: &Json) -> Actions {
    Actions::parse(json).unwrap()
}

#[test]
fn a_highlight_without_a_value_highlights() {
    assert!(actions(&json!([highlight()])).highlights());
    assert!(!actions(&json!([no_highlight()])).highlights());
    assert!(!actions(&json!(["notify"])).highlights());
    assert!(!actions(&json!([no_highlight(), highlight()])).highlights());
}

#[test]
fn gateways_get_every_tweak() {
    let actions =
        actions(&json!(["notify", highlight(), sound("ring"), {"set_tweak": "org.x", "value": [1]}]));
    assert_eq!(Json::Object(actions.tweaks()), json!({"highlight": true, "sound": "ring", "org.x": [1]}));
    assert_eq!(actions.sound(), Some("ring"));
    assert!(actions.notifies());
}
