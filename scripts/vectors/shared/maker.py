"""Events that a real Synapse parses, identifies and judges; shared by the generators beside this folder."""

import random

from synapse.api.errors import SynapseError
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS
from synapse.event_auth import (
    auth_types_for_event,
    check_state_dependent_auth_rules,
    check_state_independent_auth_rules,
)
from synapse.events import make_event_from_dict

VERSIONS = [str(number) for number in range(1, 13)]


class Maker:
    """Makes events of one room and keeps them by id."""

    def __init__(self, version: str, rng: random.Random):
        self.number = int(version)
        self.rules = KNOWN_ROOM_VERSIONS[version]
        self.rng = rng
        self.room_id = None if self.number >= 12 else "!room:one.example"
        self.events = {}  # event id -> Synapse's event
        self.pdus = {}  # event id -> what it was made of
        self.rejected = set()

    def make(self, type, sender, content, state_key=None, *, auth=(), prev=(), depth=1, ts=1, redacts=None,
             room_id=None, rejected=False, keep=True):
        """An event and its PDU, or with `keep` the event alone; `auth` and `prev` are event ids."""
        pdu = {"type": type, "sender": sender, "content": content, "depth": depth, "origin_server_ts": ts,
               "hashes": {"sha256": ""}, "signatures": {}}
        hashed_room = self.number >= 12 and type == "m.room.create" and state_key == ""
        if room_id or not hashed_room:
            pdu["room_id"] = room_id or self.room_id
        if state_key is not None:
            pdu["state_key"] = state_key
        if redacts is not None:
            (pdu if self.number < 11 else content)["redacts"] = redacts
        if self.number < 3:
            pdu["event_id"] = f"${self.rng.randrange(16**8):08x}:{sender.partition(':')[2]}"
            pdu["auth_events"] = [[event_id, {"sha256": ""}] for event_id in auth]
            pdu["prev_events"] = [[event_id, {"sha256": ""}] for event_id in prev]
        else:
            pdu["auth_events"] = list(auth)
            pdu["prev_events"] = list(prev)
        event = make_event_from_dict(pdu, self.rules, rejected_reason="rejected" if rejected else None)
        if not keep:
            return event, pdu
        if rejected:
            self.rejected.add(event.event_id)
        self.events[event.event_id] = event
        self.pdus[event.event_id] = pdu
        return event

    def auth_keys(self, event):
        """What the event needs of a state, or None if Synapse cannot say."""
        try:
            return auth_types_for_event(self.rules, event)
        except Exception:
            return None

    def select(self, type, sender, content, state_key, state):
        """The ids that an event is to name out of a state of (type, state key) to id."""
        probe, _ = self.make(type, sender, dict(content), state_key, keep=False)
        keys = self.auth_keys(probe) or set()
        if self.number >= 12:
            keys = keys - {("m.room.create", "")}
        return sorted(state[key] for key in keys if key in state)


def judge(event, state) -> str:
    """`ok`; `no`: refused; `crash`: refused by an exception that Synapse does not foresee."""
    try:
        check_state_dependent_auth_rules(event, state)
        return "ok"
    except SynapseError:
        return "no"
    except Exception:
        return "crash"


class Store:
    """What Synapse asks for the events that one names as its authority."""

    def __init__(self, events: dict):
        self.events = events

    async def get_events(self, event_ids, redact_behaviour, get_prev_content=False, allow_rejected=False):
        return {event_id: self.events[event_id] for event_id in event_ids if event_id in self.events}


def run(coroutine):
    """Runs a coroutine that never waits for anything."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise RuntimeError("the coroutine waited")


def judge_independent(event, events: dict) -> str:
    try:
        run(check_state_independent_auth_rules(Store(events), event))
        return "ok"
    except SynapseError:
        return "no"
    except Exception:
        return "crash"
