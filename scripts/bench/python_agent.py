"""The Python agent z4j-bare as a peer of the measurements.

    python_agent.py HOME ACCESS_JSON

It answers each line on stdin, a JSON array with a word and its arguments, with
one line of JSON. ``["drain", reported]`` records these events and waits until the
buffer is empty; ``["burst", reported]`` and ``["pace", reported, per_second,
portion]`` only record, for the token ``nobody``, where no brain answers.
``reported`` are objects ``{kind, taskId, data}`` as an engine reports them.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from uuid import UUID, uuid4

HOME, ACCESS = Path(sys.argv[1]), json.loads(sys.argv[2])
HOME.mkdir(parents=True, exist_ok=True, mode=0o700)
for name in [name for name in os.environ if name.startswith("Z4J_")]:
    del os.environ[name]
os.environ["Z4J_HOME"] = str(HOME)

from z4j_bare import install_agent  # noqa: E402  Z4J_HOME comes first
from z4j_core.models.event import Event, EventKind  # noqa: E402
from z4j_core.redaction.engine import RedactionEngine  # noqa: E402

DEADLINE_S = 55
NOBODY = UUID(int=0)


class Engine:
    """An engine that reports nothing by itself."""

    name = "bullmq"
    protocol_version = "2"

    def capabilities(self) -> set[str]:
        return set()


def event_of(kind: str, task_id: str, data: dict) -> Event:
    return Event(
        id=uuid4(),
        project_id=NOBODY,
        agent_id=NOBODY,
        engine="bullmq",
        task_id=task_id,
        kind=EventKind(kind),
        occurred_at=datetime.now(UTC),
        data=data,
    )


def events_of(reported: list[dict]) -> list[Event]:
    return [event_of(one["kind"], one["taskId"], one["data"]) for one in reported]


def drain(runtime, reported: list[dict]) -> dict:
    events = events_of(reported)
    began = time.perf_counter()
    for event in events:
        runtime.record_event(event)
    deadline = began + DEADLINE_S
    while runtime.buffer_size() > 0:
        if time.perf_counter() > deadline:
            raise SystemExit(f"{runtime.buffer_size()} events were not delivered")
        time.sleep(0.002)
    return {"ms": (time.perf_counter() - began) * 1000}


def stored(runtime, before: int, count: int) -> None:
    added = runtime.buffer_size() - before
    if added < count:
        raise SystemExit(f"{added} events were stored, expected {count}")


def burst(runtime, reported: list[dict]) -> dict:
    """Mean microseconds of the call itself, and of all that a host pays for."""
    before = runtime.buffer_size()
    events = events_of(reported)
    began = time.perf_counter()
    for event in events:
        runtime.record_event(event)
    call = time.perf_counter() - began
    redaction = RedactionEngine()
    began = time.perf_counter()
    for one in reported:
        clean = redaction.scrub(one["data"])
        runtime.record_event(event_of(one["kind"], one["taskId"], clean))
    whole = time.perf_counter() - began
    stored(runtime, before, 2 * len(events))
    return {"callUs": call * 1e6 / len(events), "wholeUs": whole * 1e6 / len(events)}


def pace(runtime, reported: list[dict], per_second: int, portion: int) -> dict:
    """Mean microseconds of the call at a steady pace."""
    before = runtime.buffer_size()
    events = events_of(reported)
    spent, done, began = 0.0, 0, time.perf_counter()
    while done < len(events):
        due = (time.perf_counter() - began) * per_second
        while done + portion <= min(due, len(events)):
            start = time.perf_counter()
            for event in events[done : done + portion]:
                runtime.record_event(event)
            spent += time.perf_counter() - start
            done += portion
        time.sleep(0.005)
    stored(runtime, before, done)
    return {"callUs": spent * 1e6 / done}


WORDS = {"drain": drain, "burst": burst, "pace": pace}


def main() -> None:
    runtime = install_agent(
        engines=[Engine()],
        brain_url=ACCESS["baseUrl"],
        token=ACCESS["token"],
        hmac_secret=ACCESS["hmacSecret"],
        project_id=ACCESS["project"],
        dev_mode=True,
    )
    deadline = time.perf_counter() + 20
    # With a brain: until its session is open.
    while ACCESS["token"] != "nobody" and runtime.supervisor_state()["session_id"] is None:
        if time.perf_counter() > deadline:
            raise SystemExit("the Python agent did not connect")
        time.sleep(0.05)
    print(json.dumps({"version": version("z4j-bare")}), flush=True)
    for line in sys.stdin:
        word, *args = json.loads(line)
        print(json.dumps(WORDS[word](runtime, *args)), flush=True)
    runtime.stop(timeout=2)


main()
