#!/usr/bin/env python3
"""Vectors for canonical JSON, hashes, event ids, signatures, redactions and format checks, decided by a real Synapse.

    scripts/vectors/generate [--full]      (makes the environment, runs this and its neighbours)

Writes events.jsonl: one text a line, with what Synapse makes of it in each room version. The seed is fixed, so the
same Synapse gives the same bytes. Two kinds of lines:

    {"draft": TEXT, "out": {VERSIONS: null | [id, canonical, redacted, signature]}}
        an event without hashes and signatures, to be hashed and signed; null if Synapse refuses it
    {"received": TEXT, "out": {VERSIONS: null | [id, whether the content hash matches]}}
        an event as another server may send it; null if Synapse drops it, "rejected" for its hash if it keeps it as such

`@fill N@` in a text stands for N times the letter x. `canonical` and `redacted` are the first 16 hexadecimal digits of the SHA-256 of the canonical form.
"""

import hashlib
import json
import logging
import random
import re
import sys
from pathlib import Path

from canonicaljson import encode_canonical_json
from signedjson.key import decode_signing_key_base64
from synapse.api.errors import EventSizeError
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS, EventFormatVersions
from synapse.crypto.event_signing import add_hashes_and_signatures, check_event_content_hash
from synapse.event_auth import _check_size_limits
from synapse.events.utils import prune_event
from synapse.events import validator
from synapse.federation.federation_base import event_from_pdu_json
from synapse.types import get_domain_from_id
from synapse.util.json import json_decoder

SEED = 20261124
SERVER = "example.org"
KEY = decode_signing_key_base64("ed25519", "1", "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1")
GROUPS = {"pairs": ["1", "2"], "ids": [str(version) for version in range(3, 12)], "hashed room": ["12"]}
KINDS = [
    "m.room.message", "m.room.member", "m.room.create", "m.room.join_rules", "m.room.power_levels", "m.room.aliases",
    "m.room.history_visibility", "m.room.redaction", "m.room.topic", "org.example.custom", "m.room.encrypted",
]
CHARACTERS = [
    "a", "Z", "0", " ", "é", "日", "\U0001f600", "\U00010000", "\ufeff", "\u2028", "\uffff", "\x7f", "\\", '"', "/", "\n",
    "\t", "\b", "\f", "\r", "\x00", "\x1f", "\u0080", "$", "~",
]
KEYS = ["a", "A", "b", "aa", "body", "é", "日", "\ue000", "\U00010000", "", " ", '"', "z\n", "signatures", "unsigned", "hashes"]
# Number texts that only versions 1 to 5 take, or nobody.
LOOSE_NUMBERS = [
    "1.0", "-0.0", "1e10", "1E-7", "0.1", "123456789.125", "1e16", "1e15", "9999999999999998.0", "1e22", "1.5e300",
    "0.0001", "0.00001", "5e-324", "1.7976931348623157e308", "2.2250738585072014e-308", "-1.25E+2", "0e0", "1e400",
    "9007199254740992", "-9007199254740992", "9223372036854775807", "9223372036854775808", "-9223372036854775809",
    "18446744073709551616", "123456789012345678901234567890", "1e23", "4.35", "0.3", "100.0", "-1e-5", "1" * 400,
]
NUMBERS = ["0", "-0", "1", "-1", "50", "100", "9007199254740991", "-9007199254740991", "1700000000000"]


class Raw(str):
    """A text that stands in the JSON as it is."""


def number(rng, loose):
    if loose and rng.random() < 0.5:
        if rng.random() < 0.4:
            return Raw(repr(rng.choice([rng.uniform(-1, 1), rng.uniform(-1e6, 1e6)]) * 10.0 ** rng.randint(-20, 20)))
        return Raw(rng.choice(LOOSE_NUMBERS))
    return Raw(rng.choice(NUMBERS)) if rng.random() < 0.5 else rng.randint(-(10**9), 10**9)


def text(rng, length=12):
    return "".join(rng.choice(CHARACTERS) for _ in range(rng.randint(0, length)))


def value(rng, loose, depth=0):
    kind = rng.randint(0, 9 if depth < 3 else 6)
    if kind <= 1:
        return number(rng, loose)
    if kind <= 4:
        return text(rng)
    if kind == 5:
        return rng.choice([True, False])
    if kind == 6:
        return None
    if kind == 7:
        return [value(rng, loose, depth + 1) for _ in range(rng.randint(0, 3))]
    return members(rng, loose, depth + 1)


def members(rng, loose, depth=0):
    return [(rng.choice(KEYS), value(rng, loose, depth)) for _ in range(rng.randint(0, 4))]


def some(rng, probability, *pairs):
    return [pair for pair in pairs if rng.random() < probability]


