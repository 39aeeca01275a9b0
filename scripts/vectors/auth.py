#!/usr/bin/env python3
"""Vectors for the authorisation rules, decided by a real Synapse.

    scripts/vectors/generate [--full] auth

Writes auth.jsonl.gz: a line a room, {"version", "events", "rejected", "state_cases", "own_cases"}.

    events       the PDUs of the room's possible states
    rejected     the places in it of those that were rejected
    state_cases  [PDU, places of the events of its state, verdict]: the rules that depend on state
    own_cases    [PDU, verdict]: the rules about the event itself and what it names as its authority

A verdict is `ok`, `no`, or `crash` where Synapse refuses by an exception that it does not foresee. The seeds are
fixed, so the same Synapse gives the same bytes.
"""

import gzip
import json
import logging
import random
import sys
from pathlib import Path

from signedjson.key import decode_signing_key_base64, encode_verify_key_base64
from signedjson.sign import sign_json

from shared.maker import VERSIONS, Maker, judge, judge_independent

SEED = 20261124
USERS = ["@alice:one.example", "@bob:one.example", "@carol:two.example", "@dan:two.example", "@eve:three.example"]
MEMBERSHIPS = ["join", "invite", "leave", "ban", "knock"]
JOIN_RULES = ["public", "invite", "knock", "restricted", "knock_restricted", "private", "unknown"]
KEYS = [decode_signing_key_base64("ed25519", str(n), "A" * 42 + letter) for n, letter in enumerate("AEIM")]
NAMED = ["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"]


