"""`keys` where it does not go well: what is left is told, and a module that fails is no defect of ours."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from sovereign_ai.cli.main import app
from sovereign_ai.cluster.backends import control_plane
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.cluster.keys import control, custody, reencrypt
from sovereign_ai.cluster.keys.custody import Custody, ModuleLocation, write_custody
from sovereign_ai.cluster.keys.pkcs11 import ModuleError
from sovereign_ai.cluster.keys.reencrypt import ReencryptedObjects
from sovereign_ai.cluster.keys.store import Stored
from sovereign_ai.cluster.state import ClusterDir, cluster_dir_of

LAB = str(Path(__file__).resolve().parents[2] / "stacks" / "lab")
LEFT = Stored(b"/registry/secrets/research/login", 7, "high", "lab-1/high/1", "lab-1/plane/1")


class Failing:
    """A module that fails at whatever it is asked."""

    def __init__(self, _place: ModuleLocation) -> None:
        """Logging in works."""

    def versions(self, _label: str) -> None:
        raise ModuleError("DeviceRemoved")

    generate = versions

    def close(self) -> None:
        """Nothing to end."""


@pytest.fixture
def where(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> ClusterDir:
    """A plane that has its keys in a module, and does not run."""
    tmp_path = tmp_path_factory.mktemp("k")  # a Unix socket's path is short
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    found = cluster_dir_of("lab")
    found.make()
    write_custody(
        found,
        Custody(
            ModuleLocation(tmp_path / "m.so", "lab", tmp_path / "pin", {}), "lab-1", {"research": "high"}
        ),
    )
    return found


@pytest.mark.parametrize(
    "command",
    [["status"], ["rotate", "high"], ["reencrypt"], ["revoke", "high"], ["restore", "high"]],
    ids=" ".join,
)
def test_a_module_that_fails_is_told_with_a_hint(
    where: ClusterDir, command: list[str], monkeypatch: pytest.MonkeyPatch
):
    for room in (reencrypt, control):
        monkeypatch.setattr(room, "Pkcs11Module", Failing)
    said = CliRunner().invoke(app, ["keys", command[0], LAB, *command[1:], "--json"])
    problem = orjson.loads(said.stdout)["problems"][0]
    assert (said.exit_code, problem["code"]) == (3, "pkcs11-failed")
    assert problem["hint"]


def test_a_module_that_fails_at_the_beginning_is_told_with_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(control, "Pkcs11Module", Failing)
    monkeypatch.setattr(custody, "LONGEST_SOCKET", 4096)  # no socket is made here
    said = CliRunner().invoke(
        app, ["keys", "init", LAB, "--module", "m.so", "--token", "lab", "--pin-file", "pin", "--json"]
    )
    assert (said.exit_code, orjson.loads(said.stdout)["problems"][0]["code"]) == (3, "pkcs11-failed")


@pytest.mark.parametrize("is_kind", [False, True], ids=["nowhere", "kind"])
def test_a_cluster_that_is_no_embedded_plane_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_kind: bool
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    if is_kind:
        control_plane(Backend.KIND, "lab").cluster_dir.make()
    answered = CliRunner().invoke(app, ["keys", "status", LAB, "--json"])
    assert answered.exit_code == 3
    assert "no-embedded-plane" in answered.output
    assert ("of the kind `kind`" in answered.output) is is_kind


@pytest.mark.parametrize(("left", "code"), [((), 0), ((LEFT,), 1)])
def test_reencryption_names_what_is_left_and_exits_with_1(
    where: ClusterDir, left: tuple[Stored, ...], code: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reencrypt, "reencrypt_objects", lambda *_: ReencryptedObjects(3, left))
    said = CliRunner().invoke(app, ["keys", "reencrypt", LAB])
    assert said.exit_code == code
    assert ("secret research/login" in said.stdout) is bool(left)
    data = orjson.loads(CliRunner().invoke(app, ["keys", "reencrypt", LAB, "--json"]).stdout)
    assert (data["ok"], data["written"], data["left"]) == (not left, 3, ["secret research/login"] * len(left))
