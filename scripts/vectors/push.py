#!/usr/bin/env python3
"""Vectors for globs, server ACLs, history visibility and push rules, decided by a real Synapse.

    python3 -m venv VENV && VENV/bin/pip install matrix-synapse==1.163.2
    VENV/bin/python scripts/vectors/push.py server/core/tests/vectors

Writes glob.json, server_acl.json, history_visibility.json and push_rules.json; the seeds are fixed, so the same Synapse gives the same bytes.
Where Synapse leaves the specification the cases are told apart: see DIFFERENCES, `random_text` and
`history_visibility`.
"""

import itertools
import json
import logging
import random
import sys
from pathlib import Path
from types import SimpleNamespace

from synapse import visibility
from synapse.push.bulk_push_rule_evaluator import _flatten_dict
from synapse.push.clientformat import format_push_rules_for_user
from synapse.storage.controllers.state import server_acl_evaluator_from_event
from synapse.synapse_rust.push import FilteredPushRules, PushRule, PushRuleEvaluator, PushRules, get_base_rule_ids
from synapse.types import UserID

CLASSES = {"override": 5, "content": 4, "room": 3, "sender": 2, "underride": 1}
ROOMS = ["!room:example.org", "!other:example.org"]
USERS = ["@alice:example.org", "@bob.smith:example.org", "@carol_9:other.example", "@Dave=2f:example.org"]
NAMES = [None, "", "Alice", "bob smith", "Carol (away)", "cake", "a-b"]
WORDS = ["cake", "Cake", "pancake", "tea", "time", "alice", "bob.smith", "@room", "Alice", "bob smith", "a-b", "a_b", "!"]
TYPES = [
    "m.room.message", "m.room.message", "m.room.message", "m.room.encrypted", "m.room.member", "m.room.tombstone",
    "m.reaction", "m.call.invite", "m.room.server_acl", "im.vector.modular.widgets",
    "org.matrix.msc3381.poll.start", "org.matrix.msc3381.poll.end", "org.matrix.msc3381.poll.response",
]

# What the specification decides otherwise than Synapse: pattern, text, what is asked, the sentence.
DIFFERENCES = [
    ("a*b", "a\nb", "whole", "The character `*` matches zero or more characters."),
    ("a?b", "a\nb", "whole", "`?` matches exactly one character."),
    ("ex*ple", "ex\nple", "word", "The character `*` matches zero or more characters."),
    ("caf", "café", "word", "any character not in the sets `[A-Z]`, `[a-z]`, `[0-9]` or `_`"),
    ("日本", "これは日本語", "word", "any character not in the sets `[A-Z]`, `[a-z]`, `[0-9]` or `_`"),
    ("W*", "what", "display name", "`content.body` contains the owner's display name in that room"),
]


def evaluator(event, count=3, level=0, notifications=None, mentions=False):
    return PushRuleEvaluator(
        _flatten_dict(event), mentions, count, level, notifications or {}, {}, False, [], False, False, False
    )


def matches(pattern, text, mode):
    body = evaluator({"content": {"topic": text, "body": text}})
    if mode == "display name":
        return body.matches({"kind": "contains_display_name"}, "@u:s", pattern)
    key = "content.body" if mode == "word" else "content.topic"
    return body.matches({"kind": "event_match", "key": key, "pattern": pattern}, "@u:s", None)


def random_text(rng, alphabet, most):
    """ASCII without line breaks, where Synapse and the specification agree."""
    return "".join(rng.choice(alphabet) for _ in range(rng.randrange(most + 1)))


