"""A feature of Kueue that its manifests leave on, and that takes work from the machines of dedicated zones.

From 0.17 on Kueue moves work away from a machine with a taint that the work does not tolerate. It compares
the taints with the tolerations of a job's own pods, without those that its flavor adds (0.17.0,
pkg/controller/tas/node_controller.go, classifyTaints). Machines of a dedicated zone have the zone's taint,
and only the flavor tolerates it: as soon as one pod of a job has ended there, the job is evicted.

Kueue reads its gates from `--feature-gates` or from `featureGates` of its configuration, which lies in a
ConfigMap, and ends at its start where both have some (pkg/config/validation.go, validateFeatureGates).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.manifests import PlannedManifest
from sovereign_ai.plan.platform import plan_platform
from sovereign_ai.plan.queue_manifests import (
    KUEUE,
    ManifestNote,
    kueue_configurations,
    kueue_managers,
    kueue_manifests,
)
from sovereign_ai.spec import AIFactory

GATE = "TASReplaceNodeOnNodeTaints"
_TOPOLOGIES = "TopologyAwareScheduling"
"""Without it Kueue places nothing, and moves nothing."""
_ALL = "AllBeta"
"""It decides about each gate in beta that is not named itself."""
_ON_FROM = (0, 17)
"""The version from which the gate is on by itself (pkg/features/kube_features.go)."""
_VERSION = re.compile(r"v?([0-9]+)\.([0-9]+)")
_FLAG = re.compile(r"--?feature-gates(?:=(.*))?", re.DOTALL)
_TRUTHS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}
"""What Go reads as a truth value (strconv.ParseBool)."""


@frozen_dataclass
class _Gates:
    """Gates that one object sets.

    Attributes:
        manifest: the object.
        setting: where in the object they stand, in words.
        values: the gates that it names; None where the object has no place for them yet.
    """

    manifest: PlannedManifest
    setting: str
    values: Mapping[str, Any] | None


def gate_notes(factory: AIFactory) -> Iterator[ManifestNote]:
    """Yield that Kueue, as its manifests start it, evicts work from the machines of dedicated zones."""
    zones = _dedicated_zones(factory)
    if not zones:
        return
    manifests = kueue_manifests(factory)
    by_flag = list(_flags(manifests))
    # Where something else starts Kueue, its manifests do not say which gates it has.
    if not by_flag:
        return
    given: list[_Gates] = []
    for gates in by_flag:
        if gates.values is not None:
            given.append(gates)
    configured = list(_configured(manifests))
    if given and configured:
        flag, other = given[0], configured[0]
        text = (
            f"{flag.manifest.title} has {flag.setting}, and {other.manifest.title} has {other.setting}: "
            "Kueue ends at its start where both set gates; keep one of them"
        )
        yield ManifestNote(flag.manifest.field, text)
        return
    deciding = (configured or given or by_flag)[-1]
    if _is_on(deciding.values or {}, _version(factory)):
        named = ", ".join(zones)
        text = (
            f"{deciding.manifest.title} leaves {GATE} on, so that Kueue evicts a job from the machines of "
            f"{'zone' if len(zones) == 1 else 'zones'} {named} as soon as one of its pods has ended there: "
            f"their taint is tolerated by the flavor alone; write {_remedy(deciding)}"
        )
        yield ManifestNote(deciding.manifest.field, text)


def gate_warnings(factory: AIFactory) -> Iterator[str]:
    """Yield the notes without their fields, as the plan warns."""
    for note in gate_notes(factory):
        yield note.text


def _dedicated_zones(factory: AIFactory) -> list[str]:
    """Return the zones whose machines have a taint and do the work of queues, in the description's order."""
    at_work = {pool.zone for pool in factory.pools if not pool.is_management}
    names = []
    for zone in factory.zones:
        if zone.isolation.nodes == "dedicated" and zone.name in at_work:
            names.append(zone.name)
    return names


def _version(factory: AIFactory) -> str:
    """Return Kueue's version, of the description or of the catalogue."""
    for controller in plan_platform(factory):
        if controller.name == KUEUE:
            return controller.version
    return ""


def _is_on(gates: Mapping[str, Any], version: str) -> bool:
    """Return whether the gate is on, named or by itself."""
    if gates.get(_TOPOLOGIES) is False:
        return False
    if GATE in gates:
        return gates[GATE] is True
    found = _VERSION.match(version)
    # A version that nobody knows is taken for a new one.
    is_beta = found is None or (int(found[1]), int(found[2])) >= _ON_FROM
    return is_beta and gates.get(_ALL) is not False


def _remedy(gates: _Gates) -> str:
    """Return what to write, where the gates stand."""
    if gates.values is None:
        return f"`--feature-gates={GATE}=false` among its `args`"
    if "featureGates" in gates.setting:
        return f"`{GATE}: false` under its {gates.setting}"
    return f"`{GATE}=false` into its {gates.setting}"


def _flags(manifests: list[PlannedManifest]) -> Iterator[_Gates]:
    """Yield the gates that Kueue's own container is started with, of each Deployment that has one."""
    for manifest, container in kueue_managers(manifests):
        yield _Gates(manifest, "argument `--feature-gates`", _flag(container))


def _configured(manifests: list[PlannedManifest]) -> Iterator[_Gates]:
    """Yield the gates that configurations of Kueue name."""
    for manifest, name, configuration in kueue_configurations(manifests):
        gates = configuration.get("featureGates")
        if isinstance(gates, Mapping):
            # Kueue reads no text as a truth value here.
            yield _Gates(manifest, f"`featureGates` of {name}", gates)


def _flag(container: Mapping[str, Any]) -> dict[str, bool] | None:
    """Return the gates of a container's arguments; None without that argument. As in Go, the last counts."""
    given = None
    arguments = _arguments(container)
    for index, argument in enumerate(arguments):
        if found := _FLAG.fullmatch(argument):
            following = arguments[index + 1 : index + 2]
            given = found[1] if found[1] is not None else "".join(following)
    if given is None:
        return None
    gates = {}
    for entry in given.split(","):
        name, _, value = entry.partition("=")
        if value.strip() in _TRUTHS:
            gates[name.strip()] = _TRUTHS[value.strip()]
    return gates


def _arguments(container: Mapping[str, Any]) -> list[str]:
    """Return what a container's program is started with, command first."""
    arguments: list[str] = []
    for name in ("command", "args"):
        listed = container.get(name)
        if isinstance(listed, list):
            arguments += map(str, listed)
    return arguments
