"""Every file of a design with the reader's rules that it is held to; a file without a judge is a fault."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from sovereign_ai.plan import Plan
from sovereign_ai.render.interop import DeliveredFacts, files
from sovereign_ai.spec import AIFactory
from tests.outputs import netbox_forms, plan_files, switch_files

T = TypeVar("T")

_CLAB = json.loads((plan_files.DATA / "containerlab-0.79.json").read_text())
BOOT, DHCP = "10.0.0.5", "10.0.0.6"


@dataclass(frozen=True, slots=True)
class Written:
    """What is written of a design.

    Attributes:
        plan: its plan.
        guids: (host, port) to its GUID, of every InfiniBand port of a machine.
        files: path to text.
    """

    plan: Plan
    guids: Mapping[tuple[str, str], str]
    files: Mapping[str, str]


def written(factory: AIFactory, plan: Plan) -> Written:
    """Return every file of a design, with GUIDs and MAC addresses of all machines and a boot server."""
    guids: dict[tuple[str, str], str] = {}
    for plane in plan.fabrics:
        if plane.kind == "infiniband":
            for link in plane.host_links:
                guids[link.lower, link.lower_port] = f"{0x_B83F_D203_0000_0001 + len(guids):#018x}"
    macs = {}
    for number, node in enumerate(plan.nodes):
        macs[node.name] = f"02:00:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
    facts = DeliveredFacts(macs, guids, BOOT, DHCP)
    return Written(plan, guids, dict(files(factory, plan, facts, snapshots=True)))


Judge = Callable[[Written, str], Iterator[str]]
"""Yields the faults of the file of a path."""


def _text(judge: Callable[[str], Iterator[str]]) -> Judge:
    """Return a judge that needs the text alone."""

    def of_text(output: Written, path: str) -> Iterator[str]:
        return judge(output.files[path])

    return of_text


def _beside(output: Written, path: str) -> Iterator[str]:
    """Judge SONiC's routing beside its database."""
    text = output.files[path]
    folder = path.rpartition("/")[0]
    yield from switch_files.frr_conf(text)
    yield from switch_files.frr_beside(text, output.files[f"{folder}/config_db.json"])


def _partitions(output: Written, path: str) -> Iterator[str]:
    """Judge partitions with the GUIDs of their plane."""
    plane = next(plane for plane in output.plan.fabrics if plane.name == path.partition("/")[0])
    own = {}
    for link in plane.host_links:
        own[link.lower, link.lower_port] = output.guids[link.lower, link.lower_port]
    return switch_files.partitions(output.files[path], own, output.plan)


def _topology(output: Written, path: str) -> Iterator[str]:
    """Judge ibdm's topology with the definitions beside it."""
    folder = path.rpartition("/")[0]
    beside = {name: text for name, text in output.files.items() if name.startswith(f"{folder}/ibnl/")}
    return switch_files.ibdm_topology(output.files[path], beside)


def _folder(output: Written, path: str) -> dict[str, str]:
    """Return the files of the folder of a file, by name."""
    folder = path.rpartition("/")[0] + "/"
    names = {}
    for name, text in output.files.items():
        if name.startswith(folder):
            names[name.removeprefix(folder)] = text
    return names


def _netbox(output: Written, path: str) -> Iterator[str]:
    """Judge all of NetBox's tables, once, at the first of them."""
    return netbox_forms.faults(_folder(output, path)) if "/1-" in path else iter(())


def _slurm(output: Written, path: str) -> Iterator[str]:
    """Judge all of a cluster's files, once, at its list of nodes."""
    return plan_files.slurm(_folder(output, path)) if path.endswith("nodes.conf") else iter(())


def _objects(output: Written, path: str) -> Iterator[str]:
    """Judge objects of Cluster API and of bare metal."""
    objects = plan_files.documents(output.files[path])
    yield from plan_files.kubernetes(objects)
    yield from plan_files.definitions(objects)


def _infragraph(output: Written, path: str) -> Iterator[str]:
    """Judge the graph by the plan's cables."""
    cables = sum(len(plane.cables) for plane in output.plan.fabrics)
    return plan_files.infragraph(output.files[path], cables)


def _script(output: Written, path: str) -> Iterator[str]:
    """Judge a script of iPXE: its first line says what it is."""
    if not output.files[path].startswith("#!ipxe\n"):
        yield "no script of iPXE"


