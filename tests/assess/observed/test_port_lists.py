"""Lists of a subnet's ports, as recorded from infiniband-diags 44 on ibsim: three prints of one subnet."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.assess.observed.port_lists import is_port_list, subnet_ports
from sovereign_ai.errors import UsageError

FOLDER = Path(__file__).parent
RECORDED = ("links.txt", "links-by-line.txt", "ports.txt")


@pytest.mark.parametrize("name", RECORDED)
def test_each_print_of_the_subnet_has_the_same_links_from_both_ends(name: str) -> None:
    text = (FOLDER / name).read_text()
    assert is_port_list(text)
    subnet = subnet_ports(text, name)
    assert subnet.links == subnet_ports((FOLDER / "ports.txt").read_text(), "ports.txt").links
    assert len(subnet.links) == 12
    assert subnet.links["compute-x-leaf-001", 6] == ("compute-x-spine-001", 2)
    assert not subnet.one_sided
    ports = {node.description: node.ports for node in subnet.nodes.values()}
    assert (ports["compute-x-leaf-002"], ports["a-003-compute0"]) == (8, 1)


@pytest.mark.parametrize("name", RECORDED)
def test_two_nodes_of_one_description_are_refused(name: str) -> None:
    text = (FOLDER / name).read_text().replace("a-002-compute0", "a-003-compute0")
    with pytest.raises(UsageError) as error:
        subnet_ports(text, "f")
    assert [problem.code for problem in error.value.problems] == ["same-description"]


def test_a_subnet_as_ibnetdiscover_prints_it_and_other_texts_are_no_lists_of_ports() -> None:
    assert not is_port_list((FOLDER / "subnet.txt").read_text())
    assert not is_port_list("")
    with pytest.raises(UsageError):
        subnet_ports("", "f")