def user(rng):
    return f"@{rng.choice(['alice', 'bob', 'Carol=2f'])}:{rng.choice([SERVER, 'other.example', 'a.example:8448'])}"


def content(rng, kind, loose):
    extra = members(rng, loose) if rng.random() < 0.6 else []
    if kind == "m.room.member":
        invite = rng.choice([[], [("signed", [("mxid", user(rng)), ("token", text(rng))]), ("display_name", "x")], "text"])
        own = some(
            rng, 0.7, ("membership", rng.choice(["join", "invite", "leave", "ban", "knock", "other"])),
            ("join_authorised_via_users_server", user(rng)), ("third_party_invite", invite), ("displayname", text(rng)),
        )
    elif kind == "m.room.create":
        own = some(
            rng, 0.7, ("creator", user(rng)), ("room_version", "9"), ("m.federate", rng.choice([True, False])),
            ("type", "m.space"), ("additional_creators", [user(rng)]),
        )
    elif kind == "m.room.join_rules":
        allow = [[("type", "m.room_membership"), ("room_id", "!x:example.org")]]
        own = some(rng, 0.8, ("join_rule", rng.choice(["public", "restricted", "knock"])), ("allow", allow), ("deny", 1))
    elif kind == "m.room.power_levels":
        levels = lambda: rng.choice([number(rng, loose), "50", 100])
        names = ["ban", "events_default", "invite", "kick", "redact", "state_default", "users_default", "historical"]
        own = some(
            rng, 0.7, *[(name, levels()) for name in names], ("users", [(user(rng), levels())]),
            ("events", [("m.room.name", levels())]), ("notifications", [("room", levels())]),
        )
    elif kind == "m.room.aliases":
        own = some(rng, 0.8, ("aliases", ["#a:example.org"]))
    elif kind == "m.room.history_visibility":
        own = some(rng, 0.8, ("history_visibility", "shared"))
    elif kind == "m.room.redaction":
        own = some(rng, 0.6, ("redacts", "$abc"), ("reason", text(rng)))
    else:
        own = some(rng, 0.7, ("body", text(rng, 30)), ("msgtype", "m.text"), ("redacts", "$abc"), ("membership", "join"))
    return own + extra


def event_id(rng, group):
    return f"$id{rng.randint(0, 999)}:{SERVER}" if group == "pairs" else f"${rng.randbytes(8).hex()}"


def reference(rng, group):
    return [event_id(rng, group), [("sha256", "abc")]] if group == "pairs" else event_id(rng, group)


def event(rng, group, loose):
    kind = rng.choice(KINDS)
    create = kind == "m.room.create"
    state = create or kind not in ("m.room.message", "m.room.redaction", "m.room.encrypted")
    fields = [
        ("type", kind), ("sender", user(rng)), ("content", content(rng, kind, loose)),
        ("depth", rng.randint(0, 10**6)), ("origin_server_ts", rng.randint(0, 2 * 10**12)),
        ("prev_events", [reference(rng, group) for _ in range(rng.randint(0, 3))]),
        ("auth_events", [reference(rng, group) for _ in range(rng.randint(0, 3))]),
    ]
    if not (create and group == "hashed room"):
        fields.append(("room_id", "!" + rng.randbytes(16).hex() if group == "hashed room" else f"!room:{SERVER}"))
    if state:
        fields.append(("state_key", "" if create else rng.choice(["", "", user(rng), SERVER, text(rng)])))
    if group == "pairs":
        fields.append(("event_id", event_id(rng, group)))
    fields += some(
        rng, 0.25, ("origin", SERVER), ("membership", "join"), ("prev_state", []), ("redacts", "$abc"),
        ("prev_content", [("body", "old")]), ("org.example.extra", value(rng, loose)),
        ("unsigned", [("age", 5), ("x", Raw('"\\ud800"')), ("y", Raw("1e999"))]),
    )
    rng.shuffle(fields)
    return fields


def space(rng):
    return rng.choice(["", "", "", "", " ", "\n", "\t ", "\r\n"])


def string(rng, content):
    out = []
    for character in content:
        if rng.random() < 0.15 or character in '"\\' or character < " ":
            short = json.dumps(character)[1:-1]
            if rng.random() < 0.5 or (len(short) == 1 and character != "/"):
                units = character.encode("utf-16-be").hex()
                case = rng.choice([str.lower, str.upper])
                short = "".join("\\u" + case(units[at : at + 4]) for at in range(0, len(units), 4))
            elif character == "/":
                short = "\\/"
            out.append(short)
        else:
            out.append(character)
    return '"' + "".join(out) + '"'


def is_object(tree):
    return isinstance(tree, list) and all(isinstance(pair, tuple) for pair in tree)


