"""What a cluster holds of the description that was deployed last."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.deploy.live.deployed_record import DeployedRecord, deployed_record, record_in
from sovereign_ai.render.kubernetes import machines
from sovereign_ai.render.kubernetes.record import recorded_parts
from tests.render.lab import one, stack


class Cluster:
    """An API server that has one object, or none."""

    def __init__(self, obj: dict[str, Any] | None) -> None:
        self.obj = obj

    def get(self, *_: str) -> dict[str, Any] | None:
        return self.obj


def test_the_record_is_read_as_it_was_written() -> None:
    cluster: Any = Cluster(one("ConfigMap", "factory", "sovereign-system"))
    factory, plan = stack("lab")
    found = deployed_record(cluster, "lab", "lab")
    assert found == DeployedRecord(machines(plan, "lab"), recorded_parts(factory))


@pytest.mark.parametrize(("factory", "cluster"), [("other", "lab"), ("lab", "other")])
def test_the_record_of_another_factory_or_cluster_is_none(factory: str, cluster: str) -> None:
    live: Any = Cluster(one("ConfigMap", "factory", "sovereign-system"))
    assert deployed_record(live, factory, cluster) == DeployedRecord()
    gone: Any = Cluster(None)
    assert deployed_record(gone, "lab", "lab") == DeployedRecord()


def test_a_record_of_an_older_version_says_nothing() -> None:
    obj = one("ConfigMap", "factory", "sovereign-system")
    data = {key: obj["data"][key] for key in obj["data"] if key not in {"machines", "parts"}}
    assert record_in([{**obj, "data": data}], "lab", "lab") == DeployedRecord()


def written_by(**managers: str) -> dict[str, Any]:
    """Return the live record, each entry of which a field manager wrote last."""
    obj = one("ConfigMap", "factory", "sovereign-system")
    entries = []
    for key, manager in managers.items():
        entries.append({"manager": manager, "operation": "Update", "fieldsV1": {"f:data": {f"f:{key}": {}}}})
    return {**obj, "metadata": {**obj["metadata"], "managedFields": entries}}


def test_what_somebody_else_wrote_into_the_record_drains_no_machine() -> None:
    factory, plan = stack("lab")
    edited = written_by(machines="kubectl-edit", parts="sovereign-ai")
    assert record_in([edited], "lab", "lab") == DeployedRecord({}, recorded_parts(factory))
    restored = written_by(machines="velero", parts="velero")
    assert record_in([restored], "lab", "lab") == DeployedRecord()
    own = written_by(machines="sovereign-ai", parts="sovereign-ai")
    assert record_in([own], "lab", "lab") == DeployedRecord(machines(plan, "lab"), recorded_parts(factory))
