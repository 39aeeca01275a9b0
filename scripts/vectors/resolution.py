#!/usr/bin/env python3
"""Vectors for state resolution, decided by a real Synapse.

    scripts/vectors/generate [--full] resolution

Writes resolution.jsonl.gz: a line a forked room, {"version", "events", "states", "resolved"}: its PDUs, and the places
in them of the states of its branches and of the state that Synapse resolves them to. Everything in a branch is allowed
by Synapse's rules. The auth difference and the conflicted subgraph, which Synapse reads out of its database, are
computed here by their definitions. The seeds are fixed, so the same Synapse gives the same bytes.
"""

import gzip
import json
import logging
import random
import sys
from pathlib import Path

# First, because synapse.state cannot be imported before synapse.event_auth.
from shared.maker import VERSIONS, Maker, judge, run

from synapse.api.room_versions import StateResolutionVersions
from synapse.state import v1, v2
from synapse.storage.databases.main.event_federation import StateDifference

SEED = 20261124
USERS = [f"@{name}:{server}.example" for server, names in
         {"one": ["alice", "bob"], "two": ["carol", "dan"], "three": ["eve", "frank"]}.items() for name in names]
JOIN_RULES = ["public", "public", "invite", "knock", "restricted", "knock_restricted"]


class Branch:
    def __init__(self, state=None, last=None, depth=1):
        self.state = dict(state or {})  # (type, state key) to event id
        self.last = last
        self.depth = depth

    def copy(self):
        return Branch(self.state, self.last, self.depth)


class Clock:
    async def sleep(self, duration):
        return None


