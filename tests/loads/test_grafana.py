"""Dashboards read and written again by Grafana's Foundation SDK: nothing is lost that it does not know."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.loads.python_programs import PYTHON
from tests.loads.test_debian import put
from tests.render.interop.test_output_files import SMALL

pytestmark = pytest.mark.loads

BACK = """import json, sys
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
dashboard = Dashboard.from_json(json.load(sys.stdin))
sys.stdout.write(JSONEncoder().encode(dashboard))
"""


def read_back(document: dict[str, Any]) -> Any:
    """Give a dashboard as Grafana's classes hold it."""
    words = (str(PYTHON), "-c", BACK)
    done = subprocess.run(words, input=json.dumps(document), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def lost(written: Any, read: Any, path: str = "") -> list[str]:
    """Give the paths at which something written is missing or another value; defaults may have come."""
    if isinstance(written, dict) and isinstance(read, dict):
        missing = []
        for key, value in written.items():
            missing += lost(value, read[key], f"{path}.{key}") if key in read else [f"{path}.{key}"]
        return missing
    if isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        missing = []
        for number, pair in enumerate(zip(written, read, strict=True)):
            missing += lost(*pair, f"{path}[{number}]")
        return missing
    return [] if written == read else [path]


@pytest.mark.parametrize("name", SMALL)
def test_grafanas_own_classes_hold_every_field_of_every_dashboard(name: str, tmp_path: Path):
    files = [path for path, _ in put(tmp_path, name, "monitoring/") if path.parent.name == "dashboards"]
    assert files
    for file in files:
        document = json.loads(file.read_text())
        assert document["panels"]
        assert lost(document, read_back(document)) == []


def test_a_field_that_grafana_does_not_have_is_noticed(tmp_path: Path):
    files = [path for path, _ in put(tmp_path, "lab", "monitoring/") if path.parent.name == "dashboards"]
    document = json.loads(files[0].read_text())
    document["panels"][0]["fieldConfig"]["defaults"]["colour"] = "red"
    document["refreshed"] = "1m"
    assert lost(document, read_back(document)) == [".panels[0].fieldConfig.defaults.colour", ".refreshed"]
