"""The order of the steps before the engine: what permits comes first, and what leaves goes before it."""

from __future__ import annotations

import ast
import inspect
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sovereign_ai.deploy import preparation

BEFORE: dict[str, tuple[str, ...]] = {
    "prepare_control_plane": ("_prove",),
    "drain": ("_prove",),
    "uncordon": ("drain",),
    "remove_custom": ("_prove",),
    "withdraw": ("drain", "remove_custom"),
    "remove_holders": ("_prove",),
    # What leaves is deleted under the policies that permitted it.
    "enforce": ("prepare_control_plane", "drain", "remove_custom", "withdraw", "remove_holders"),
    "renew_waiting": ("enforce",),
    "move_between_zones": ("enforce",),
    "define": ("enforce",),
    "replace": ("enforce", "define"),
}
"""Each step with those that it needs."""
READING: Any = SimpleNamespace(api=None, list=lambda *_: [])
CHECKED: Any = SimpleNamespace(renames=None, leaving=(), orphans=(), replaces=frozenset())
FACTORY: Any = SimpleNamespace(name="lab")
BUNDLE: Any = SimpleNamespace(cluster="lab", objects=())
NOTHING: Any = None


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have each step note its name in place of its work."""
    steps: list[str] = []

    def noting(step: str, result: object) -> Callable[..., object]:
        def note(*_arguments: object, **_more: object) -> object:
            steps.append(step)
            return result

        return note

    for step in BEFORE:
        monkeypatch.setattr(preparation, step, noting(step, ()))
    monkeypatch.setattr(preparation, "_prove", noting("_prove", CHECKED))
    for decision in ("departing", "arrivals", "withdrawn"):
        monkeypatch.setattr(preparation, decision, lambda *_arguments: ())
    return steps


def test_each_step_comes_after_those_that_it_needs(taken: list[str]) -> None:
    arguments = (FACTORY, NOTHING, BUNDLE, Path("kubeconfig"), NOTHING, print)
    finish = preparation.begin_preparation(*arguments, reading=READING)
    assert "enforce" not in taken, "a program declares its resources before"
    finish()
    assert sorted(taken) == sorted([*BEFORE, "_prove"])
    for step, needed in BEFORE.items():
        assert [name for name in needed if taken.index(name) > taken.index(step)] == []


def test_every_step_of_the_preparation_has_its_place() -> None:
    tree = ast.parse(inspect.getsource(preparation.begin_preparation))
    steps = {"prepare_control_plane"}
    for node in ast.walk(tree):
        call = node.value if isinstance(node, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            steps.add(call.func.id)
    assert steps - {"progress"} == set(BEFORE)


@pytest.mark.parametrize(
    ("why", "early"),
    [("nothing", True), ("departing", False), ("withdrawn", False), ("replaces", False), ("same", False)],
)
def test_policies_come_early_only_where_no_step_must_precede_and_while_the_stack_is_held(
    why: str, early: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = threading.Event()
    fences: list[object] = []

    def require() -> None:
        """Stand for the check that the stack is held."""

    def note(*_arguments: object, before_batch: object, **_more: object) -> None:
        fences.append(before_batch)
        written.set()

    for decision in ("departing", "withdrawn"):
        found = ("one",) if why == decision else ()
        monkeypatch.setattr(preparation, decision, lambda *_arguments, _found=found: _found)
    monkeypatch.setattr(
        preparation, "differing_policies", lambda *_arguments: [] if why == "same" else ["one"]
    )
    monkeypatch.setattr(preparation, "prepare_control_plane", lambda *_arguments: ())
    monkeypatch.setattr(preparation, "apply_policies", note)
    checked: Any = SimpleNamespace(renames=None, replaces=("one",) if why == "replaces" else ())
    with preparation.applying_policies(
        FACTORY, NOTHING, BUNDLE, Path("kubeconfig"), checked, READING, require, tmp_path
    ):
        assert written.wait(30 if early else 0.1) is early
    assert fences == ([require] if early else [])
