"""Go's build information: the text form, and files that have none."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.toolchain.build_info import GoModule, parse, read_build_info

TEXT = (
    "path\texample.org/cmd\n"
    "mod\texample.org\t(devel)\t\n"
    "dep\texample.org/a\tv1.0.0\th1:a=\n"
    "dep\texample.org/b\tv1.0.0\th1:b=\n"
    "=>\texample.org/fork\tv2.0.0\th1:f=\n"
    "build\tCGO_ENABLED=0\n"
)


def test_a_replaced_module_is_listed_by_its_replacement() -> None:
    info = parse("go1.26.6 X:something", TEXT)
    assert (info.go, info.package, info.settings) == ("go1.26.6", "example.org/cmd", (("CGO_ENABLED", "0"),))
    assert GoModule("example.org/fork", "v2.0.0", "h1:f=") in info.modules
    assert "example.org/b" not in {module.path for module in info.modules}


@pytest.mark.parametrize(("content", "code"), [(b"", "binary-unreadable"), (b"#!/bin/sh\n", "no-build-info")])
def test_a_file_without_build_information_is_refused(content: bytes, code: str, tmp_path: Path) -> None:
    file = tmp_path / "tool"
    file.write_bytes(content)
    with pytest.raises(EnvironmentLacksError) as error:
        read_build_info(file)
    assert error.value.problems[0].code == code
