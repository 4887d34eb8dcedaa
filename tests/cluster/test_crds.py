"""Custom resource definitions are applied where they are not there as stated, and then waited for."""

from __future__ import annotations

import copy
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.crds import install_crds
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.toolchain import waiting
from tests.support.memory_cluster import MemoryCluster

VERSION, KIND = "apiextensions.k8s.io/v1", "CustomResourceDefinition"
TEXT = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: NAME.example.com}
spec:
  group: example.com
  versions: [{name: v1, served: true}]
"""


class Serving(MemoryCluster):
    """Stores what is applied with what a server adds, and establishes it unless it is told not to."""

    establishes = True

    def apply(self, obj: Mapping[str, Any], **_how: Any) -> dict[str, Any]:
        self._ask(f"APPLY {obj['metadata']['name']}")
        stored = copy.deepcopy(dict(obj))
        stored["spec"]["conversion"] = {"strategy": "None"}
        stored["status"] = {"conditions": [{"type": "Established", "status": str(self.establishes)}]}
        self.put(stored)
        return stored


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "cache"
    made.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_CACHE_HOME", str(made))
    return made / "sovereign-ai" / "definitions"


@pytest.fixture
def folder(tmp_path: Path, cache: Path) -> Path:
    made = tmp_path / "crds"
    made.mkdir()
    for name in ("queues", "flavors"):
        (made / f"{name}.yaml").write_text(TEXT.replace("NAME", name), encoding="utf-8")
    return made


def test_what_is_there_as_stated_is_not_applied_again(folder: Path) -> None:
    api = Serving()
    assert install_crds(api, folder) == ("flavors.example.com", "queues.example.com")
    assert len(api.written) == 2
    api.asked.clear()
    install_crds(api, folder)
    assert api.asked == [f"LIST {KIND}"]


def test_what_somebody_changed_or_removed_is_applied_again_and_nothing_else(folder: Path) -> None:
    api = Serving()
    install_crds(api, folder)
    api.objects[VERSION, KIND, "", "queues.example.com"]["spec"]["versions"][0]["served"] = False
    api.asked.clear()
    install_crds(api, folder)
    assert api.written == ["APPLY queues.example.com"]
    del api.objects[VERSION, KIND, "", "flavors.example.com"]
    api.asked.clear()
    install_crds(api, folder)
    assert api.written == ["APPLY flavors.example.com"]


def test_what_is_there_as_stated_and_is_not_served_yet_is_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Serving()
    api.establishes = False
    for _ in range(2):
        with pytest.raises(EnvironmentLacksError, match="is not established after"):
            install_crds(api, folder, wait_seconds=0.01)

    def serve(_seconds: float) -> None:
        for key, stored in api.objects.items():
            if key[1] == KIND:
                stored["status"]["conditions"][0]["status"] = "True"

    monkeypatch.setattr(
        waiting, "time", type("Clock", (), {"monotonic": time.monotonic, "sleep": staticmethod(serve)})
    )
    api.asked.clear()
    assert len(install_crds(api, folder)) == 2
    assert api.written == []


def test_what_was_parsed_is_kept_for_these_very_files_alone(folder: Path, cache: Path) -> None:
    names = ("flavors.example.com", "queues.example.com")
    assert install_crds(Serving(), folder) == names
    (kept,) = cache.iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    read, api = kept.read_bytes(), Serving()
    kept.write_bytes(read.replace(b"queues", b"quotas"))
    assert install_crds(api, folder) == ("flavors.example.com", "quotas.example.com"), (
        "it was not parsed again"
    )
    (folder / "queues.yaml").write_text(TEXT.replace("NAME", "pods"), encoding="utf-8")
    assert install_crds(Serving(), folder) == ("flavors.example.com", "pods.example.com")


@pytest.mark.parametrize("content", [b"", b"[{", b"[]", b"{}", b"[1]"])
def test_what_is_kept_and_damaged_is_parsed_again(folder: Path, cache: Path, content: bytes) -> None:
    install_crds(Serving(), folder)
    (kept,) = cache.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(content)
    assert len(install_crds(Serving(), folder)) == 2
    assert kept.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_done_without(folder: Path, cache: Path) -> None:
    cache.parent.write_text("a file in its place")
    assert len(install_crds(Serving(), folder)) == 2
