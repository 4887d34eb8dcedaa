"""NetBox itself, by its REST API: lab, superpod and plural in one instance, and each a second time.

The second time nothing is written. Skipped where NetBox cannot be had. `test_netbox_pages.py` goes by its
import pages, in an instance of its own.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sovereign_ai.operate import observe
from sovereign_ai.operate.netbox import (
    NetBoxConnection,
    Push,
    PushDifference,
    PushOutcome,
    cable_statuses,
    compare,
    parse_netbox_url,
    planned_objects,
    read_held,
    with_statuses,
)
from sovereign_ai.operate.netbox.cable_status import ends_of
from sovereign_ai.operate.netbox.held import MARK, Held
from sovereign_ai.operate.netbox.planned import Planned, Reference, cable_key
from sovereign_ai.sim.lldp import lldp
from tests.loads.netbox_instance import instance, missing
from tests.render.interop.test_output_files import SMALL
from tests.render.lab import stack
from tests.verify.redfish.racks import certificates

pytestmark = pytest.mark.loads


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetBoxConnection]:
    reason = missing()
    if reason:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("served")
    certificates(folder, "server")
    with (
        tempfile.TemporaryDirectory(prefix="netbox-") as place,
        instance(Path(place)) as running,
        running.serve(folder) as (url, token),
    ):
        yield NetBoxConnection(parse_netbox_url(url), token, folder / "server.pem")


def looked(served: NetBoxConnection, factory: str, planned: Planned) -> tuple[Held, PushDifference]:
    held = read_held(served, factory, planned)
    return held, compare(planned, held)


def pushed(served: NetBoxConnection, factory: str, planned: Planned) -> PushOutcome:
    held, difference = looked(served, factory, planned)
    assert not held.foreign
    outcome = Push(served, held).apply(difference)
    assert not outcome.problems
    assert outcome.written == difference.writes
    return outcome


@pytest.mark.parametrize("name", SMALL)
def test_netbox_takes_every_stack_by_its_api_side_by_side_and_again_without_a_write(
    served: NetBoxConnection, name: str
) -> None:
    factory, plan = stack(name)
    planned = planned_objects(factory, plan)
    outcome = pushed(served, factory.name, planned)
    for kind in ("sites", "racks", "devices", "interfaces", "cables", "vrfs", "prefixes", "ip-addresses"):
        assert outcome.done[kind, "create"] == len(planned[kind])
    assert looked(served, factory.name, planned)[1].writes == 0


def test_netbox_follows_a_lab_that_changes_by_its_api(served: NetBoxConnection) -> None:
    factory, plan = stack("lab")
    planned = {kind: dict(objects) for kind, objects in planned_objects(factory, plan).items()}
    # A machine that is removed, with its cables and addresses.
    gone = ("fra1", "train-003")
    for kind in ("devices", "interfaces", "cables", "ip-addresses"):
        for key, wanted in list(planned[kind].items()):
            if "train-003" in key or _is_at(wanted.kept.get("interface"), gone):
                del planned[kind][key]
    # Two cables of a machine that are swapped, and a pool of another name.
    first, second = [key for key in planned["cables"] if "train-001" in key][:2]
    one, other = planned["cables"].pop(first), planned["cables"].pop(second)
    for near, far in ((one, other), (other, one)):
        ends = (near.ends[0], far.ends[1])
        key = cable_key(end.key for end in ends)
        planned["cables"][key] = replace(near, key=key, ends=ends)
    prefix = next(iter(planned["prefixes"]))
    renamed = replace(planned["prefixes"][prefix], kept={"description": "nodes of another name"})
    planned["prefixes"][prefix] = renamed
    pushed(served, factory.name, planned)
    assert looked(served, factory.name, planned)[1].writes == 0
    # And back, as the plan is.
    whole = planned_objects(factory, plan)
    pushed(served, factory.name, whole)
    assert looked(served, factory.name, whole)[1].writes == 0


def test_netbox_takes_the_status_of_cables_as_they_were_seen(
    served: NetBoxConnection, tmp_path: Path
) -> None:
    factory, plan = stack("lab")
    reports = lldp(plan)
    # Two machines report; of the second two ports of the compute fabric are exchanged.
    near, far = reports["train-001"], reports["train-002"]
    first, second = far["lldp"][0]["interface"][:2]
    first["name"], second["name"] = second["name"], first["name"]
    for name, report in (("train-001", near), ("train-002", far)):
        (tmp_path / f"{name}.json").write_text(json.dumps(report))
    statuses = cable_statuses(observe(factory, plan, tmp_path))
    planned = with_statuses(planned_objects(factory, plan), statuses)
    _, difference = looked(served, factory.name, planned)
    assert difference.of("change") == list(difference.changes)
    assert len(difference.changes) == statuses.to_data()["connected"] > 10
    pushed(served, factory.name, planned)
    assert looked(served, factory.name, planned)[1].writes == 0
    assert count_cables(served, "connected") == statuses.to_data()["connected"]
    # A machine that the plan no longer has, and whose cables are still seen.
    smaller = {kind: dict(objects) for kind, objects in planned.items()}
    seen = set()
    for key, cable in planned["cables"].items():
        if "train-003" in key:
            seen.add(ends_of(end.key for end in cable.ends))
            del smaller["cables"][key]
    held = read_held(served, factory.name, smaller)
    outcome = Push(served, held).apply(compare(smaller, held, seen))
    assert not outcome.problems
    assert outcome.done == {("cables", "change"): len(seen)}
    assert count_cables(served, "decommissioning") == len(seen) > 10
    # They are planned again.
    for key, cable in planned["cables"].items():
        if "train-003" in key:
            smaller["cables"][key] = replace(cable, kept={**cable.kept, "status": "planned"})
    pushed(served, factory.name, smaller)
    assert count_cables(served, "decommissioning") == 0


def count_cables(served: NetBoxConnection, status: str) -> int:
    number: int = served.request("GET", f"dcim/cables/?status={status}&limit=1")["count"]
    return number


def _is_at(value: object, device: tuple[str, str]) -> bool:
    return isinstance(value, Reference) and value.key[:2] == device


def test_netbox_s_objects_of_others_are_never_touched(served: NetBoxConnection) -> None:
    factory, plan = stack("lab")
    planned = planned_objects(factory, plan)
    held, _ = looked(served, factory.name, planned)
    number = held.own["devices"]["fra1", "train-001"].number
    # Somebody takes the mark from a machine, and has a port in another one.
    served.request("PATCH", f"dcim/devices/{number}/", {"custom_fields": {MARK: None}})
    guest = held.own["devices"]["fra1", "train-002"].number
    body = {"device": guest, "name": "a port of others", "type": "1000base-t"}
    port = served.request("POST", "dcim/interfaces/", body)["id"]
    held, _ = looked(served, factory.name, planned)
    assert [(foreign.kind, foreign.number) for foreign in held.foreign] == [("devices", number)]
    served.request("PATCH", f"dcim/devices/{number}/", {"custom_fields": {MARK: factory.name}})
    nothing: Planned = {kind: {} for kind in planned}
    left = looked(served, factory.name, nothing)[1].of("leave")
    assert [change.kind for change in left] == ["devices", "racks", "sites"]
    served.request("DELETE", f"dcim/interfaces/{port}/")
    assert looked(served, factory.name, planned)[1].writes == 0