def written(rng, tree):
    """The tree as JSON text: a list of pairs is an object, in which a key may stand twice."""
    if isinstance(tree, Raw):
        return str(tree)
    if isinstance(tree, str):
        return string(rng, tree)
    if isinstance(tree, bool) or tree is None:
        return json.dumps(tree)
    if isinstance(tree, (int, float)):
        return repr(tree)
    pad = lambda body: space(rng) + body + space(rng)
    if is_object(tree):
        return "{" + ",".join(pad(string(rng, key) + pad(":") + written(rng, item)) for key, item in tree) + "}"
    return "[" + ",".join(pad(written(rng, item)) for item in tree) + "]"


def arrays(fields):
    """Marks the members that are arrays even when they are empty: an empty list is written as an object."""
    names = ("prev_events", "auth_events", "prev_state", "allow", "aliases", "additional_creators")
    return [(key, Raw("[]") if key in names and item == [] else item) for key, item in fields]


def short_hash(data):
    return hashlib.sha256(data).hexdigest()[:16]


def without_unsigned(pdu):
    pdu.pop("unsigned", None)
    return pdu


class Rejected(Exception):
    """An event that is kept, but never counts, because an identifier has too many bytes."""


def received(version, source):
    """What Synapse does with an event that comes in, up to where it looks at signatures and at other events."""
    room_version = KNOWN_ROOM_VERSIONS[version]
    pdu = json_decoder.decode(source)
    made = event_from_pdu_json(pdu, room_version)
    try:
        _check_size_limits(made)
    except EventSizeError as error:
        if error.unpersistable:
            raise
        raise Rejected(made.event_id) from error
    # What looking at the signatures starts with.
    prune_event(made)
    get_domain_from_id(made.sender)
    if room_version.event_format == EventFormatVersions.ROOM_V1_V2:
        get_domain_from_id(made.event_id)
    if len(made.prev_event_ids()) > 20 or len(made.auth_event_ids()) > 10:
        raise ValueError("too many references")
    return made


def draft_result(version, source):
    room_version = KNOWN_ROOM_VERSIONS[version]
    pdu = without_unsigned(json_decoder.decode(source))
    if room_version.strict_canonicaljson:
        validator.validate_canonicaljson(pdu)
    canonical = encode_canonical_json(pdu)
    add_hashes_and_signatures(room_version, pdu, SERVER, KEY)
    made = received(version, json.dumps(pdu))
    redacted = without_unsigned(prune_event(made).get_pdu_json())
    signature = pdu["signatures"][SERVER]["ed25519:1"]
    return [made.event_id, short_hash(canonical), short_hash(encode_canonical_json(redacted)), signature]


def received_result(version, source):
    try:
        made = received(version, source)
    except Rejected as rejected:
        return [str(rejected), "rejected"]
    return [made.event_id, check_event_content_hash(made)]


def results(function, group, source):
    out = {}
    for version in GROUPS[group]:
        try:
            result = function(version, source)
        except Exception:
            result = None
        versions = next((versions for versions, other in out.items() if other == result), None)
        out[f"{versions} {version}" if versions else version] = result
        if versions:
            del out[versions]
    return out


def drafts(rng, group, count):
    for index in range(count):
        yield written(rng, arrays(event(rng, group, loose=index % 3 == 0)))
    plain = lambda item: json.dumps(base(group) | {"content": "@@"}).replace('"@@"', item)
    halves = ["1129497417435754.25", "-1129497417435754.75", "4503599627370497.5", "2251799813685249.25", "5e-5", "-1.5e-5"]
    for item in [*LOOSE_NUMBERS, *NUMBERS, *halves, "NaN", "Infinity", "-Infinity", "01", "+1", ".5", "1.", "0x1", "1" * 4300, "1" * 4301]:
        yield plain('{"n":%s}' % item)
    for item in ['"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"\\ud83dx"', '"\\u00e9"', '"\\x"', '"\t"', '"\\u12"']:
        yield plain('{"s":%s}' % item)
        yield plain('{%s:1}' % item)
    for depth in (10, 124, 125, 126, 127, 200, 2000):
        yield plain('{"d":%s%s}' % ("[" * depth, "]" * depth))
        yield plain('{"d":%s1%s}' % ('{"a":' * depth, "}" * depth))
    yield plain('{"a":1,"b":2,"a":3}')
    yield plain('{"a":1,"a":"\\ud800","a":{"b":[],"b":{"c":1,"c":2}}}')
    yield plain("{}") + " x"
    yield plain("{,}")
    yield plain('{"a":[1,]}')
    yield "\ufeff" + plain("{}")
    yield "[]"
    yield '"text"'
    yield ""


def base(group):
    fields = {
        "type": "m.room.message", "sender": f"@alice:{SERVER}", "room_id": f"!room:{SERVER}", "content": {"body": "hello"},
        "depth": 5, "origin_server_ts": 1700000000000, "prev_events": ["$p"], "auth_events": ["$a"],
    }
    if group == "pairs":
        fields |= {"event_id": f"$e:{SERVER}", "prev_events": [["$p:s", {"sha256": "abc"}]], "auth_events": []}
    if group == "hashed room":
        fields["room_id"] = "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM"
    return fields


