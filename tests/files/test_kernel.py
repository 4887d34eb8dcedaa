from __future__ import annotations

import os
from pathlib import Path

import pytest

from sovereign_ai.files.kernel import kernel_file, kernel_text
from tests.hostile.special import SPECIAL


def test_a_file_of_the_kernel_has_no_size_and_is_read_to_its_end() -> None:
    assert kernel_text("/proc/self/comm").endswith("\n")
    assert os.environ.get("PATH", "").encode() in kernel_file("/proc/self/environ")
    assert Path("/proc/self/maps").stat().st_size == 0
    assert len(kernel_file("/proc/self/maps").splitlines()) > 10


def test_a_process_that_ended_is_an_error_of_the_system_that_names_the_file() -> None:
    with pytest.raises(FileNotFoundError, match="4194305"):
        kernel_file("/proc/4194305/stat")


@pytest.mark.parametrize("name", sorted(SPECIAL.keys() - {"unreadable"}))
def test_what_is_no_regular_file_is_never_waited_for_nor_read_without_end(tmp_path: Path, name: str) -> None:
    SPECIAL[name](tmp_path / "a")
    with pytest.raises(OSError, match="a"):
        kernel_file(tmp_path / "a", 1 << 10)


def test_bytes_that_are_no_utf_8_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "comm").write_bytes(b"a\xff\n")
    assert kernel_text(tmp_path / "comm") == "a\ufffd\n"


def test_a_file_that_holds_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(1025))
    assert kernel_file(tmp_path / "a", 1025) == bytes(1025)
    with pytest.raises(OSError, match="it holds too much"):
        kernel_file(tmp_path / "a", 1024)
