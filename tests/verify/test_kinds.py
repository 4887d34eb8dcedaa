from __future__ import annotations

from sovereign_ai.verify.kinds import BY_LABEL, GOVERNED, MACHINES, OBSERVED, WORKLOADS


def test_every_kind_with_a_special_judgement_is_observed() -> None:
    assert set(GOVERNED) | BY_LABEL | MACHINES | WORKLOADS <= set(OBSERVED)


def test_no_kind_is_listed_twice_or_judged_in_two_ways() -> None:
    assert len(OBSERVED) == len(set(OBSERVED))
    judged = [*GOVERNED, *MACHINES, *WORKLOADS]
    assert len(judged) == len(set(judged))


def test_secrets_are_never_observed() -> None:
    assert ("v1", "Secret") not in OBSERVED
