"""Whether a key file is the one that a state was written under."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

import pytest

from sovereign_ai.cli import down, preview, up
from sovereign_ai.deploy.state import key as state_key
from sovereign_ai.deploy.state.key import opens, require_key
from sovereign_ai.errors import EnvironmentLacksError, ExitCode

# As `pulumi stack init` of 3.259.0 wrote it with the passphrase `lab`.
SALT = "v1:qYr+wh2sYoQ=:v1:U8KX6AjyojS6CHTU:qkCf5zLX1zpi3BWqlGmQNBDnZCv8nQ=="


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "state.key"
    path.write_text("lab\n")
    path.chmod(0o600)
    return path


def test_a_salt_of_pulumis_own_is_opened_by_its_passphrase_alone() -> None:
    assert opens(b"lab\n", SALT)
    assert not opens(b"other\n", SALT)


@pytest.mark.parametrize(
    "salt", ["", "v2:new", "v1:a", "v1:????:v1:a:b", "v1:qYr+wh2sYoQ=:v1:a:b", "v1:qYr+wh2sYoQ=:v1:YQ==:YQ=="]
)
def test_a_salt_of_another_form_decides_nothing(salt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_key, "_ROUNDS", 1)
    assert opens(b"lab", salt)


def test_another_key_is_named_with_its_file_and_what_to_do(key_file: Path, tmp_path: Path) -> None:
    key_file.write_text("other\n")
    with pytest.raises(EnvironmentLacksError) as refused:
        require_key(key_file, SALT, tmp_path / "key.json")
    [problem] = refused.value.problems
    assert (problem.code, refused.value.exit_code) == ("other-key-file", ExitCode.ENVIRONMENT)
    assert str(key_file) in problem.message
    assert "SOVEREIGN_AI_KEY_FILE" in problem.hint
    assert not (tmp_path / "key.json").exists()


def test_the_check_is_made_once_and_again_when_file_or_salt_changed(
    key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = tmp_path / "key.json"
    asked: list[tuple[bytes, str]] = []

    def is_asked(passphrase: bytes, salt: str) -> bool:
        asked.append((passphrase, salt))
        return True

    monkeypatch.setattr(state_key, "opens", is_asked)
    for _ in range(3):
        require_key(key_file, SALT, note)
    assert len(asked) == 1
    assert b"lab" not in note.read_bytes().replace(bytes(tmp_path), b"")
    require_key(key_file, SALT.replace("q", "p"), note)
    assert len(asked) == 2
    key_file.write_text("bal\n")
    os.utime(key_file, ns=(1, 1))
    require_key(key_file, SALT, note)
    assert asked[2:] == [(b"bal\n", SALT)]


def test_a_note_that_cannot_be_written_only_costs_the_next_check(key_file: Path, tmp_path: Path) -> None:
    require_key(key_file, SALT, tmp_path / "no folder" / "key.json")


@pytest.mark.parametrize(
    ("command", "first_step"), [(up, "self._claim("), (preview, "checked_deployment("), (down, "_remove(")]
)
def test_a_command_asks_for_the_key_before_its_first_step_that_writes(
    command: ModuleType, first_step: str
) -> None:
    calls = Path(str(command.__file__)).read_text(encoding="utf-8").partition("engine.require_key()")
    assert first_step in calls[2]
    assert f"            {first_step}" not in calls[0]