class Room:
    """The events out of which the states of one room are put together."""

    def __init__(self, version, rng):
        self.rng = rng
        self.maker = maker = Maker(version, rng)
        self.number = maker.number
        content = {"creator": USERS[0], "room_version": version, "nonce": rng.randrange(10**9)}
        if rng.random() < 0.2:
            content["m.federate"] = rng.choice([True, False, False, "yes"])
        if rng.random() < 0.5:
            content["additional_creators"] = rng.sample(USERS[1:], 2)
        self.create = maker.make("m.room.create", USERS[0], content, "")
        if self.number >= 12:
            maker.room_id = "!" + self.create.event_id[1:]
        first = [] if self.number >= 12 else [self.create.event_id]
        joined = self.state("m.room.member", USERS[0], {"membership": "join"}, USERS[0])
        self.levels = [self.first_levels([self.create, joined]) for _ in range(5)]
        self.rules = [self.state("m.room.join_rules", USERS[0], {"join_rule": rule}, "") for rule in JOIN_RULES]
        self.rules.append(self.state("m.room.join_rules", USERS[0], {}, ""))
        self.members = {
            user: [self.state("m.room.member", user, {"membership": name}, user) for name in MEMBERSHIPS]
            for user in USERS
        }
        self.tokens = []
        for token in ["first", "second"]:
            keys = [{"public_key": encode_verify_key_base64(key.verify_key)} for key in KEYS[1:3]]
            content = {"display_name": "x", "key_validity_url": "https://id.example"}
            if rng.random() < 0.7:
                content["public_key"] = encode_verify_key_base64(KEYS[0].verify_key)
            if rng.random() < 0.7:
                content["public_keys"] = keys
            self.tokens.append(self.state("m.room.third_party_invite", rng.choice(USERS), content, token))
        self.refused = [
            maker.make("m.room.power_levels", USERS[0], {"ban": 1}, "", auth=first, rejected=True),
            maker.make("m.room.member", USERS[1], {"membership": "join", "rejected": 1}, USERS[1], auth=first, rejected=True),
        ]
        self.other_room = maker.make("m.room.power_levels", USERS[0], {"ban": 2}, "", room_id="!other:one.example")
        self.places = {event_id: place for place, event_id in enumerate(maker.events)}

    def state(self, type, sender, content, state_key):
        return self.maker.make(type, sender, content, state_key)

    def first_levels(self, state):
        """Power levels that Synapse lets a room start with, among them some that it cannot read later."""
        while True:
            content = self.any_levels()
            event, _ = self.maker.make("m.room.power_levels", USERS[0], content, "", keep=False)
            if judge(event, state) == "ok":
                return self.state("m.room.power_levels", USERS[0], content, "")

    def level(self):
        rng, kind = self.rng, self.rng.random()
        number = rng.choice([0, 25, 49, 50, 51, 75, 99, 100, 101, -1])
        if kind < 0.85:
            return number
        if self.number < 10:
            if kind < 0.92:
                return rng.choice([f"{number}", f" {number} ", f"+{abs(number)}", f"00{abs(number)}", f"\t{number}\n"])
            if kind < 0.95 and self.number < 6:
                return rng.choice([number + 0.5, 50.57, 1e2, 1e25, -0.9, 10**25, -(10**25), f"{10**25}"])
            if kind < 0.96:
                return rng.choice(["", "ten", "5.5", "1e2", "0x10", None, [], {}, "- 5"])
        elif kind < 0.88:
            return rng.choice(["50", " 50 ", None, True, [50], {}])
        return number

    def any_levels(self):
        rng = self.rng
        content = {name: self.level() for name in NAMED if rng.random() < 0.4}
        users = {user: rng.choice([0, 50, 50, 100, self.level()]) for user in USERS if rng.random() < 0.6}
        if self.number < 12:
            users[USERS[0]] = 100
        elif rng.random() < 0.95:
            users.pop(USERS[0], None)
        if rng.random() < 0.95:
            content["users"] = users
        if rng.random() < 0.6:
            content["events"] = {name: self.level() for name in ["m.room.name", "m.room.message", "m.room.power_levels"]}
        if rng.random() < 0.4:
            content["notifications"] = {"room": self.level()}
        if rng.random() < 0.03:
            content[rng.choice(["users", "events", "notifications"])] = rng.choice([None, [], "x", 5])
        if rng.random() < 0.03:
            content.setdefault("users", {})
            if isinstance(content["users"], dict):
                content["users"][rng.choice(["bob", "@bob", "", "@x:one.example"])] = 5
        return content

    def changed_levels(self, levels):
        rng = self.rng
        content = json.loads(json.dumps(self.maker.pdus[levels.event_id]["content"])) if levels else self.any_levels()
        for _ in range(rng.choice([1, 1, 1, 2])):
            kind = rng.random()
            if kind < 0.3:
                content[rng.choice(NAMED)] = self.level()
            elif kind < 0.4:
                content.pop(rng.choice(NAMED), None)
            else:
                name = rng.choice(["users", "users", "events", "notifications"])
                entries = content.setdefault(name, {})
                if isinstance(entries, dict):
                    keys = USERS if name == "users" else ["m.room.name", "m.room.topic", "room"]
                    key = rng.choice(keys)
                    if name == "users" and self.number >= 12 and key == USERS[0] and rng.random() < 0.9:
                        key = USERS[4]
                    if rng.random() < 0.3:
                        entries.pop(key, None)
                    else:
                        entries[key] = self.level()
        return content

    def any_state(self):
        """A random state: (type, state key) to event."""
        rng = self.rng
        state = {("m.room.create", ""): self.create}
        if rng.random() < 0.9:
            state["m.room.power_levels", ""] = rng.choice(self.levels)
        if rng.random() < 0.9:
            state["m.room.join_rules", ""] = rng.choice(self.rules)
        for user in USERS:
            if rng.random() < 0.85:
                state["m.room.member", user] = rng.choices(self.members[user], [6, 2, 1, 1, 1])[0]
        for token, event in zip(["first", "second"], self.tokens):
            if rng.random() < 0.8:
                state["m.room.third_party_invite", token] = event
        if rng.random() < 0.01:
            del state["m.room.create", ""]
        return state

    def idea(self, state):
        """What somebody might try: type, sender, content, state key, and what else there is to it."""
        rng = self.rng
        sender, target = rng.choice(USERS), rng.choice(USERS)
        kind = rng.random()
        if kind < 0.14:
            content = {"membership": "join"}
            if rng.random() < 0.5:
                content["join_authorised_via_users_server"] = rng.choice([*USERS, "@nobody:one.example", 7])
            return "m.room.member", sender, content, sender if rng.random() < 0.9 else target, {}
        if kind < 0.17:
            target = rng.choice([USERS[0], target])
            return "m.room.member", target, {"membership": "join"}, target, {"prev": [self.create.event_id]}
        if kind < 0.25:
            return "m.room.member", sender, {"membership": "invite"}, target, {}
        if kind < 0.35:
            return self.third_party(sender, target)
        if kind < 0.5:
            return "m.room.member", sender, {"membership": rng.choice(["leave", "ban"])}, target, {}
        if kind < 0.54:
            return "m.room.member", sender, {"membership": "leave"}, sender, {}
        if kind < 0.6:
            return "m.room.member", sender, {"membership": "knock"}, sender if rng.random() < 0.9 else target, {}
        if kind < 0.62:
            content = rng.choice([{}, {"membership": "guest"}, {"membership": None}, {"membership": 5}])
            return "m.room.member", sender, content, target, {}
        if kind < 0.63:
            content = {"membership": rng.choice(MEMBERSHIPS)}
            return "m.room.member", sender, content, rng.choice([None, "", "nobody", "@nobody"]), {}
        if kind < 0.8:
            levels = state.get(("m.room.power_levels", ""))
            state_key = "" if rng.random() < 0.97 else rng.choice(["x", None])
            return "m.room.power_levels", sender, self.changed_levels(levels), state_key, {}
        if kind < 0.83:
            return "m.room.third_party_invite", sender, {}, rng.choice(["new", sender, target]), {}
        if kind < 0.86:
            state_key = rng.choice([sender.partition(":")[2], "one.example", "two.example", "", None])
            return "m.room.aliases", sender, {"aliases": []}, state_key, {}
        if kind < 0.91:
            redacts = rng.choice(["$x:one.example", "$x:two.example", "$x:three.example"]) if rng.random() < 0.95 else None
            return "m.room.redaction", sender, {}, None, {"redacts": redacts}
        if kind < 0.95:
            return rng.choice(["m.room.message", "m.room.name"]), sender, {"body": "x"}, None, {}
        return rng.choice(["m.room.name", "m.room.topic", "org.example"]), sender, {}, rng.choice(["", sender, target]), {}

    def third_party(self, sender, target):
        rng = self.rng
        token = rng.choice(["first", "second", "third"])
        place = ["first", "second", "third"].index(token)
        if place < 2 and rng.random() < 0.8:
            sender = self.tokens[place].sender
        signed = {"mxid": target if rng.random() < 0.9 else rng.choice(USERS), "token": token}
        signed = sign_json(signed, "id.example", rng.choice(KEYS))
        if rng.random() < 0.1:
            signed["changed"] = True
        if rng.random() < 0.1:
            signed.pop(rng.choice(["mxid", "token", "signatures"]))
        invite = {"display_name": "x", "signed": signed}
        if rng.random() < 0.05:
            invite = rng.choice([None, {}, {"signed": None}, []])
        return "m.room.member", sender, {"membership": "invite", "third_party_invite": invite}, target, {}

    def state_case(self):
        """An event, the events of the state that it is judged by, and the verdict."""
        state = self.any_state()
        type, sender, content, state_key, more = self.idea(state)
        more = {"prev": ["$before:one.example"], **more}
        event, pdu = self.maker.make(type, sender, content, state_key, **more, keep=False)
        keys = self.maker.auth_keys(event)
        keys = set(state) if keys is None else keys | {("m.room.create", "")}
        events = [event for key, event in state.items() if key in keys]
        return pdu, [self.places[event.event_id] for event in events], judge(event, events)

    def own_case(self):
        """An event whose own form and authority is judged."""
        rng, maker = self.rng, self.maker
        if rng.random() < 0.25:
            return self.create_case()
        state = self.any_state()
        type, sender, content, state_key, more = self.idea(state)
        ids = {key: event.event_id for key, event in state.items()}
        auth = maker.select(type, sender, dict(content), state_key, ids)
        if rng.random() < 0.5:
            mischief = rng.randrange(5)
            if mischief == 0 and auth:
                auth.append(rng.choice(self.levels).event_id)
            elif mischief == 1:
                auth.append(rng.choice([*self.rules, *self.members[rng.choice(USERS)], *self.tokens]).event_id)
            elif mischief == 2 and auth:
                auth.remove(rng.choice(auth))
            elif mischief == 3:
                refused = rng.choice(self.refused)
                auth = [event_id for event_id in auth if maker.events[event_id].type != refused.type] + [refused.event_id]
            else:
                auth = [event_id for event_id in auth if maker.events[event_id].type != "m.room.power_levels"]
                auth.append(self.other_room.event_id)
        more = {"prev": ["$before:one.example"], **more}
        event, pdu = maker.make(type, sender, content, state_key, auth=auth, **more, keep=False)
        return pdu, judge_independent(event, maker.events)

    def create_case(self):
        rng, maker = self.rng, self.maker
        content = {"creator": USERS[0], "n": rng.randrange(10**9)}
        if rng.random() < 0.3:
            del content["creator"]
        if rng.random() < 0.5:
            content["room_version"] = rng.choice(["1", "5", "12", "99", "", 5, None, str(self.number)])
        if rng.random() < 0.5:
            content["additional_creators"] = rng.choice([
                [], [USERS[1]], [USERS[1], USERS[2]], None, USERS[1], [7], ["bob"], ["@bob:"], ["@bob:x y"], [None],
                ["@" + "b" * 250 + ":one.example"], ["@bob:[::1]:80"], ["@bob:one.example:8448"], {},
            ])
        more = {"prev": [self.create.event_id]} if rng.random() < 0.15 else {}
        if self.number < 12 and rng.random() < 0.2:
            more["room_id"] = rng.choice(["!room:two.example", "!other:one.example"])
        event, pdu = maker.make("m.room.create", USERS[0], content, "", **more, keep=False)
        return pdu, judge_independent(event, maker.events)


def lines(version, cases, rooms):
    """Rooms with so many allowed and so many refused cases together."""
    rng = random.Random(f"{SEED} {version}")
    for _ in range(rooms):
        room = Room(version, rng)
        state_cases = enough(room.state_case, cases // rooms)
        own_cases = enough(room.own_case, cases // rooms // 5)
        yield {
            "version": version,
            "events": list(room.maker.pdus.values()),
            "rejected": sorted(room.places[event_id] for event_id in room.maker.rejected),
            "state_cases": state_cases,
            "own_cases": own_cases,
        }


def enough(case, count):
    """As many allowed as refused cases."""
    found = {True: [], False: []}
    while min(map(len, found.values())) < count:
        made = case()
        kept = found[made[-1] == "ok"]
        if len(kept) < count:
            kept.append(made)
    return found[True] + found[False]


def main():
    logging.disable(logging.CRITICAL)
    full = "--full" in sys.argv
    text = "".join(
        json.dumps(line, separators=(",", ":"), sort_keys=True) + "\n"
        for version in VERSIONS
        for line in lines(version, 10_000 if full else 1000, 200 if full else 20)
    )
    path = Path(sys.argv[1]) / "auth.jsonl.gz"
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


main()
