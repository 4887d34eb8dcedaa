"""What `ibnetdiscover` prints, as recorded from infiniband-diags 44 on ibsim, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.assess.observed.subnet_discovery import ibnetdiscover
from sovereign_ai.errors import UsageError

RECORDED = Path(__file__).parent / "subnet.txt"


def test_a_recorded_subnet_is_read_with_its_nodes_and_links() -> None:
    subnet = ibnetdiscover(RECORDED.read_text(), "subnet.txt")
    kinds = [node.kind for node in subnet.nodes.values()]
    assert (kinds.count("Switch"), kinds.count("Ca")) == (3, 8)
    assert all(subnet.links[far] == near for near, far in subnet.links.items())
    assert not subnet.one_sided
    assert all(node.lid for node in subnet.nodes.values())


@pytest.mark.parametrize("text", ["", "no route to host\n", '[1]\t"H-1"[1]\n'])
def test_a_text_without_nodes_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as error:
        ibnetdiscover(text, "f")
    assert [problem.code for problem in error.value.problems] == ["not-a-subnet"]


def test_adapters_that_share_a_description_are_refused_since_their_ports_have_no_name() -> None:
    text = RECORDED.read_text().replace("a-002-compute0", "a-001-compute0")
    with pytest.raises(UsageError) as error:
        ibnetdiscover(text, "f")
    assert [problem.code for problem in error.value.problems] == ["same-description"]


def test_a_link_that_one_end_alone_reports_is_named() -> None:
    lines = RECORDED.read_text().splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if line.startswith("[1]("))
    subnet = ibnetdiscover("".join(lines[:first] + lines[first + 1 :]), "f")
    assert len(subnet.one_sided) == 1


def test_each_end_has_the_width_and_speed_of_its_link() -> None:
    subnet = ibnetdiscover(RECORDED.read_text().replace("4xSDR", "2xNDR"), "f")
    assert subnet.rates["compute-x-leaf-002", 1] == (2, "NDR")
    assert subnet.rates.keys() == subnet.links.keys()


def test_adapters_that_share_a_description_are_named_by_their_guid_on_demand() -> None:
    text = RECORDED.read_text().replace("a-002-compute0", "a-001-compute0")
    subnet = ibnetdiscover(text, "f", shared=True)
    assert len(subnet.nodes) == 11
    assert {"H-0002c90300000010", "H-0002c90300000020"} < subnet.nodes.keys()
    assert "a-001-compute0" not in subnet.nodes


def test_aggregation_nodes_which_all_share_a_description_are_no_reason_to_refuse() -> None:
    shared = "Mellanox Technologies Aggregation Node"
    text = RECORDED.read_text().replace("a-002-compute0", shared).replace("a-003-compute0", shared)
    subnet = ibnetdiscover(text, "f")
    assert sum(name.startswith("Aggregation Node H-") for name in subnet.nodes) == 2
