"""Self-tests: a fault that is put in must be reported, and is undone."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.fabric_twin import neighbours, queries, self_test
from sovereign_ai.fabric_twin.neighbours import Miswire, planned
from sovereign_ai.fabric_twin.sample import Sample, choose_sample
from sovereign_ai.fabric_twin.wiring import apart
from tests.fabric_twin.answering import Quiet
from tests.render.lab import stack


@pytest.fixture(scope="module")
def lab() -> Sample:
    return choose_sample(*stack("lab"))


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Every command that a self-test gives, with its namespace."""
    given: list[tuple[str, str]] = []

    def batch(lines: Any, namespace: str = "", **_force: bool) -> None:
        given.extend((namespace, line) for line in lines)

    monkeypatch.setattr(self_test, "batch", batch)
    return given


@pytest.mark.parametrize("blind", [False, True])
def test_a_leak_must_be_reported_and_its_port_is_put_back(
    lab: Sample, commands: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, blind: bool
) -> None:
    part = lab.parts[0]
    hosts = " ".join(part.hosts)
    monkeypatch.setattr(queries, "separation", lambda _part, _pinger: (blind, hosts, {}))
    twin: Any = Quiet(lab)
    passed, text, _ = self_test.leak(twin, part, None)  # type: ignore[arg-type]
    assert passed is not blind
    assert text.startswith("a port in the wrong segment went unseen" if blind else "found: ")
    (leaf, out), (same_leaf, back) = commands
    port = next(
        end for end in part.endpoints if twin.name(end.leaf) == leaf and end.leaf_interface in out.split()
    )
    own = next(switch for switch in part.switches if switch.switch.name == port.leaf).partitions[port.zone]
    assert leaf == same_leaf
    assert back.endswith(f"master br{own.number}")
    assert not out.endswith(f"master br{own.number}")


@pytest.mark.parametrize("seen", [4, 3, 5, 0])
def test_a_swap_must_be_reported_at_exactly_its_four_ports_and_is_undone(
    lab: Sample, commands: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, seen: int
) -> None:
    part = lab.parts[0]
    first, second = part.tier("leaf")[:2]
    wanted = planned(lab)
    ports = []
    for leaf in (first, second):
        port = (leaf.switch.name, leaf.fabric[0].interface)
        ports += [port, wanted[port]]
    others = [port for port in wanted if port not in ports]
    wrong = [Miswire(port, wanted[port], None) for port in sorted([*ports, *others][:seen])]
    monkeypatch.setattr(neighbours, "miswires", lambda _sample, _prefix: wrong)
    passed, _, figures = self_test.miswire(Quiet(lab), part)  # type: ignore[arg-type]
    assert passed is (seen == 4)
    assert figures == {"swapped": 2, "ports named": seen}
    laid = [line for _, line in commands if line.startswith("link add ")]
    assert len(laid) == 4
    assert laid[0].split()[-1] == laid[3].split()[-1], (
        "the first leaf meets the second's spine, and its own again"
    )
    assert [line for _, line in commands if line.startswith("link del ")] == [
        f"link del {leaf.fabric[0].interface}" for leaf in (first, second)
    ] * 2


@pytest.mark.parametrize("blind", [False, True])
def test_a_way_between_planes_must_be_reported_and_its_rules_are_restored(
    lab: Sample, commands: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, blind: bool
) -> None:
    hosts = " and ".join(lab.parts[0].hosts[:2])
    monkeypatch.setattr(queries, "apart", lambda _twin, _pinger: (blind, hosts, {}))
    passed, _, _ = self_test.way(Quiet(lab), None)  # type: ignore[arg-type]
    assert passed is not blind
    deleted = [command for command in commands if "rule del" in command[1]]
    added = [(name, line.replace("rule add", "rule del")) for name, line in commands if "rule add" in line]
    assert deleted == added != []


def test_a_report_of_another_way_is_not_the_one_that_was_opened(
    lab: Sample, commands: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "apart", lambda _twin, _pinger: (False, "some other host", {}))
    assert not self_test.way(Quiet(lab), None)[0]  # type: ignore[arg-type]
    assert commands


class Kernels:
    """The cables and rules of a twin, as commands change them; the command of one number fails."""

    def __init__(self, present: set[tuple[str, ...]], fails: int) -> None:
        self.present = present
        self.left = fails

    def batch(self, lines: Any, namespace: str = "", *, force: bool = False) -> None:
        for line in lines:
            self.left -= 1
            done = self.left != 0 and self._do(namespace, line.split())
            if not done and not force:
                message = f"{line} failed"
                raise RuntimeError(message)

    def _do(self, namespace: str, words: list[str]) -> bool:
        """Return whether a command succeeds, and change what it changes."""
        if words[:2] == ["link", "add"]:
            ends = (words[5] + " " + words[3], words[12] + " " + words[10])
            # A port has one cable.
            free = not any(end in cable for end in ends for cable in self.present)
            self.present |= {ends} if free else set()
            return free
        if words[:2] == ["link", "del"]:
            cables = {cable for cable in self.present if f"{namespace} {words[2]}" in cable}
            self.present -= cables
            return bool(cables)
        if words[0] == "rule":
            rule = (namespace, *words[2:])
            right = (rule in self.present) is (words[1] == "del")
            self.present ^= {rule} if right else set()
            return right
        return True


@pytest.mark.parametrize("number", range(1, 9))
def test_a_swap_that_fails_in_any_command_is_undone(
    lab: Sample, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    twin: Any = Quiet(lab)
    part = lab.parts[0]
    uplinks = [self_test._first_uplink(twin, leaf) for leaf in part.tier("leaf")[:2]]
    cables = set()
    for uplink in uplinks:
        lower = f"{twin.name(uplink.lower)} {uplink.lower_port}"
        cables.add((lower, f"{twin.name(uplink.upper)} {uplink.upper_port}"))
    kernels = Kernels(set(cables), number)
    monkeypatch.setattr(self_test, "batch", kernels.batch)
    with pytest.raises(RuntimeError, match="failed"):
        self_test.miswire(twin, part)
    assert kernels.present == cables


@pytest.mark.parametrize("number", [1, 2, 5])
def test_rules_that_were_removed_before_a_failure_are_restored(
    lab: Sample, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    twin: Any = Quiet(lab)
    rules: set[tuple[str, ...]] = set()
    for part in lab.parts:
        for end in part.endpoints:
            rules |= {(twin.name(end.host), *line.split()[2:]) for line in apart(part, end)}
    kernels = Kernels(set(rules), number)
    monkeypatch.setattr(self_test, "batch", kernels.batch)
    with pytest.raises(RuntimeError, match="failed"):
        self_test.way(twin, None)  # type: ignore[arg-type]
    assert kernels.left < 0
    assert kernels.present == rules
