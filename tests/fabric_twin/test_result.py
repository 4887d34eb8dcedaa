"""Results of checks, and the pairs that checks ping."""

from __future__ import annotations

from sovereign_ai.fabric_twin.result import Result, cut_off, examples, hosts_of, pairs_of
from sovereign_ai.fabric_twin.sample import choose_sample
from tests.render.lab import stack


def test_a_result_is_named_by_its_check_and_its_plane() -> None:
    result = Result("paths", "compute", passed=True, message="all", figures={"uplinks": 4}, seconds=0.5)
    assert str(result) == "paths (compute)"
    assert str(Result("cabling", "", passed=True, message="", figures={}, seconds=0.0)) == "cabling"
    assert list(result.to_data()) == ["name", "plane", "passed", "message", "figures", "seconds"]


def test_pairs_are_of_two_hosts_and_of_one_zone_or_of_two() -> None:
    part = choose_sample(*stack("lab")).parts[0]
    within, across = pairs_of(part, 0, 1, same=True), pairs_of(part, 0, 1, same=False)
    assert len(within) == 12 * 11 + 4 * 3
    assert len(across) == 2 * 12 * 4
    for pairs, same in ((within, True), (across, False)):
        for source, target in pairs:
            assert (source.rail, target.rail) == (0, 1)
            assert source.host != target.host
            assert (source.zone == target.zone) is same


def test_the_first_examples_are_listed_and_nothing_is_an_empty_text() -> None:
    assert examples([1, 2, 3], 2) == "1; 2"
    assert examples([], 2) == ""


def test_ports_that_do_not_answer_are_cut_off_with_their_hosts() -> None:
    part = choose_sample(*stack("lab")).parts[0]
    cut = cut_off(part, part.endpoints[2:])
    assert cut == list(part.endpoints[:2])
    assert hosts_of(cut) == {end.host for end in part.endpoints[:2]}
