"""Where state lies, and who can read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.deploy.state import pulumi_environment
from sovereign_ai.deploy.state.pulumi_environment import engine_variables, keep_no_logs, key_file, state_dir
from sovereign_ai.errors import EnvironmentLacksError


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SOVEREIGN_AI_KEY_FILE", raising=False)


def test_the_state_folder_is_the_users_alone() -> None:
    assert state_dir().stat().st_mode & 0o777 == 0o700


def test_the_key_file_is_made_once_and_only_the_user_reads_it() -> None:
    first = key_file().read_text()
    assert key_file().stat().st_mode & 0o777 == 0o600
    assert key_file().read_text() == first
    assert len(first) > 32


def test_a_key_file_placed_elsewhere_must_be_there_and_closed_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = tmp_path / "disk.key"
    monkeypatch.setenv("SOVEREIGN_AI_KEY_FILE", str(placed))
    with pytest.raises(EnvironmentLacksError, match="does not exist"):
        key_file()
    placed.write_text("k")
    placed.chmod(0o644)
    with pytest.raises(EnvironmentLacksError, match="others can read"):
        key_file()
    placed.chmod(0o600)
    assert key_file() == placed


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_key_file_encrypts_nothing_and_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    placed = tmp_path / "disk.key"
    placed.write_text(content)
    placed.chmod(0o600)
    monkeypatch.setenv("SOVEREIGN_AI_KEY_FILE", str(placed))
    with pytest.raises(EnvironmentLacksError, match="is empty"):
        key_file()


def test_where_another_command_made_the_key_at_the_same_time_its_key_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = state_dir() / "state.key"
    pulumi_environment._make_key(path)
    first = path.read_text()
    pulumi_environment._make_key(path)
    assert path.read_text() == first
    assert [one.name for one in path.parent.iterdir() if one.name.startswith(".state.key")] == []


def test_no_secret_stands_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi_environment, "place_plugins", lambda _home: None)
    secret = key_file().read_text().strip()
    values = engine_variables("lab", Path("kubeconfig"))
    assert secret not in "".join(values.values())
    assert values["PULUMI_BACKEND_URL"].startswith("file://")
    assert values["PULUMI_SKIP_UPDATE_CHECK"] == "true"


@pytest.mark.parametrize("name", ["PULUMI_K8S_DELETE_UNREACHABLE", "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"])
def test_an_inherited_variable_does_not_have_silence_read_as_absence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi_environment, "place_plugins", lambda _home: None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv(name, "true")
    assert engine_variables("lab", None)[name] == "false"


def test_logs_that_pulumi_wrote_are_kept_and_no_further_ones_are_written(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    for kept in ("logs-before", "logs-before-2"):
        logs.mkdir()
        (logs / "pulumi.log").write_text(kept)
        keep_no_logs(tmp_path)
        assert logs.is_file()
        logs.unlink()
    logs.mkdir()
    keep_no_logs(tmp_path)
    keep_no_logs(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir() if one.is_dir() and one.name != "state") == [
        "logs-before",
        "logs-before-2",
    ]
    assert (tmp_path / "logs-before-2" / "pulumi.log").read_text() == "logs-before-2"
    assert logs.is_file()
