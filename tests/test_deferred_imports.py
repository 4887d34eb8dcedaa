from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sovereign_ai.deferred_imports import deferred


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "rarely_needed.py").write_text("def double(number):\n    return 2 * number\n")
    (tmp_path / "eager.py").write_text("from rarely_needed import double\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("rarely_needed", "eager"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "rarely_needed"


def test_a_deferred_module_is_loaded_when_something_of_it_is_called(package: str) -> None:
    with deferred(package):
        import eager
    assert package not in sys.modules
    assert eager.double(21) == 42
    assert sys.modules[package].__file__


def test_a_module_that_is_loaded_already_stays(package: str) -> None:
    loaded = __import__(package)
    with deferred(package):
        import eager
    assert eager.double is loaded.double


def test_after_an_error_in_the_block_the_module_can_be_imported(package: str) -> None:
    with pytest.raises(ZeroDivisionError), deferred(package):
        _ = 1 / 0
    assert __import__(package).double(1) == 2


def test_rules_and_clusters_load_neither_a_prompt_nor_oauth() -> None:
    code = (
        "import sys, sovereign_ai.rules.engine\n"
        "from sovereign_ai.cluster.api.transport import kube_config\n"
        "kube_config()\n"
        "print(sorted({'prompt_toolkit', 'requests_oauthlib', 'cel.cli'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
