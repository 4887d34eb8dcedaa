"""Every command meets every fault of the way to the API server, at its start, in its middle and near its end.

A case is a verb, a fault and a moment, and its id is all that is needed to make it again:

    pytest -m faults_long tests/faults/test_api_faults.py -k "down and unauthorized and middle"

After each fault the same holds: the message names the cause, the exit code is the documented one, nothing is
called a defect, no stranger is touched, the state knows what lives; and once the fault is gone one run
converges.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Literal

import pytest

from sovereign_ai.cluster.embedded.lifecycle import EmbeddedCluster
from tests.faults.stand import Done, Stand
from tests.support.fault_proxy import Connecting, Fault

Verb = Literal["up", "preview", "verify", "down"]
Moment = Literal["start", "middle", "end"]
VERBS: tuple[Verb, ...] = ("up", "preview", "verify", "down")
MOMENTS: tuple[Moment, ...] = ("start", "middle", "end")
PASSING: dict[str, Fault] = {
    "busy": Fault("status", status=429, retry_after="1", times=2),
    "unavailable": Fault("status", status=503, retry_after="1", times=2),
    "error": Fault("status", status=500),
    "reset": Fault("reset-before"),
    "lost-reply": Fault("lost-reply", method="PATCH|GET|DELETE"),
    "half-close": Fault("half-close"),
    "truncated": Fault("truncated"),
    "portal": Fault("garbled"),
    "late": Fault("latency", seconds=3.0),
}
"""Faults of one or two requests."""
LASTING: dict[str, Fault | Connecting | None] = {
    "unauthorized": Fault("status", status=401, times=None),
    "forbidden": Fault("status", status=403, times=None),
    "overloaded": Fault("status", status=429, retry_after="1", times=None),
    "unavailable-for-good": Fault("status", status=503, times=None),
    "errors": Fault("status", status=500, times=None),
    "resets": Fault("reset-before", times=None),
    "silent": Fault("silent", times=None),
    "trickle": Fault("trickle", times=None, seconds=1.0),
    "portal-for-good": Fault("garbled", times=None),
    "tls-alert": "tls-alert",
    "no-handshake": "no-handshake",
    "closed": None,
}
"""Faults that stay until somebody mends the way: None is a port on which nobody listens."""
NAMED = {
    "unauthorized": {"cluster-unauthorized", "api-unauthorized"},
    "forbidden": {"cluster-forbidden", "api-forbidden"},
    "overloaded": {"cluster-unwell", "cluster-busy", "api-too-many-requests"},
    "unavailable-for-good": {"cluster-unwell", "api-service-unavailable"},
    "errors": {"cluster-unwell", "api-internal-error"},
    "portal-for-good": {"api-garbled", "cluster-unreachable"},
}
"""Codes by which a lasting fault is told; any other is the silence of the way."""
SILENCE = {"cluster-unreachable"}


@pytest.fixture(scope="module")
def stand(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    made = Stand(cluster, tmp_path_factory.mktemp("stand"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def usual(stand: Stand) -> dict[Verb, int]:
    """Count the requests of each verb where nothing breaks."""
    counts: dict[Verb, int] = {}
    for verb in VERBS:
        stand.proxy.forget()
        stand.require(verb)
        counts[verb] = len(stand.proxy.requests)
    stand.is_empty()
    return counts


def number(moment: Moment, requests: int) -> int:
    """Give the number of the request that is met at a moment."""
    return {"start": 1, "middle": max(2, requests // 2), "end": max(3, requests - 4)}[moment]


def prepared(stand: Stand, verb: Verb) -> None:
    """Bring the plane to where a verb has something to do."""
    if verb == "up":
        if stand.live():
            stand.require("down")
    elif stand.live() != stand.wanted() or stand.in_state() != stand.wanted():
        stand.require("up")


def broken(stand: Stand, verb: Verb, fault: Fault | Connecting | None, first: int) -> Done:
    """Run a verb whose request of this number meets the fault."""
    proxy = stand.proxy
    proxy.forget()
    if isinstance(fault, Fault):
        proxy.arm(Fault(**{**{name: getattr(fault, name) for name in Fault.__slots__}, "first": first}))
    elif first <= 1:
        proxy.close() if fault is None else proxy.connections(fault)
    else:
        proxy.at(first, proxy.close if fault is None else lambda: proxy.connections(fault))
    try:
        return stand.call(verb)
    finally:
        proxy.disarm()
        proxy.open()


def holds(stand: Stand, verb: Verb, name: str, moment: Moment, done: Done) -> None:
    """Insist on what must hold after a fault, and that one run converges once it is gone."""
    assert stand.strangers_are_untouched()
    assert done.code in {0, 3, 4}, done.text
    if done.code:
        assert done.codes <= NAMED.get(name, SILENCE) | SILENCE | {"pulumi-failed"}, done.text
        assert done.codes & (NAMED.get(name, set()) | SILENCE), done.text
    if name in LASTING and moment == "start":
        assert done.code == 3, done.text
        assert stand.writes() == []
    if verb in {"preview", "verify"} or (moment == "start" and name in LASTING):
        assert stand.live() == (set() if verb == "up" else stand.wanted())
    if verb == "down":
        assert stand.live() <= stand.in_state(), "the state knows all that lives"
    again = stand.require(verb)
    if verb == "down":
        stand.is_empty()
    elif verb == "up":
        stand.is_as_described()
    else:
        assert again.document.get("changes", {}) == {}
        assert again.document.get("findings", []) == []


def tried(stand: Stand, usual: dict[Verb, int], verb: Verb, name: str, moment: Moment) -> Done:
    """Make one case."""
    prepared(stand, verb)
    fault = PASSING[name] if name in PASSING else LASTING[name]
    done = broken(stand, verb, fault, number(moment, usual[verb]))
    holds(stand, verb, name, moment, done)
    return done


SHORT: list[tuple[Verb, str, Moment]] = [
    ("up", "lost-reply", "middle"),
    ("preview", "closed", "start"),
    ("verify", "silent", "start"),
    ("down", "closed", "middle"),
]
"""One case of each command, for every day; all of them are in the long run."""


@pytest.mark.cluster
@pytest.mark.parametrize(("verb", "name", "moment"), SHORT)
def test_a_fault_of_the_way_is_named_and_one_run_converges_after_it(
    stand: Stand, usual: dict[Verb, int], verb: Verb, name: str, moment: Moment
) -> None:
    tried(stand, usual, verb, name, moment)


@pytest.mark.faults_long
@pytest.mark.parametrize(
    ("verb", "name", "moment"), list(itertools.product(VERBS, [*PASSING, *LASTING], MOMENTS))
)
def test_every_command_meets_every_fault_at_every_moment(
    stand: Stand, usual: dict[Verb, int], verb: Verb, name: str, moment: Moment
) -> None:
    done = tried(stand, usual, verb, name, moment)
    if verb == "verify" and name in PASSING and name != "portal":
        assert done.code == 0, "a reading survives what passes"