def globs():
    rng = random.Random(1)
    cases = []
    for _ in range(2500):
        pattern = random_text(rng, "aabB_ .-@[\\*?", 6)
        text = random_text(rng, "aabB_ .-@[\\", 10)
        if rng.random() < 0.4:
            # A text made from the pattern matches more often.
            fill = {"*": lambda: random_text(rng, "ab ", 3), "?": lambda: rng.choice("ab ")}
            text = "".join(fill[c]() if c in fill else c.swapcase() for c in pattern) + rng.choice(["", "", " x", "a"])
        cases.append([pattern, text, matches(pattern, text, "whole"), matches(pattern, text, "word")])
    differences = [
        {"pattern": p, "text": t, "mode": m, "synapse": matches(p, t, m), "sentence": s} for p, t, m, s in DIFFERENCES
    ]
    return {"cases": cases, "differences": differences}


def server_acls():
    rng = random.Random(2)
    labels = ["evil", "good", "EVIL", "a", "*", "ev?l", "*evil", "1", "x-1"]
    hosts = ["1.2.3.4", "[::1]", "[2001:db8::1]", "1.2.3", "evil.com", "good.evil.com", "a.b.c", "Good.com", "evil"]
    entries = ["*", "*.*", "[*", "*]", "1.2.3.*", "[2001:db8::1]", "", 1, None, ["*"]]
    cases = []

    def name(labels):
        return ".".join(rng.choice(labels) for _ in range(rng.randrange(1, 4)))

    def names():
        return [rng.choice(entries) if rng.random() < 0.3 else name(labels) for _ in range(rng.randrange(5))]

    for _ in range(300):
        content = {"allow": names() + rng.choice([[], ["*"]]), "deny": names()}
        if rng.random() < 0.8:
            content["allow_ip_literals"] = rng.choice([True, False, False, "false", 0, None])
        if rng.random() < 0.1:
            content[rng.choice(["allow", "deny"])] = rng.choice(["*", None, {}])
        acl = server_acl_evaluator_from_event(SimpleNamespace(content=content))
        servers = [rng.choice(hosts) if rng.random() < 0.6 else name(labels[:4]) for _ in range(8)]
        cases.append([content, {server: acl.server_matches_acl_event(server) for server in servers}])
    return {"cases": cases}


def history_visibility():
    """Every combination of what a decision for a user or a server may depend on."""
    visibilities = ["world_readable", "shared", "invited", "joined", None, "nonsense"]
    memberships = ["join", "invite", "knock", "leave", "ban"]
    visibility.prune_event = lambda event: "redacted"

    def view(event, state, joined_later, erased):
        event.internal_metadata = SimpleNamespace(outlier=False)
        event.event_id = "$event"
        seen = visibility._check_client_allowed_to_see_event(
            user_id="@u:s", event=event, clock=None, filter_send_to_client=False, is_peeking=not joined_later,
            always_include_ids=frozenset(), sender_ignored=False, retention_policy=None, state=state,
            sender_erased=erased)
        return "hidden" if seen is None else "redacted" if seen == "redacted" else "full"

    def state_event(key, value):
        return SimpleNamespace(content={} if value is None else {key: value}, membership=value)

    def content(key, value):
        return {} if value is None else {key: value}

    users = []
    for room, before, after, later, erased in itertools.product(
            visibilities, [None, *memberships], memberships, [False, True], [False, True]):
        # The user's own membership event if there is a membership before it, any other event otherwise.
        event = SimpleNamespace(type="m.room.message", content={}, unsigned={})
        if before:
            event = SimpleNamespace(type="m.room.member", state_key="@u:s", content={"membership": after},
                                    unsigned={"prev_content": {"membership": before}})
        state = {visibility._HISTORY_VIS_KEY: state_event("history_visibility", room),
                 ("m.room.member", "@u:s"): state_event("membership", after)}
        users.append([room, None, before, after, later, erased, view(event, state, later, erased)])
    for (room_before, room), after, later in itertools.product(
            itertools.permutations(visibilities[:4], 2), memberships, [False, True]):
        # Synapse takes the looser one of both settings for the room and the later one for the member, which hides
        # some changes that the specification shows to an invited user ("before *or* after the event").
        if after == "invite":
            continue
        event = SimpleNamespace(type="m.room.history_visibility", content=content("history_visibility", room),
                                unsigned={"prev_content": content("history_visibility", room_before)})
        state = {visibility._HISTORY_VIS_KEY: state_event("history_visibility", room),
                 ("m.room.member", "@u:s"): state_event("membership", after)}
        users.append([room, room_before, None, after, later, False, view(event, state, later, False)])
    servers = [
        [room, list(members), erased, visibility.event_visible_to_server(
            sender="@x:y", target_server_name="s", history_visibility=room, erased_senders={"@x:y": erased},
            partial_state_invisible=False, memberships=[(f"@{n}:s", member) for n, member in enumerate(members)])]
        for room in visibilities[:4] for count in range(3)
        for members in itertools.product(memberships, repeat=count) for erased in [False, True]
    ]
    return {"users": users, "servers": servers}


