"""Policies by group of nodes: who belongs to which, what differs then, and what no file can break."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.operate.repair.decide import Act, Cordon, Machine, Policy, decide
from sovereign_ai.operate.repair.faults import Fault, Remedy
from sovereign_ai.operate.repair.policies import NODE_FIELDS, NodeGroup, Policies, one_policy, read_policies
from sovereign_ai.operate.repair.record import Record, Step
from tests.render.lab import stack

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
XID = Fault("Xid", 0, 48, Remedy.RESET)
_, LAB = stack("lab")
TEXT = """
groups:
  - name: canaries
    nodes: [train-00?]
    conditions: [FrequentKubeletRestart]
    reset: 10 min
    attempts: 3
  - name: lent
    racks: [h1-r004]
    repair: false
  - name: training
    pools: [train]
    unavailable: 0.5
"""


def group(**fields: object) -> NodeGroup:
    return NodeGroup.model_validate({"name": "a", **fields})


def machine(
    name: str, pool: str = "train", rack: str = "r", step: Step | None = None, pods: int = 1
) -> Machine:
    record = Record(step, NOW, "why") if step else None
    cordon = Cordon.OWN if step else Cordon.NONE
    return Machine(name, pool, frozenset({rack}), (XID,), cordon, pods, record)


def written(path: Path, text: str) -> Path:
    file = path / "policies.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    "field",
    ["reset: 0 min", "reboot: 0 s", "accept: 0 h", "conditions: [KernelDeadlock, Ready]"],
)
def test_a_step_without_time_and_a_condition_of_sound_machines_are_refused(
    tmp_path: Path, field: str
) -> None:
    text = f"groups:\n  - name: a\n    pools: [train]\n    {field}\n"
    with pytest.raises(SpecError) as caught:
        read_policies(written(tmp_path, text), LAB, "lab")
    [problem] = caught.value.problems
    assert problem.where is not None
    assert problem.where.line == 4


def test_the_first_group_that_a_machine_belongs_to_decides(tmp_path: Path) -> None:
    policies = read_policies(written(tmp_path, TEXT), LAB, "lab")
    racks = {node.name: node.rack for node in LAB.nodes_of("lab")}
    named = {name: chosen.name for name, chosen in policies.groups.items()}
    assert named["train-001"] == "canaries"
    assert named["train-010"] == ("lent" if racks["train-010"] == "h1-r004" else "training")
    lent = {name for name, rack in racks.items() if rack == "h1-r004"} - {
        name for name in racks if name.startswith("train-00")
    }
    assert {name for name, chosen in named.items() if chosen == "lent"} == lent
    assert policies.groups["train-001"].policy() == Policy(reset=timedelta(minutes=10), attempts=3)
    assert policies.conditions() == {"FrequentKubeletRestart"}
    assert policies.conditions_of("train-001") == ("FrequentKubeletRestart",)
    assert policies.conditions_of("train-010") == ()


def test_every_problem_of_a_file_comes_at_once_with_its_line(tmp_path: Path) -> None:
    text = (
        "groups:\n  - name: a\n    pools: [trian]\n    nodes: ['web-*']\n  - name: a\n    racks: [h1-r01]\n"
    )
    with pytest.raises(SpecError) as caught:
        read_policies(written(tmp_path, text), LAB, "lab")
    codes = [(problem.code, problem.where.line) for problem in caught.value.problems]
    assert codes == [("unknown-name", 3), ("unknown-name", 4), ("duplicate-name", 5), ("unknown-name", 6)]
    assert "train" in caught.value.problems[0].hint


@pytest.mark.parametrize(
    "text", ["", "- a\n", "groups: []\n", "groups:\n  - nam: a\n", "groups:\n  - {name: a, unavailable: 2}\n"]
)
def test_what_is_no_file_of_policies_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        read_policies(written(tmp_path, text), LAB, "lab")
    assert caught.value.problems[0].where.line


def test_one_policy_decides_as_the_core_alone() -> None:
    machines = [machine("a"), machine("b", step=Step.DRAIN), machine("c", step=Step.RESET, pods=0)]
    assert one_policy(Policy()).decide(machines, NOW) == decide(machines, Policy(), NOW)


def test_a_group_that_is_not_repaired_is_left_alone() -> None:
    machines = [machine("a"), machine("b")]
    policies = Policies(Policy(), {"a": group(repair=False)})
    assert [decision.machine for decision in policies.decide(machines, NOW)] == ["b"]


def test_each_group_has_its_own_times() -> None:
    machines = [machine("a", step=Step.RESET, pods=0), machine("b", step=Step.RESET, pods=0)]
    policies = Policies(Policy(), {"a": group(reset="1 h")})
    later = NOW + timedelta(minutes=6)
    assert [(each.machine, each.act) for each in policies.decide(machines, later)] == [("b", Act.REBOOT)]


def test_what_two_groups_share_is_never_drained_further_than_one_of_them_allows() -> None:
    # Where the strict policy holds m1 back for its pool, m2 takes the rack's only place; the lenient policy
    # lets m1 have it.
    broken = [
        machine("m0", "p", "s", Step.DRAIN),
        machine("m1", "p", "r", Step.DRAIN),
        # Its fault is gone: with two of six the rack would have failed as a whole.
        replace(machine("m2", "q", "r", Step.DRAIN), faults=()),
    ]
    well = [Machine(f"w{number}", "pq"[number % 2], frozenset({"rs"[number // 4]})) for number in range(8)]
    machines = [*broken, *well]
    strict = group(unavailable=0.1, per_domain=0.2)
    policies = Policies(Policy(unavailable=0.5, per_domain=0.2), {"m0": strict, "m2": strict})
    acts = {each.machine: each.act for each in policies.decide(machines, NOW)}
    assert acts == {"m0": Act.EVICT, "m1": Act.EVICT, "m2": Act.WAIT}


def test_cordons_come_first_whatever_group_they_are_of() -> None:
    machines = [machine("a", step=Step.DRAIN, pods=0), machine("b")]
    policies = Policies(Policy(), {"b": group(attempts=3)})
    assert [each.act for each in policies.decide(machines, NOW)] == [Act.CORDON, Act.RESET]


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("node.pool == 'serve'", 4),
        ("node.pool in ['train', 'serve'] && node.gpus >= 8", 16),
        ("node.name.matches('^train-00[1-3]$')", 3),
        ("!node.spare && node.rack.startsWith('h1-') && node.jurisdiction == 'DE'", 16),
        ("node.zone != 'restricted'", 4),
        ("true", 16),
    ],
)
def test_an_expression_chooses_machines_by_what_the_plan_says_of_them(
    where: str, count: int, tmp_path: Path
) -> None:
    policies = read_policies(written(tmp_path, f'groups:\n  - name: a\n    where: "{where}"\n'), LAB, "lab")
    assert len(policies.groups) == count


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("node.pol == 'train'", "no field 'pol'"),
        ("nodes.pool == 'train'", "nodes"),
        ("node.pool ==", "Syntax error"),
        ("node.gpus + 'a' == 'b'", "cannot be decided of train-001"),
        ("node.pool", "'train', which is neither true nor false"),
        ("1", "neither true nor false"),
        ("node.name.matches('[')", "cannot be decided of train-001"),
        ("node.gpus / 0 == 1", "cannot be decided of train-001"),
        ("has(node.pool.name)", ""),
        ("node", "neither true nor false"),
    ],
)
def test_an_expression_that_cannot_be_decided_is_refused_with_its_line(
    where: str, said: str, tmp_path: Path
) -> None:
    text = f'groups:\n  - name: all\n    pools: [serve]\n  - name: a\n    where: "{where}"\n'
    with pytest.raises(SpecError) as caught:
        read_policies(written(tmp_path, text), LAB, "lab")
    (problem,) = caught.value.problems
    assert (problem.code, problem.where and problem.where.line) == ("bad-expression", 5)
    assert said in problem.message
    assert "scalable_unit" in problem.hint


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("nodes: [train-00?]", "belongs to an earlier one: first"),
        ("where: node.gpus > 100", "no machine of the cluster matches"),
        ("where: 'false'", "no machine of the cluster matches"),
        ("{pools: [serve], nodes: [train-001]}", "no machine of the cluster matches"),
    ],
)
def test_a_group_that_decides_about_no_machine_is_refused(second: str, said: str, tmp_path: Path) -> None:
    """Its author thinks that it does."""
    lines = second.strip("{}").split(", n") if second.startswith("{") else [second]
    body = "\n    ".join(line if index == 0 else f"n{line}" for index, line in enumerate(lines))
    text = f"groups:\n  - name: first\n    pools: [train]\n  - name: second\n    {body}\n"
    with pytest.raises(SpecError) as caught:
        read_policies(written(tmp_path, text), LAB, "lab")
    (problem,) = caught.value.problems
    assert (problem.code, problem.where and problem.where.line) == ("empty-group", 4)
    assert said in problem.message


def test_what_an_expression_may_name_is_what_the_plan_says() -> None:
    assert set(NODE_FIELDS) < {field.name for field in fields(LAB.nodes[0])}


def test_how_long_machines_may_be_tainted_as_not_ready_is_said_by_group(tmp_path: Path) -> None:
    file = tmp_path / "policies.yaml"
    file.write_text("groups:\n  - {name: a, nodes: [train-001], readiness: 15 min}\n  - {name: b}\n")
    patience = read_policies(file, LAB, "lab").patience
    assert patience is not None
    assert (patience("train-001"), patience("train-002"), patience("x")) == (
        timedelta(minutes=15),
        None,
        None,
    )
    assert one_policy(Policy()).patience is None
    file.write_text("groups:\n  - {name: a, readiness: 0 min}\n")
    with pytest.raises(SpecError) as caught:
        read_policies(file, LAB, "lab")
    assert [(each.code, each.where.line) for each in caught.value.problems] == [("out-of-range", 2)]


def test_which_pods_go_before_a_reset_is_said_by_group(tmp_path: Path) -> None:
    file = tmp_path / "policies.yaml"
    file.write_text("groups:\n  - {name: a, nodes: [train-001], drain: gpus}\n  - {name: b}\n")
    policies = read_policies(file, LAB, "lab")
    assert [policies.spares_pods(name) for name in ("train-001", "train-002", "x")] == [True, False, False]
    file.write_text("groups:\n  - {name: a, drain: gpu}\n")
    with pytest.raises(SpecError, match="'machine' or 'gpus'"):
        read_policies(file, LAB, "lab")
