"""Host lists, expanded within a bound."""

from __future__ import annotations

import time

import pytest

from sovereign_ai.adopt.host_lists import HostListError, expanded
from sovereign_ai.render.interop.slurm_hosts import hostlist


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("n[01-03,15]", ["n01", "n02", "n03", "n15"]),
        ("n[9-11]", ["n9", "n10", "n11"]),
        ("a, b[1-2]-ib,c", ["a", "b1-ib", "b2-ib", "c"]),
        ("r[1-2]n[1-2]", ["r1n1", "r1n2", "r2n1", "r2n2"]),
        ("one", ["one"]),
        ("[1-2]", ["1", "2"]),
    ],
)
def test_lists_are_expanded_in_their_order_and_with_their_width(text: str, names: list[str]) -> None:
    assert list(expanded(text, 10)) == names


def test_what_the_renderer_writes_is_read_back() -> None:
    names = [f"train-{number:03d}" for number in (*range(1, 40), 77, 101)] + ["login"]
    assert list(expanded(hostlist(names), 100)) == names


@pytest.mark.parametrize(
    "text",
    [
        "",
        "n[1-",
        "n]1[",
        "n[[1]]",
        "n[a-b]",
        "n[3-1]",
        "n[]",
        "a,,b",
        "n o",
        "n[1-2]\x1b",
        "-n",
        "n" * 64,
        "[1][1][1][1][1]",
    ],
)
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(HostListError):
        list(expanded(text, 100))


@pytest.mark.parametrize(
    "text", ["n[1-101]", "n[0-999999999]", "a[0-99999]b[0-99999]c[0-99999]", "a[1-60],b[1-60]"]
)
def test_a_list_of_too_many_names_is_refused_at_once(text: str) -> None:
    before = time.process_time()
    with pytest.raises(HostListError, match="more than 100 names"):
        list(expanded(text, 100))
    assert time.process_time() - before < 1
