"""Manifests of Kueue by which it shares idle quota otherwise than the description says.

Fair sharing is a setting of the controller (`fairSharing` of its configuration, which lies in a ConfigMap),
and weights are fields of its queues. Where both differ, weights say nothing, or decide unasked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sovereign_ai.plan.queue_manifests import (
    ManifestNote,
    kueue_configurations,
    kueue_managers,
    kueue_manifests,
)
from sovereign_ai.spec import AIFactory

_BOTH = ("LessThanOrEqualToFinalShare", "LessThanInitialShare")
"""What the first version of Kueue's configuration takes where it names no strategies."""
_FIRST_VERSION = "v1beta1"
"""It says by `enable` whether `fairSharing` counts; from the second on it counts where it stands."""


def fair_sharing_notes(factory: AIFactory) -> Iterator[ManifestNote]:
    """Yield that Kueue, as its manifests start it, shares idle quota otherwise than described."""
    manifests = kueue_manifests(factory)
    managers = list(kueue_managers(manifests))
    # Where something else starts Kueue, its manifests do not say how.
    if not managers:
        return
    manifest, place, version = managers[-1][0], "its configuration", ""
    given: tuple[str, ...] = ()
    for configured, name, configuration in kueue_configurations(manifests):
        manifest, place = configured, name
        version = str(configuration["apiVersion"]).rpartition("/")[2]
        given = _strategies(configuration.get("fairSharing"), version)
    wanted = factory.fair_sharing
    if given == wanted:
        return
    does = f"shares idle quota by {', '.join(given)}" if given else "does not share idle quota fairly"
    says = f"says {', '.join(wanted)}" if wanted else "does not say so"
    text = f"{manifest.title} {does}, and `platform.fair_sharing` {says}: {_remedy(factory, place, version)}"
    yield ManifestNote(manifest.field, text)


def fair_sharing_warnings(factory: AIFactory) -> Iterator[str]:
    """Yield the notes without their fields, as the plan warns."""
    for note in fair_sharing_notes(factory):
        yield note.text


def _strategies(setting: Any, version: str) -> tuple[str, ...]:
    """Return the strategies of a configuration; none where it does not share."""
    if not isinstance(setting, Mapping):
        return ()
    listed = setting.get("preemptionStrategies")
    strategies = tuple(map(str, listed)) if isinstance(listed, list) else ()
    if version != _FIRST_VERSION:
        return strategies
    return (strategies or _BOTH) if setting.get("enable") is True else ()


def _remedy(factory: AIFactory, place: str, version: str) -> str:
    """Return what to write, and where."""
    if factory.fair_sharing:
        enable = "enable: true, " if version == _FIRST_VERSION else ""
        listed = ", ".join(factory.fair_sharing)
        return f"write `fairSharing: {{{enable}preemptionStrategies: [{listed}]}}` into {place}"
    if any(zone.idle_quota == "lent" for zone in factory.zones):
        return f"describe it, or take `fairSharing` out of {place}"
    return (
        f"take `fairSharing` out of {place}; without `idle_quota: lent` nothing is shared, and Kueue 0.17 "
        "ends where work in a queue without a cohort finds too little to preempt"
    )
