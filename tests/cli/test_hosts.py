"""`hosts`: what is refused before a host is asked, and what is said without one."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from sovereign_ai.cli.main import app
from sovereign_ai.deploy import hosts
from sovereign_ai.deploy.hosts import HostRun

LAB = str(Path(__file__).resolve().parents[2] / "stacks" / "lab")


def told(*arguments: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(app, ["hosts", *arguments, "--json"])
    return result.exit_code, orjson.loads(result.stdout)


def test_a_dry_run_names_units_roles_and_what_is_not_given_and_writes_nothing(tmp_path: Path) -> None:
    code, data = told(
        "prep",
        LAB,
        "--dry-run",
        "-o",
        str(tmp_path / "hosts"),
        "--limit",
        "train-001",
        "--limit",
        "tier_models",
    )
    assert code == 0
    assert [(one["unit"], one["hosts"]) for one in data["units"]] == [
        ("fra1-train-su0", 1),
        ("models-fra1-half0", 3),
        ("models-fra1-half1", 2),
    ]
    assert [line.partition(":")[0] for line in data["lacking"]] == [
        "admin_keys",
        "time_servers",
        "log_server",
        "package_sources",
        "control_planes",
    ]
    assert not (tmp_path / "hosts").exists()


def test_a_host_that_the_plan_does_not_have_is_refused_with_the_nearest() -> None:
    code, data = told("check", LAB, "--limit", "trian-001")
    assert code == 2
    assert data["problems"][0]["hint"] == "did you mean 'train-001'?"


def test_what_is_given_wrongly_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "hosts.yaml"
    file.write_text("account: sovereign\nadmin_keys: [none]\n", encoding="utf-8")
    code, data = told("check", LAB, "--given", str(file))
    assert (code, data["problems"][0]["line"], data["problems"][0]["field"]) == (2, 2, "admin_keys[0]")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--key", "key.pem"], "no-output"),
        (["--bmc", "word"], "bmc-files"),
        (["--bmc-ca", "ca.pem"], "bmc-files"),
    ],
)
def test_options_that_need_each_other_say_so(arguments: list[str], said: str) -> None:
    code, data = told("configure", LAB, *arguments)
    assert (code, data["problems"][0]["code"]) == (2, said)


def test_without_ansible_the_next_step_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "ansible_runner":
            raise ImportError(name)
        return whole(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    code, data = told("check", LAB, "--limit", "train-001")
    assert (code, data["problems"][0]["code"]) == (3, "no-ansible")
    assert "sovereign-ai[hosts]" in data["problems"][0]["hint"]


def test_inventories_are_for_their_owner_alone_also_in_a_folder_that_others_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder was there, and so was one of the files."""
    folder = tmp_path / "hosts"
    folder.mkdir(mode=0o755)
    (folder / "fra1-train-su0.json").touch(mode=0o644)

    def nobody(*_arguments: Any, **_named: Any) -> HostRun:
        return HostRun(check=True, results=(), stopped="", seconds=0)

    monkeypatch.setattr(hosts, "run", nobody, raising=False)
    told("prep", LAB, "-o", str(folder), "--limit", "train-001", "--limit", "tier_models")
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert len(modes) == 3
    assert set(modes.values()) == {0o600}
