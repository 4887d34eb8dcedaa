"""The description that the manual writes in Python is the one that `init` writes in YAML."""

from __future__ import annotations

from pathlib import Path

from sovereign_ai.deploy.stack_folder import contents
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec.reader import load, read_text

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "python.md"


def test_the_manuals_python_has_the_digest_of_what_init_writes(tmp_path: Path) -> None:
    code = MANUAL.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    (tmp_path / "factory.py").write_text(code, encoding="utf-8")
    written = read_text(contents("mine")["factory.yaml"].encode(), "factory.yaml").factory
    assert load(tmp_path).digest == written.digest


def test_the_example_of_init_is_planned_with_the_reason_for_leaves_that_are_not_full(
    tmp_path: Path,
) -> None:
    text = contents("mine")["factory.yaml"]
    fabric, _ = plan(read_text(text.encode(), "factory.yaml").factory).fabrics
    assert (fabric.leaf, fabric.spine, fabric.oversubscription) == (8, 4, "1:8")
    full = text.replace("nodes: 2,", "nodes: 16,").replace("60 kW", "400 kW")
    fabric, _ = plan(read_text(full.encode(), "factory.yaml").factory).fabrics
    assert (fabric.leaf, fabric.spine, fabric.oversubscription) == (8, 4, "1:1")
    for manual in (text, MANUAL.read_text(encoding="utf-8")):
        assert "an eighth of each leaf" in manual
