"""The note by which a command spares its engine's program the rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sovereign_ai.deploy.components import judged
from sovereign_ai.deploy.components.judged import (
    JUDGED_FILE,
    is_judged,
    judged_note,
    require_same_description,
)
from sovereign_ai.errors import UsageError
from tests.render.lab import bundle, stack


def noted(folder: Path) -> str:
    factory, plan = stack("lab")
    (folder / JUDGED_FILE).write_bytes(judged_note(factory, plan, bundle()))
    return f"file://{folder}"


def test_the_program_of_the_run_finds_what_its_command_has_judged(tmp_path: Path) -> None:
    assert is_judged(noted(tmp_path), *stack("lab"), bundle().of_stack("some-uuid"))


def test_another_bundle_description_or_waiver_is_judged_by_the_program_itself(tmp_path: Path) -> None:
    backend = noted(tmp_path)
    factory, plan = stack("lab")
    fewer = replace(bundle(), objects=bundle().objects[1:])
    assert not is_judged(backend, factory, plan, fewer)
    assert not is_judged(backend, factory.model_copy(update={"name": "other"}), plan, bundle())
    assert not is_judged(backend, factory.model_copy(update={"waivers": factory.tenants[:1]}), plan, bundle())


def test_a_note_of_yesterday_permits_nothing_today(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = noted(tmp_path)

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            assert tz is UTC
            return datetime(2199, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(judged, "datetime", Tomorrow)
    assert not is_judged(backend, *stack("lab"), bundle())


@pytest.mark.parametrize("backend", ["", "s3://bucket", "file:///nonexistent"])
def test_without_the_working_copy_of_a_run_nothing_is_judged(backend: str) -> None:
    assert not is_judged(backend, *stack("lab"), bundle())


def test_a_program_with_another_description_of_the_factory_is_refused(tmp_path: Path) -> None:
    backend = noted(tmp_path)
    factory, _ = stack("lab")
    require_same_description(backend, factory, bundle())
    for other in (factory.model_copy(update={"name": "other"}), factory.model_copy(update={"pools": ()})):
        require_same_description("", other, bundle())
    with pytest.raises(UsageError, match="another description of this factory"):
        require_same_description(backend, factory.model_copy(update={"pools": ()}), bundle())
    require_same_description(backend, factory.model_copy(update={"name": "other"}), bundle())
