"""The end of a build: which claims are new, changed or gone since the build before.

A claim has changed where its words, kind, certainty or holder are others, or it
is said in other posts; where it stands within a post does not matter. One that
goes because another wording of it now comes first is the same claim under
another key: it has changed, too. A build that was killed logs nothing, the next
one logs what both did.

The detail of an event is the claim's state after it (before it, where it went):
text, kind, certainty, holder, posts, topics, and `state`, a fingerprint; of a
change also `before`, what was otherwise.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine

from kb import store
from kb.pipeline.report import Tally

STAGE = "events"
_COMPARED = ("text", "kind", "certainty", "holder", "posts")
State = dict[str, Any]
_packed = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode  # made once: `json.dumps` makes one each time


def record(engine: Engine, tally: Tally) -> None:
    """Log what became of claims in this build, unless nothing that claims depend on has changed."""
    with engine.connect() as connection:
        inputs = [store.post_versions(connection), store.state(connection, "merge")]
        fingerprint = hashlib.blake2b(json.dumps(inputs).encode(), digest_size=16).hexdigest()
        if store.state(connection, STAGE) == fingerprint:
            return
        states = _states(connection)
        known = store.last_events(connection)
        held = {key: state for key, (event, state) in known.items() if event != "gone"}
        changed = sorted(key for key, state in states.items() if held.get(key) != state["state"])
        gone = sorted(set(held) - set(states))
        before = store.event_details(connection, [*(key for key in changed if key in held), *gone])
        heirs = store.wording_claims(connection, gone)
        _topics(connection, {key: states[key] for key in changed})
    events = _events(states, changed, gone, before, heirs)
    with engine.begin() as connection:
        store.put_events(connection, tally.build_id, events)
        store.put_state(connection, STAGE, fingerprint)
    for name in ("new", "changed", "gone"):
        tally.add(**{f"claims_{name}": sum(event == name for _, event, _ in events)})


def _states(connection: Connection) -> dict[str, State]:
    """Return the state of every claim, by key."""
    posts: dict[int, list[str]] = defaultdict(list)
    for claim, path in store.claim_posts(connection):
        posts[claim].append(path)
    made = {}
    for claim, key, text, kind, certainty, holder in store.claim_states(connection):
        state = {"text": text, "kind": kind, "certainty": certainty, "holder": holder, "posts": posts[claim]}
        packed = _packed(state).encode("utf-8", "surrogatepass")
        made[key] = {**state, "id": claim, "state": hashlib.blake2b(packed, digest_size=8).hexdigest()}
    return made


def _topics(connection: Connection, states: Mapping[str, State]) -> None:
    """Add the topics of claims to their states, in place of their ids."""
    by_id = {state.pop("id"): state for state in states.values()}
    for state in by_id.values():
        state["topics"] = []
    for claim, slug in store.claim_slugs(connection, list(by_id)):
        by_id[claim]["topics"].append(slug)


def _events(
    states: Mapping[str, State],
    changed: list[str],
    gone: list[str],
    before: Mapping[str, State],
    heirs: Mapping[str, str],
) -> list[tuple[str, str, State]]:
    """Return (key, event, detail) of claims that are new, changed or gone."""
    was = {new: old for old, new in sorted(heirs.items(), reverse=True) if new not in before}
    events = []
    for key in changed:
        state = states[key]
        old = before.get(key) or before.get(was.get(key, ""))
        if old is None:
            events.append((key, "new", state))
            continue
        other = {name: old[name] for name in _COMPARED if old[name] != state[name]}
        renamed = {"key": was[key]} if key not in before else {}
        events.append((key, "changed", {**state, "before": {**other, **renamed}}))
    for key in gone:
        state = {name: value for name, value in before[key].items() if name != "before"}
        events.append((key, "gone", {**state, "into": heirs[key]} if key in heirs else state))
    return events