_JUDGES: tuple[tuple[str, Judge], ...] = (
    (r"[^/]+/(cables|parts)\.csv", _text(plan_files.csv_rows)),
    (r"[^/]+/(rails|qos)\.json", _text(plan_files.loadable_json)),
    (r"[^/]+/topograph\.yaml", _text(switch_files.topograph)),
    (r"[^/]+/kea-dhcp4\.json", _text(plan_files.kea)),
    (r"[^/]+/[^/]+\.clab\.yml", _text(partial(switch_files.containerlab, form=_CLAB))),
    (r"[^/]+/switches/[^/]+/frr\.conf", _text(switch_files.frr_conf)),
    (r"[^/]+/switches/[^/]+/ports\.json", _text(switch_files.ports_json)),
    (r"[^/]+/switches/[^/]+/config_db\.json", _text(switch_files.config_db)),
    (r"[^/]+/switches/[^/]+/sonic-frr\.conf", _beside),
    (r"[^/]+/switches/[^/]+/nvue\.yaml", _text(switch_files.nvue)),
    (r"[^/]+/snapshot/sonic_configs/[^/]+/config_db\.json", _text(plan_files.loadable_json)),
    (r"[^/]+/snapshot/sonic_configs/[^/]+/frr\.conf", _beside),
    (r"[^/]+/snapshot/(hosts/[^/]+|batfish/layer1_topology)\.json", _text(plan_files.loadable_json)),
    (r"[^/]+/partitions\.conf", _partitions),
    (r"[^/]+/opensm\.conf", _text(switch_files.opensm)),
    (r"[^/]+/topology\.topo", _topology),
    (
        r"[^/]+/ibnl/[^/]+\.ibnl",
        _text(lambda text: iter(() if text.startswith("TOPSYSTEM ") else ("no system",))),
    ),
    (r"slurm/[^/]+/(nodes|gres|topology)\.conf", _slurm),
    (r"slurm/[^/]+/topology\.yaml", _slurm),
    (r"slurm/[^/]+/slinky-values\.yaml", _text(plan_files.slinky)),
    (r"monitoring/[^/]+/prometheus\.yaml", _text(plan_files.prometheus)),
    (r"monitoring/[^/]+/rules\.yaml", _text(plan_files.rules)),
    (r"monitoring/[^/]+/rules_test\.json", _text(plan_files.rule_tests)),
    (r"monitoring/[^/]+/targets/[^/]+\.json", _text(plan_files.targets)),
    (r"monitoring/[^/]+/dashboards/[^/]+\.json", _text(plan_files.dashboard)),
    (r"infragraph/infrastructure\.json", _infragraph),
    (r"infragraph/annotations\.json", _text(plan_files.loadable_json)),
    (r"racks/[^/]+/[^/]+\.svg", _text(plan_files.svg)),
    (r"(bare-metal|cluster-api)/[^/]+\.yaml", _objects),
    (r"netbox/[^/]+\.csv", _netbox),
    (r"aicr/[^/]+/[^/]+-criteria\.yaml", _text(plan_files.aicr)),
    (r"aicr/[^/]+/[^/]+-snapshot\.json", _text(plan_files.loadable_json)),
    (r"pxe/(boot|hosts/[^/]+)\.ipxe", _script),
)
JUDGES = tuple((re.compile(pattern), judge) for pattern, judge in _JUDGES)
"""The pattern of a path to what judges the file."""


def faults(output: Written, folder: str = "") -> Iterator[str]:
    """Yield every fault of every file of a folder; a file that no pattern has, or two have, is one too."""
    yield from judged(output, (path for path in output.files if path.startswith(folder)), JUDGES)


def judged(
    output: T,
    paths: Iterable[str],
    judges: Sequence[tuple[re.Pattern[str], Callable[[T, str], Iterable[str]]]],
) -> Iterator[str]:
    """Yield what the one judge of each path has against it, or that it has none or several."""
    for path in paths:
        fitting = [judge for pattern, judge in judges if pattern.fullmatch(path)]
        if len(fitting) != 1:
            yield f"{path}: {len(fitting)} judges; add the rules of its reader to tests/outputs"
            continue
        for fault in fitting[0](output, path):
            yield f"{path}: {fault}"
