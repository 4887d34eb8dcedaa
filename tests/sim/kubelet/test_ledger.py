from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.sim.kubelet.ledger import HeldError, Ledger

NAMES = [f"gpu-{number}" for number in range(4)]
STEPS = st.tuples(
    st.sampled_from(["give", "claim", "release", "see"]),
    st.sampled_from(["a", "b"]),
    st.sets(st.sampled_from(NAMES), min_size=1),
)


@given(st.lists(STEPS, max_size=30))
def test_whatever_is_asked_no_device_is_held_twice(steps: list[tuple[str, str, set[str]]]) -> None:
    ledger = Ledger({}, clock=lambda: 0.0)
    pods: set[str] = set()
    claims: dict[str, set[str]] = {}
    for what, who, names in steps:
        try:
            if what == "give":
                ledger.give(names)
                pods |= names
            elif what == "claim":
                ledger.claim(who, names)
                claims[who] = names
            elif what == "release":
                ledger.release(who)
                claims.pop(who, None)
            else:
                ledger.see(dict.fromkeys(pods, "research/job"))
        except HeldError:
            continue
        held = [*pods, *(name for one in claims.values() for name in one)]
        assert len(held) == len(set(held))


def test_a_device_that_was_given_is_free_again_as_soon_as_the_kubelet_lists_it_no_more() -> None:
    ledger = Ledger({}, clock=lambda: 0.0)
    ledger.give(["gpu-0"])
    ledger.see({})
    with pytest.raises(HeldError, match="gpu-0 held by pod that starts"):
        ledger.claim("c", ["gpu-0"])
    ledger.see({"gpu-0": "research/job"})
    with pytest.raises(HeldError, match="gpu-0 held by pod research/job"):
        ledger.claim("c", ["gpu-0"])
    ledger.see({})
    ledger.claim("c", ["gpu-0"])


def test_a_device_of_a_pod_that_never_started_is_free_again_after_a_while() -> None:
    now = [0.0]
    ledger = Ledger({}, clock=lambda: now[0])
    ledger.give(["gpu-0"])
    now[0] = 14.0
    ledger.see({})
    with pytest.raises(HeldError):
        ledger.claim("c", ["gpu-0"])
    now[0] = 16.0
    ledger.see({})
    ledger.claim("c", ["gpu-0"])


def test_a_refused_claim_holds_nothing() -> None:
    ledger = Ledger({"a": ["gpu-0"]})
    with pytest.raises(HeldError):
        ledger.claim("b", ["gpu-0", "gpu-1"])
    ledger.give(["gpu-1"])
    assert ledger.claimed() == {"gpu-0"}
