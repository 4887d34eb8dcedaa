from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.toolchain.container_engine.docker import Docker
from sovereign_ai.toolchain.container_engine.pruning import prune


def test_nameless_images_of_ours_go_and_one_in_use_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docker").write_text(
        f"""#!/bin/sh
echo "$@" >> {tmp_path}/asked
case "$1 $2" in
  "images --quiet") printf 'sha256:old\\nsha256:used\\nsha256:old\\n';;
  "image rm") test "$3" != sha256:used;;
esac
"""
    )
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert prune(Docker(), "ours") == 1
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[0] == "images --quiet --no-trunc --filter dangling=true --filter label=ours"
    assert asked[1:] == ["image rm sha256:old", "image rm sha256:used"], "never by force, and each once"
