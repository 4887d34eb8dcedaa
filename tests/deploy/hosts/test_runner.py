"""The wrapper around Ansible, without Ansible: units in order, and a budget."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ansible
import ansible_runner
import pytest

from sovereign_ai.deploy.hosts import runner as hosts
from sovereign_ai.deploy.hosts.events import HostResult, State
from sovereign_ai.deploy.hosts.runner import RunRequest, playbooks_dir, run
from sovereign_ai.errors import DeploymentError
from sovereign_ai.render.hosts.inventory_groups import Host, HostInventory

THREE = HostInventory(tuple(Host(f"h{number}", f"u{number}", ("machines",), {}) for number in range(3)), {})


def silent(_line: str) -> None:
    """Say nothing."""


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> dict[str, State]:
    """Let each host end in a state that a test chooses; what is not chosen is ok."""
    chosen: dict[str, State] = {}

    def unit(
        part: HostInventory, _wish: RunRequest, _progress: Callable[[str], None], _cancel: Callable[[], bool]
    ) -> tuple[HostResult, ...]:
        return tuple(HostResult(one.name, chosen.get(one.name, "ok")) for one in part.hosts)

    monkeypatch.setattr(hosts, "_run_unit", unit)
    return chosen


def test_units_are_worked_on_in_order_and_each_is_told_of(states: dict[str, State]) -> None:
    told: list[str] = []
    outcome = run(
        THREE, RunRequest("hosts.yml"), progress=silent, done=lambda unit, _results: told.append(unit)
    )
    assert told == ["u0", "u1", "u2"]
    assert outcome.complete


@pytest.mark.parametrize(("budget", "last"), [(0, "not-run"), (1, "ok")])
def test_no_further_unit_is_begun_once_more_hosts_failed_than_the_budget_allows(
    states: dict[str, State], budget: int, last: str
) -> None:
    states["h1"] = "failed"
    outcome = run(THREE, RunRequest("hosts.yml", budget=budget), progress=silent)
    assert [one.state for one in outcome.results] == ["ok", "failed", last]
    assert bool(outcome.stopped) is (last == "not-run")
    assert not outcome.complete


def test_a_check_looks_at_every_host_whatever_fails(states: dict[str, State]) -> None:
    states |= {"h0": "unreachable", "h1": "drift"}
    outcome = run(THREE, RunRequest("hosts.yml", check=True), progress=silent)
    assert [one.state for one in outcome.results] == ["unreachable", "drift", "ok"]


def test_where_nothing_is_changed_hosts_are_taken_together_whatever_their_units(
    states: dict[str, State],
) -> None:
    told: list[str] = []
    run(
        THREE,
        RunRequest("reach.yml", forks=1, changes_nothing=True),
        progress=silent,
        done=lambda part, _results: told.append(part),
    )
    assert told == ["hosts 1 to 3 of 3"]
    assert [name for name, _ in THREE.in_parts(2)] == ["hosts 1 to 2 of 3", "hosts 3 to 3 of 3"]
    assert [name for name, _ in RunRequest("hosts.yml").parts(THREE)] == ["u0", "u1", "u2"]


def test_a_cancelled_run_begins_no_further_unit(states: dict[str, State]) -> None:
    outcome = run(THREE, RunRequest("hosts.yml"), progress=silent, cancel=lambda: True)
    assert outcome.stopped == "cancelled in u0"
    assert [one.state for one in outcome.results] == ["ok", "not-run", "not-run"]


def test_every_playbook_that_is_run_is_there_and_ansible_reads_our_settings_alone(tmp_path: Path) -> None:
    for name in ("hosts.yml", "switches.yml", "bmc.yml", "reach.yml", "end.yml"):
        assert (playbooks_dir() / name).is_file()
    environment: dict[str, Any] = hosts._environment(tmp_path, "mark", RunRequest("hosts.yml"))
    assert environment["ANSIBLE_CONFIG"] == str(playbooks_dir() / "ansible.cfg")
    assert environment["ANSIBLE_HOST_KEY_CHECKING"] == "True"
    assert environment["ANSIBLE_HOME"].startswith(str(tmp_path))


def _settings_of_ansible() -> set[str]:
    """Return every environment variable that Ansible's own settings and plugins name."""
    names: set[str] = set()
    root = Path(ansible.__file__).parent
    for path in (*root.rglob("*.yml"), *(root / "plugins").rglob("*.py")):
        names.update(re.findall(r"\b_?ANSIBLE_[A-Z_]+\b", path.read_text(encoding="utf-8")))
    return names


def test_no_setting_of_ansible_in_the_environment_counts_but_the_way_to_a_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = _settings_of_ansible()
    assert {"ANSIBLE_SSH_ARGS", "ANSIBLE_LIBRARY", "ANSIBLE_VAULT_PASSWORD_FILE"} < settings
    assert len(settings) > 200
    for name in settings:
        monkeypatch.setenv(name, "x")
    passed: dict[str, str] = {}

    def ended(**options: Any) -> Any:
        # As ansible-runner makes the environment of Ansible.
        passed.update({**os.environ, **options["envvars"]})
        return SimpleNamespace(status="failed", stdout=io.StringIO("no"))

    monkeypatch.setattr(ansible_runner.interface, "run", ended)
    told: list[str] = []
    with pytest.raises(DeploymentError, match="ended before its time"):
        run(THREE, RunRequest("hosts.yml"), progress=told.append)
    ours = set(hosts._environment(Path("x"), "mark", RunRequest("hosts.yml")))
    assert {name for name in passed if name in settings} == ours & settings | {"ANSIBLE_SSH_EXTRA_ARGS"}
    assert all(passed[name] != "x" for name in ours)
    assert "ANSIBLE_SSH_ARGS" in told[0]