class Room:
    """A room that grows by what its users may do."""

    def __init__(self, version, rng):
        self.rng, self.maker, self.now = rng, Maker(version, rng), 1_000_000
        self.number = self.maker.number
        creator = USERS[0]
        self.base = base = Branch()
        content = {"creator": creator, "room_version": version, "nonce": rng.randrange(10**9)}
        if rng.random() < 0.3:
            content["additional_creators"] = [USERS[1]]
        create = self.maker.make("m.room.create", creator, content, "", ts=self.now)
        if self.number >= 12:
            self.maker.room_id = "!" + create.event_id[1:]
        base.state["m.room.create", ""] = base.last = create.event_id
        self.send(base, "m.room.member", creator, {"membership": "join"}, creator)
        users = {USERS[2]: 100, USERS[3]: 50}
        if self.number < 12:
            users[creator] = 100
        self.send(base, "m.room.power_levels", creator, {"users": users}, "")
        self.send(base, "m.room.join_rules", creator, {"join_rule": "public"}, "")
        for user in USERS[1:5]:
            self.send(base, "m.room.member", user, {"membership": "join"}, user)

    def send(self, branch, type, sender, content, state_key):
        """Sends an event if the rules allow it. Some events are late: their clock is off."""
        rng = self.rng
        self.now += rng.randrange(3)
        late = rng.randrange(-50, 50) if rng.random() < 0.15 else 0
        make = {"prev": [branch.last], "depth": branch.depth + 1, "ts": self.now + late}
        auth = self.maker.select(type, sender, content, state_key, branch.state)
        event, pdu = self.maker.make(type, sender, content, state_key, auth=auth, **make, keep=False)
        keys = (self.maker.auth_keys(event) or set()) | {("m.room.create", "")}
        state = [self.maker.events[branch.state[key]] for key in keys if key in branch.state]
        if judge(event, state) != "ok":
            return False
        self.maker.events[event.event_id], self.maker.pdus[event.event_id] = event, pdu
        branch.state[type, state_key] = branch.last = event.event_id
        branch.depth += 1
        return True

    def act(self, branch):
        for _ in range(30):
            if self.send(branch, *self.idea(branch)):
                return

    def idea(self, branch):
        rng = self.rng
        sender, target = rng.choice(USERS), rng.choice(USERS)
        kind = rng.randrange(20)
        if kind < 4:
            content = {"membership": "join"}
            if rng.random() < 0.5:
                content["join_authorised_via_users_server"] = target
            return "m.room.member", sender, content, sender
        if kind < 5:
            return "m.room.member", sender, {"membership": rng.choice(["leave", "knock"])}, sender
        if kind < 9:
            return "m.room.member", sender, {"membership": rng.choice(["ban", "leave", "invite"])}, target
        if kind < 13:
            return "m.room.power_levels", sender, self.levels(branch, target), ""
        if kind < 15:
            return "m.room.join_rules", sender, {"join_rule": rng.choice(JOIN_RULES)}, ""
        if kind < 18:
            return "m.room.name", sender, {"name": f"name {rng.randrange(99)}"}, ""
        return "org.example.open", sender, {"value": rng.randrange(99)}, rng.choice(["", "a", sender])

    def levels(self, branch, target):
        rng = self.rng
        current = branch.state.get(("m.room.power_levels", ""))
        content = json.loads(json.dumps(self.maker.pdus[current]["content"])) if current else {"users": {}}
        level = rng.choice([0, 25, 50, 75, 100])
        if self.number < 10 and rng.random() < 0.3:
            level = f" {level}"
        kind = rng.randrange(6)
        if kind < 3:
            content["users"][target] = level
        elif kind < 4:
            content["events"] = {"m.room.name": level, "org.example.open": level}
        else:
            content[rng.choice(["ban", "kick", "invite", "users_default", "state_default"])] = level
        return content

    def fork(self):
        """The ends of two to four branches; one may leave from another."""
        rng = self.rng
        for _ in range(rng.randrange(8)):
            self.act(self.base)
        ends = []
        for _ in range(rng.choice([2, 2, 2, 3, 4])):
            branch = (self.base if not ends or rng.random() < 0.7 else rng.choice(ends)).copy()
            for _ in range(rng.randint(1, 10)):
                self.act(branch)
            ends.append(branch)
        return [branch.state for branch in ends]

    def resolve(self, states):
        room_id = self.maker.room_id
        rules = self.maker.rules
        if rules.state_res == StateResolutionVersions.V1:
            return run(v1.resolve_events_with_store(room_id, rules, states, None, self.get))
        return run(v2.resolve_events_with_store(Clock(), room_id, rules, states, None, self))

    async def get(self, event_ids):
        return {event_id: self.maker.events[event_id] for event_id in event_ids}

    async def get_events(self, event_ids, allow_rejected=False):
        return await self.get(event_ids)

    def chain(self, event_ids):
        """The events themselves and all that authorises them."""
        chain, to_visit = set(), list(event_ids)
        while to_visit:
            event_id = to_visit.pop()
            if event_id not in chain:
                chain.add(event_id)
                to_visit.extend(self.maker.events[event_id].auth_event_ids())
        return chain

    async def get_auth_chain_difference(self, room_id, state_sets, conflicted_state, additional):
        chains = [self.chain(state) for state in state_sets]
        difference = set.union(*chains) - set.intersection(*chains)
        subgraph = None
        if conflicted_state is not None:
            below = self.chain(conflicted_state)
            subgraph = {event_id for event_id in below if self.chain([event_id]) & conflicted_state}
        return StateDifference(auth_difference=difference, conflicted_subgraph=subgraph)


def line(version, rng):
    room = Room(version, rng)
    states = room.fork()
    resolved = dict(room.resolve(states))
    places = {event_id: place for place, event_id in enumerate(room.maker.events)}
    return {
        "version": version,
        "events": list(room.maker.pdus.values()),
        "states": [sorted(places[event_id] for event_id in state.values()) for state in states],
        "resolved": sorted(places[event_id] for event_id in resolved.values()),
    }


def main():
    logging.disable(logging.CRITICAL)
    rooms = 500 if "--full" in sys.argv else 42
    text = "".join(
        json.dumps(line(version, rng), separators=(",", ":"), sort_keys=True) + "\n"
        for version in VERSIONS
        for rng in [random.Random(f"{SEED} {version}")]
        for _ in range(rooms)
    )
    path = Path(sys.argv[1]) / "resolution.jsonl.gz"
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


main()
