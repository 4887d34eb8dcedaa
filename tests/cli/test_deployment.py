"""What `up`, `preview` and `down` share: when the engine is needed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from sovereign_ai.cli.deployment import can_do_without_engine, require_own_description
from sovereign_ai.cli.stack import Stack, open_stack
from sovereign_ai.deploy.changes import Changes
from sovereign_ai.deploy.preconditions import Checked
from sovereign_ai.errors import SpecError

LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"


@dataclass
class _Cluster:
    remade: bool = False


@dataclass
class _Checked:
    """The members of the real class that decide."""

    cluster: _Cluster
    takes_over: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    unapproved: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def checked(remade: bool = False, **waiting: tuple[str, ...]) -> Checked:
    return cast("Checked", _Checked(_Cluster(remade), **waiting))


def test_drift_alone_needs_no_engine() -> None:
    assert can_do_without_engine(Changes(), checked())
    assert can_do_without_engine(Changes(restore=("Role/a/b",)), checked())


@pytest.mark.parametrize("kind", ["create", "adopt", "update", "delete"])
def test_every_other_change_needs_the_engine(kind: str) -> None:
    changes: dict[str, Any] = {kind: ("Role/a/b",)}
    assert not can_do_without_engine(Changes(**changes), checked())


@pytest.mark.parametrize(
    "waiting", ["takes_over", "leaving", "left", "replaces", "orphans", "unapproved", "kept"]
)
def test_objects_that_wait_need_the_engine(waiting: str) -> None:
    assert not can_do_without_engine(Changes(), checked(**{waiting: ("Role/a/b",)}))


def test_a_cluster_that_was_made_again_needs_the_engine() -> None:
    assert not can_do_without_engine(Changes(), checked(remade=True))


@pytest.fixture
def lab(tmp_path: Path) -> Stack:
    return open_stack(Path(shutil.copytree(LAB, tmp_path / "lab")))


def test_a_program_that_loads_the_file_that_was_read_is_fine_however_it_is_named(lab: Stack) -> None:
    program = lab.folder / "__main__.py"
    text = program.read_text()
    require_own_description(lab)
    require_own_description(open_stack(lab.folder / "factory.yaml"))
    program.write_text(text.replace('"factory.yaml"', '"."'))
    require_own_description(lab)
    lab.file.rename(lab.folder / "factory.yml")
    program.write_text(text.replace('"factory.yaml"', '"factory.yml"'))
    require_own_description(open_stack(lab.folder))


@pytest.mark.parametrize("kept", [True, False], ids=["beside it", "instead of it"])
def test_a_program_that_loads_another_file_than_was_read_is_refused(lab: Stack, *, kept: bool) -> None:
    other = Path(shutil.copy(lab.file, lab.folder / "factory.yml"))
    if not kept:
        lab.file.unlink()
    with pytest.raises(
        SpecError, match=r"loads factory\.yaml, and this command has read factory\.yml"
    ) as raised:
        require_own_description(open_stack(other))
    assert ("name factory.yaml" in raised.value.problems[0].hint) is kept


def test_what_a_program_of_the_users_own_loads_is_not_known(lab: Stack) -> None:
    with (lab.folder / "__main__.py").open("a") as program:
        program.write("\nprint(1)\n")
    require_own_description(open_stack(Path(shutil.copy(lab.file, lab.folder / "other.yaml"))))