def random_condition(rng):
    keys = ["type", "sender", "room_id", "state_key", "content.body", "content.msgtype", "content.n",
            r"content.m\.mentions.room", r"content.m\.relates_to.rel_type", "content.list", "content.a.b", "content"]
    values = [1, 0, True, None, "m.text", "m.replace", "a", "x"]
    kind = rng.choice(["event_match"] * 4 + ["event_property_is", "event_property_contains", "contains_display_name",
                      "room_member_count", "sender_notification_permission", "org.example.unknown"])
    condition = {"kind": kind}
    if kind == "event_match":
        condition |= {"key": rng.choice(keys),
                      "pattern": rng.choice(WORDS + ["*", "m.*", "?", "", "m.text", "t?a", "*cake*", "@*:example.org"])}
    elif kind.startswith("event_property"):
        condition |= {"key": rng.choice(keys), "value": rng.choice(values)}
    elif kind == "room_member_count":
        condition["is"] = rng.choice(["2", "==2", "<3", ">2", ">=3", "<=100", "=2", "x", ""])
    elif kind == "sender_notification_permission":
        condition["key"] = rng.choice(["room", "x"])
    return condition


def random_actions(rng):
    return rng.sample(
        ["notify", "dont_notify", {"set_tweak": "highlight"}, {"set_tweak": "highlight", "value": False},
         {"set_tweak": "sound", "value": "default"}, {"set_tweak": "org.x", "value": 1, "more": 2}], rng.randrange(4))


def random_user(rng):
    """A user's rules, most important first, as clients send them, and the features of the server."""
    rules, enabled, actions = [], {}, {}
    for kind in CLASSES:
        for number in range(rng.choice([0, 0, 1, 3])):
            body = {"actions": random_actions(rng)}
            rule_id = f"{kind}-{number}"
            if kind in ("override", "underride"):
                body["conditions"] = [random_condition(rng) for _ in range(rng.choice([1, 1, 2]))]
            elif kind == "content":
                body["pattern"] = rng.choice(WORDS + ["c?ke", "*tea", "t*e"])
            elif number == 0:
                rule_id = rng.choice(ROOMS if kind == "room" else USERS)
            rules.append([kind, rule_id, body])
            enabled[f"{kind}/{rule_id}"] = rng.random() < 0.8
    for rule_id in rng.sample(sorted(get_base_rule_ids()), 40):
        rule_id = rule_id.removeprefix("global/")
        if any(msc in rule_id for msc in ("msc1767", "msc3664", "msc3933", "msc4075", "msc4306")):
            continue
        if rng.random() < 0.1:
            enabled[rule_id] = rng.random() < (0.2 if "master" in rule_id else 0.5)
        if rng.random() < 0.1:
            actions[rule_id] = random_actions(rng)
    features = rng.choice([[], [], [], ["polls"], ["encrypted_events"], ["no_legacy_mentions"]])
    return {"user_id": rng.choice(USERS), "display_name": rng.choice(NAMES), "rules": rules, "enabled": enabled,
            "actions": actions, "features": features}