def signed(group, **changes):
    pdu = base(group) | changes
    add_hashes_and_signatures(KNOWN_ROOM_VERSIONS[GROUPS[group][0]], pdu, SERVER, KEY)
    return pdu


def received_texts(group):
    pairs = group == "pairs"
    wrong = [None, True, 1, 1.5, -1, 2**53, 2**63, "", "text", "!x", [], ["$x"], [1], {}, {"a": 1}, {"a": "b"}]
    wrong += [[["$x:s", {}]], [["$x:s"]], [["$x:s", {"sha256": 1}]], [["$x:s", {}, 1]], [[]], {"a": {"b": "c"}}]
    names = [
        "type", "sender", "room_id", "content", "depth", "origin_server_ts", "prev_events", "auth_events", "hashes",
        "signatures", "state_key", "event_id", "unsigned",
    ]
    for name in names:
        pdu = signed(group)
        pdu.pop(name, None)
        yield json.dumps(pdu)
        for item in wrong:
            # Synapse's parser takes a fraction for an object: docs/event-core.md.
            if item == 1.5 and name in ("content", "hashes", "signatures", "unsigned"):
                continue
            yield json.dumps(signed(group) | {name: item})
    for name in ("type", "sender", "room_id", "state_key", "event_id"):
        tail = f":{SERVER}" if name in ("sender", "event_id") else ""
        head = {"sender": "@", "room_id": "!", "event_id": "$"}.get(name, "")
        for character in ("a", "é", "日"):
            for size in (255, 256, 300):
                units = len(character.encode())
                room = size - len(head) - len(tail)
                texts = {head + character * room + tail, head + character * (room // units) + "a" * (room % units) + tail}
                for item in sorted(texts):
                    if name != "event_id" or pairs:
                        yield json.dumps(signed(group, **{name: item}))
    for count in (9, 10, 11, 20, 21):
        for name in ("prev_events", "auth_events"):
            references = [[f"$x{n}:s", {}] if pairs else f"$x{n}" for n in range(count)]
            yield json.dumps(signed(group, **{name: references}))
    # Between 65,536 and some hundred bytes less it depends on what stands in `unsigned`, so that is left out.
    for size in (65_000, 65_300, 65_537, 66_000, 70_000):
        pdu = signed(group, content={"body": ""})
        body = "x" * (size - len(encode_canonical_json(pdu)))
        yield json.dumps(signed(group, content={"body": body})).replace(body, f"@fill {len(body)}@")
    right = signed(group)["hashes"]["sha256"]
    url_safe = right.replace("+", "-").replace("/", "_")
    for item in [right + "=", right + "==", right[:-1], right[:-1] + "A", url_safe, right + "!", "!" + right, right[:20] + " " + right[20:],
                 right + "AAAA", "", "=", "é", right[:20] + "=" + right[20:], right[:22] + "==" + right[22:], right.lower()]:
        yield json.dumps(signed(group) | {"hashes": {"sha256": item}})
    yield json.dumps(signed(group) | {"hashes": {"sha256": right, "md5": "x"}})
    yield json.dumps(signed(group) | {"hashes": {"sha512": right}})
    yield json.dumps(signed(group) | {"content": {"body": "changed"}})
    yield json.dumps(signed(group) | {"prev_content": {"body": "added"}})
    for state_key in ("", "x"):
        create = {"type": "m.room.create", "state_key": state_key, "prev_events": [], "auth_events": []}
        yield json.dumps(signed(group, **create))
        pdu = base(group) | create
        del pdu["room_id"]
        add_hashes_and_signatures(KNOWN_ROOM_VERSIONS[GROUPS[group][0]], pdu, SERVER, KEY)
        yield json.dumps(pdu)
    yield json.dumps(signed(group, auth_events=["$" + base(group)["room_id"][1:]]))


def generate(scale):
    rng = random.Random(SEED)
    for group in GROUPS:
        for source in drafts(rng, group, 300 * scale):
            yield {"draft": source, "out": results(draft_result, group, source)}
        for source in received_texts(group):
            filled = re.sub("@fill ([0-9]+)@", lambda fill: "x" * int(fill[1]), source)
            yield {"received": source, "out": results(received_result, group, filled)}


def main():
    logging.disable(logging.CRITICAL)
    arguments = [argument for argument in sys.argv[1:] if argument != "--full"]
    scale = 20 if "--full" in sys.argv[1:] else 1
    with open(Path(arguments[0]) / "events.jsonl", "w", encoding="utf-8") as out:
        for line in generate(scale):
            out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
