"""Which controllers have settings that follow from the plan, and those of a factory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sovereign_ai.errors import Problem, UsageError, nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan, PlatformController
from sovereign_ai.render.kubernetes.objects import Object
from sovereign_ai.render.kubernetes.operators import gpu, network
from sovereign_ai.spec import AIFactory

_OPERATORS: Mapping[str, Callable[[AIFactory, Plan, PlatformController], tuple[list[Object], list[str]]]] = (
    MappingProxyType({"gpu-operator": gpu.settings, "network-operator": network.settings})
)

WITH_SETTINGS = tuple(_OPERATORS)
"""The controllers whose settings follow from the plan, by their names in the catalogue."""


@frozen_dataclass
class Settings:
    """The settings of one controller.

    Attributes:
        controller: its name.
        objects: its objects, alike for every cluster of the factory.
        notes: what a person must know of them, one sentence each.
    """

    controller: str
    objects: tuple[Object, ...]
    notes: tuple[str, ...]

    def to_data(self) -> dict[str, Any]:
        """Return plain data, as `--json` prints it."""
        return {"controller": self.controller, "objects": list(self.objects), "notes": list(self.notes)}


def controller_settings(factory: AIFactory, plan: Plan, only: str | None = None) -> tuple[Settings, ...]:
    """Return the settings of the controllers that the platform runs, in the order of the description.

    Args:
        factory: the description.
        plan: its plan.
        only: the one controller; None for all that have settings.

    Raises:
        UsageError: the one controller has no settings, or is not run.
        SpecError: what the settings need is not described.
    """
    run = {controller.name: controller for controller in plan.platform}
    if only is not None:
        run = {only: _needed(run, only)}
    chosen: list[Settings] = []
    for name, controller in run.items():
        if name in _OPERATORS:
            objects, notes = _OPERATORS[name](factory, plan, controller)
            chosen.append(Settings(name, tuple(objects), tuple(notes)))
    return tuple(chosen)


def _needed(run: Mapping[str, PlatformController], name: str) -> PlatformController:
    """Return a controller that is run and has settings.

    Raises:
        UsageError: there is no such controller.
    """
    if name not in _OPERATORS:
        message = f"no controller called {name!r} has settings that follow from the plan"
        raise UsageError(Problem("unknown-name", message, hint=nearest(name, WITH_SETTINGS)))
    if name not in run:
        message = f"the platform does not run {name}"
        hint = f"write it under 'platform'; `sovereign-ai catalog show {name}` says under which function"
        raise UsageError(Problem("not-run", message, hint=hint))
    return run[name]