def synapse_conditions(kind, rule_id, body):
    if kind == "content":
        return [{"kind": "event_match", "key": "content.body", "pattern": body["pattern"]}]
    if kind == "room":
        return [{"kind": "event_match", "key": "room_id", "pattern": rule_id}]
    if kind == "sender":
        # Synapse stores the key `user_id`, which no event has: its sender rules never match.
        return [{"kind": "event_match", "key": "sender", "pattern": rule_id}]
    return body["conditions"]


def synapse_rules(user):
    rows = [
        PushRule.from_db(f"global/{kind}/{rule_id}", CLASSES[kind], json.dumps(synapse_conditions(kind, rule_id, body)),
                         json.dumps(body["actions"]))
        for kind, rule_id, body in user["rules"]
    ]
    rows += [PushRule.from_db(f"global/{rule}", -1, "[]", json.dumps(actions))
             for rule, actions in user["actions"].items()]
    features = user["features"]
    return FilteredPushRules(
        PushRules(rows), {f"global/{rule}": enabled for rule, enabled in user["enabled"].items()},
        msc1767_enabled=False, msc3381_polls_enabled="polls" in features, msc3664_enabled=False,
        msc4028_push_encrypted_events="encrypted_events" in features,
        msc4210_enabled="no_legacy_mentions" in features, msc4306_enabled=False, msc4075_enabled=False)


def random_event(rng):
    content = {"body": " ".join(rng.sample(WORDS, rng.randrange(4))), "msgtype": rng.choice(["m.text", "m.notice"])}
    extras = {
        "m.mentions": {"user_ids": rng.sample(USERS, rng.randrange(3))},
        "m.relates_to": {"rel_type": rng.choice(["m.replace", "m.thread"])},
        "n": rng.choice([1, True, None, "x"]), "list": ["a", 1, None, {"x": 1}], "a": {"b": "tea"},
        "membership": rng.choice(["invite", "join"]), "type": "jitsi",
    }
    content |= {key: extras[key] for key in rng.sample(sorted(extras), rng.randrange(4))}
    if "m.mentions" in content and rng.random() < 0.3:
        content["m.mentions"]["room"] = rng.choice([True, True, "true"])
    event = {"type": rng.choice(TYPES), "sender": rng.choice(USERS), "room_id": rng.choice(ROOMS), "content": content}
    if event["type"] != "m.room.message" and rng.random() < 0.8:
        event["state_key"] = rng.choice(USERS) if event["type"] == "m.room.member" else rng.choice(["", "", "x"])
    return event


def push_rules():
    rng = random.Random(3)
    users = [random_user(rng) for _ in range(80)]
    rules = [synapse_rules(user) for user in users]
    for user, own in zip(users, rules):
        user["ruleset"] = format_push_rules_for_user(UserID.from_string(user["user_id"]), own)["global"]
        # Of MSC4306, which the specification does not have.
        del user["ruleset"]["postcontent"]
    cases = []
    for _ in range(500):
        event = random_event(rng)
        room = {"member_count": rng.choice([2, 2, 3, 100]), "sender_power_level": rng.choice([None, 0, 50, 100]),
                "notification_levels": rng.choice([{}, {}, {"room": 0}, {"room": 75, "x": 10}])}
        run = evaluator(event, room["member_count"], room["sender_power_level"], room["notification_levels"],
                        "m.mentions" in event["content"]).run
        results = {}
        for index in sorted(rng.sample(range(len(users)), 16)):
            user = users[index]
            actions = run(rules[index], user["user_id"], user["display_name"])
            notified = user["user_id"] != event["sender"] and "notify" in actions
            results[index] = actions if notified else None
        cases.append({"event": event, "room": room, "results": results})
    return {"users": users, "cases": cases}


def main():
    logging.disable()  # Synapse warns of every malformed list.
    folder = Path(sys.argv[1])
    for name, vectors in [("glob", globs()), ("server_acl", server_acls()),
                          ("history_visibility", history_visibility()), ("push_rules", push_rules())]:
        text = json.dumps(vectors, ensure_ascii=False, separators=(",", ":"))
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


main()
