"""A tool is compared with the digest that was recorded when it was installed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.toolchain import digests
from sovereign_ai.toolchain.digests import verified_digest


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    path = tmp_path / "tool"
    path.write_bytes(b"one")
    return path


def digest(tool: Path) -> str:
    return verified_digest(tool, tool.with_name("record.json"), next_step="install it again")


def test_the_first_use_records_the_digest(tool: Path) -> None:
    assert digest(tool) == hashlib.sha256(b"one").hexdigest()
    assert tool.with_name("record.json").stat().st_mode & 0o777 == 0o600


def test_a_tool_that_did_not_change_is_not_hashed_a_second_time(
    tool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = digest(tool)
    monkeypatch.setattr(digests, "_hashed", lambda _path: pytest.fail("it was hashed"))
    assert digest(tool) == first


@pytest.mark.parametrize("how", ["written", "replaced", "same size and time"])
def test_another_program_in_its_place_is_refused(how: str, tool: Path) -> None:
    digest(tool)
    before = tool.stat()
    if how == "replaced":
        other = tool.with_name("other")
        other.write_bytes(b"two")
        other.replace(tool)
    else:
        tool.write_bytes(b"two" if how == "same size and time" else b"longer")
    os.utime(tool, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(
        EnvironmentLacksError, match="another program than the one that was installed"
    ) as caught:
        digest(tool)
    assert caught.value.problems[0].hint == "install it again"


def test_a_copy_of_the_same_bytes_is_the_same_tool(tool: Path) -> None:
    first = digest(tool)
    tool.unlink()
    tool.write_bytes(b"one")
    assert digest(tool) == first


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"sha256": 1, "state": []}', "\0"])
def test_a_damaged_record_is_no_proof(content: str, tool: Path) -> None:
    tool.with_name("record.json").write_text(content)
    with pytest.raises(EnvironmentLacksError, match="tool-record-damaged"):
        digest(tool)
