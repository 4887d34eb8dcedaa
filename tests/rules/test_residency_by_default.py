"""A table of objects of many kinds, decided alike offline, at admission by a real API server, and in an
audit.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.cluster.api.client import Api, ApiError, open_cluster
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.render.kubernetes.bundle import Bundle, render
from sovereign_ai.rules.addons.table import ADDONS
from sovereign_ai.rules.context import Context, factory_context
from sovereign_ai.rules.engine import evaluate
from sovereign_ai.rules.kinds import KINDS, OTHER, find_kind
from sovereign_ai.rules.placeless_kinds import HARMLESS
from sovereign_ai.rules.registry import find_rule
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import load
from sovereign_ai.spec.zone import AllowedKind, Gateway
from tests.attack import variants
from tests.rules import deciding, subject

LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"
TABLE = Path(__file__).parent / "residency.yaml"
TODAY = date(2026, 11, 24)
Object = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """An object and what must be decided on it."""

    name: str
    decision: str
    reason: str
    object: Object

    def __str__(self) -> str:
        return self.name


_WHY = "written down before the rules were read"
_BLIND = "a place can stand in many fields, and in kinds that no rule knows"
ROWS = [Row(**row) for row in yaml.load(TABLE.read_text(encoding="utf-8"), yaml.CSafeLoader)]
ROWS += [
    Row(f"variant-{variant.name}", variant.decision, _WHY, variant.object)
    for variant in variants.read()
    if variant.attack_class == _BLIND
    # Of webhooks and the like admission is not asked.
    and find_kind(variant.object["apiVersion"], variant.object["kind"]).group
]


# Written without an API server, which finds them malformed before it asks a policy.
MALFORMED = frozenset(
    f"variant-{name}"
    for name in (
        *("claim-template-admin", "crd-conversion", "device-class-remote", "ephemeral"),
        *("ingress-annotation-host", "pod-device", "pod-procmount", "pod-runtime", "pod-windows-host"),
        *("resource-claim-admin", "template-tells-a-driver"),
    )
)


@cache
def described() -> tuple[AIFactory, Plan, Context]:
    """Return the lab with a gateway and two allowed kinds."""
    lab = load(LAB)
    gateway = Gateway(
        name="exchange",
        entity="Example Exchange",
        seat="DE",
        addresses=("203.0.113.0/24",),
        zones=("restricted",),
        hosts=("api.exchange.example.net",),
    )
    allowed = AllowedKind(
        kind="ExternalSecret", group="external-secrets.io", reason="reads the vault at the same site"
    )
    database = AllowedKind(
        kind="Database", group="databases.example.org", reason="its backups are in our own object store"
    )
    policies = tuple(
        policy.model_copy(update={"gateways": ("exchange",), "allowed_kinds": (allowed, database)})
        for policy in lab.residency
    )
    factory = lab.model_copy(update={"gateways": (gateway,), "residency": policies})
    derived = plan(factory)
    return factory, derived, factory_context(factory, derived, "lab")


def decided(obj: Object) -> str:
    return "deny" if evaluate([obj], described()[2]) else "allow"


def group_and_kind(obj: Object) -> tuple[str, str]:
    return obj["apiVersion"].rpartition("/")[0], obj["kind"]


def test_an_unknown_kind_is_refused_only_in_a_zone_with_a_policy() -> None:
    assert deciding.refused_by(deciding.obj("Thing", "example.com/v1")) == {"RES-011"}
    assert deciding.refused_by(deciding.obj("Thing", "example.com/v1", namespace="startups")) == set()
    assert deciding.refused_by(deciding.obj("Lease", "coordination.k8s.io/v1")) == set()


def test_an_unknown_kind_of_the_cluster_is_refused_if_its_group_reaches_out() -> None:
    assert deciding.refused_by(deciding.obj("Thing", "example.com/v1", namespace="")) == set()
    assert deciding.refused_by(deciding.obj("Provider", "pkg.crossplane.io/v1", namespace="")) == {"RES-011"}


def test_a_variable_of_the_environment_names_a_permitted_place() -> None:
    for value, rules in (("http://otel.monitoring.svc:4317", set()), ("http://example.com", {"RES-013"})):
        sending = subject.pod()
        sending["spec"]["containers"][0]["env"] = [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": value}]
        assert deciding.refused_by(sending) == rules


def test_no_check_on_add_ons_is_long_since_types_are_checked_in_the_square_of_it() -> None:
    checks = find_rule("RES-012").checks_on(OTHER)
    assert len(checks) > 5
    assert max(len(check.expression) for check in checks) < 12_000


def test_the_table_is_large_and_has_permitted_objects_too() -> None:
    kinds = {group_and_kind(row.object) for row in ROWS}
    assert len({row.name for row in ROWS}) == len(ROWS) >= 150
    assert len(kinds) >= 60
    assert len({group for group, _ in kinds}) >= 12
    assert sum(row.decision == "allow" for row in ROWS) >= 40


def test_every_kind_with_a_table_of_fields_has_a_denied_object() -> None:
    denied = {"/".join(group_and_kind(row.object)) for row in ROWS if row.decision == "deny"}
    left = {key for key, addon in ADDONS.items() if addon.fields} - denied
    assert left <= {
        "crd.projectcalico.org/NetworkPolicy",
        "crd.projectcalico.org/StagedNetworkPolicy",
        "groupsnapshot.storage.k8s.io/VolumeGroupSnapshot",
        "groupsnapshot.storage.k8s.io/VolumeGroupSnapshotClass",
        "kueue.x-k8s.io/Workload",
        "leaderworkerset.x-k8s.io/LeaderWorkerSet",
        "monitoring.coreos.com/PodMonitor",
        "monitoring.coreos.com/Prometheus",
        "networking.istio.io/DestinationRule",
        "projectcalico.org/GlobalNetworkPolicy",
        "projectcalico.org/NetworkPolicy",
        "projectcalico.org/StagedNetworkPolicy",
    }


def test_no_kind_is_in_two_tables() -> None:
    harmless = [f"{one.api_group}/{one.kind}" for one in HARMLESS]
    listed = [f"{kind.api_group}/{kind.name}" for kind in KINDS.values()]
    every = [*harmless, *listed, *ADDONS]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_an_object_is_decided_offline_as_the_table_states(row: Row) -> None:
    assert decided(row.object) == row.decision, [
        str(one) for one in evaluate([row.object], described()[2])
    ] or row.reason


def test_an_unknown_kind_is_refused_in_each_zone_with_a_policy_and_nowhere_else() -> None:
    widget = {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "w"}}
    found = {
        space: [
            one.rule
            for one in evaluate([{**widget, "metadata": {"name": "w", "namespace": space}}], described()[2])
        ]
        for space in ("research", "startups", "sovereign-system", "default")
    }
    assert found == {"research": ["RES-011"], "startups": ["RES-011"], "sovereign-system": [], "default": []}


def test_a_pod_template_in_a_permitted_kind_is_recognised_by_its_shape() -> None:
    pod = {"containers": [{"name": "main", "image": "docker.io/library/python:3"}]}
    nested = {
        "metadata": {"name": "w", "namespace": "research"},
        "spec": {"stages": [{"run": {"template": {"spec": pod}}}]},
    }
    found = evaluate(
        [{"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", **nested}], described()[2]
    )
    assert "IMG-001" in {one.rule for one in found}
    assert {one.resource for one in found} == {"ExternalSecret/research/w"}


@pytest.mark.parametrize("path", ["spec", "spec.podSpec", "spec.worker.pod", "spec.roles.main"])
def test_a_bare_pod_in_a_permitted_kind_is_recognised_by_its_shape(path: str) -> None:
    content: Object = {"containers": [{"name": "main", "image": "docker.io/library/python:3"}]}
    for step in reversed(path.split(".")):
        content = {step: content}
    metadata = {"name": "w", "namespace": "research"}
    kind = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": metadata}
    found = evaluate([{**kind, **content}], described()[2])
    assert f"{path}.containers" in {one.field for one in found if one.rule == "IMG-001"}


def test_a_list_of_containers_without_images_is_no_pod() -> None:
    metadata = {"name": "w", "namespace": "research"}
    kind = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": metadata}
    policy = {"containers": [{"name": "main", "mode": "Auto"}]}
    assert evaluate([{**kind, "spec": {"resources": policy}}], described()[2]) == []


def test_a_kind_must_be_allowed_by_every_policy_of_a_zone() -> None:
    factory = described()[0]
    other = factory.residency[0].model_copy(update={"data": "trade", "allowed_kinds": ()})
    both = factory.model_copy(update={"residency": (*factory.residency, other)})
    context = factory_context(both, plan(both), "lab")
    secret = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "s", "namespace": "research"},
    }
    assert [one.rule for one in evaluate([secret], context)] == ["RES-011"]


@contextmanager
def guarded() -> Iterator[tuple[Api, Bundle]]:
    """Start a control plane with the policies and a stand-in for every kind of the table that it does not
    serve.
    """
    from sovereign_ai.cluster.embedded.lifecycle import down, up

    factory, derived, _ = described()
    bundle = render(factory, derived, "lab")
    with tempfile.TemporaryDirectory() as folder:
        cluster = up("residency", root=Path(folder))
        api = open_cluster(cluster.kubeconfig)
        try:
            api.many(partial(api.apply, one, force=True) for one in definitions(api))
            yield api, bundle
        finally:
            api.close()
            down("residency", root=Path(folder))


def definitions(api: Api) -> list[Object]:
    """Return a minimal definition of every kind of the table that the server does not serve, with all its
    versions.
    """
    served = {(resource.api_version.rpartition("/")[0], resource.kind) for resource in api.kinds()}
    versions: dict[tuple[str, str], dict[str, bool]] = {}
    for row in ROWS:
        if group_and_kind(row.object) not in served:
            group, kind = group_and_kind(row.object)
            version = row.object["apiVersion"].rpartition("/")[2]
            versions.setdefault((group, kind), {})[version] = "namespace" in row.object["metadata"]
    return [definition(group, kind, found) for (group, kind), found in versions.items()]


def definition(group: str, kind: str, versions: dict[str, bool]) -> Object:
    """Return a definition without a schema."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"kind": kind, "listKind": f"{kind}List", "plural": f"{kind.lower()}s", "singular": kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{names['plural']}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, a stand-in for tests"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced" if next(iter(versions.values())) else "Cluster",
            "names": names,
            "versions": [
                {"name": name, "served": True, "storage": number == 0, "schema": schema}
                for number, name in enumerate(sorted(versions))
            ],
        },
    }


def asked(api: Api, row: Row) -> str:
    """Ask the API server, without storing anything."""
    try:
        api.create(row.object, dry_run=True)
    except ApiError as error:
        if error.reason == "AlreadyExists":  # the last thing that the API server asks, after every policy
            return "allow"
        named = ("ValidatingAdmissionPolicy 'sovereign-", "violates PodSecurity")  # Pod Security comes first
        return "deny" if any(name in str(error) for name in named) else f"refused by something else: {error}"
    return "allow"


def deployed(api: Api, bundle: Bundle) -> None:
    """Apply the rendered objects and wait until every policy is enforced."""
    from sovereign_ai.deploy.enforcement import enforce

    enforce(api, bundle.objects, lambda _line: None)
    for obj in bundle.objects:
        if obj["apiVersion"].rpartition("/")[0] not in bundle.custom_groups:
            api.apply(obj, force=True)


@pytest.mark.cluster
def test_admission_and_the_audit_decide_every_object_of_the_table_as_offline(tmp_path: Path) -> None:
    from sovereign_ai.verify.cluster_audit import audit

    os.environ.setdefault("XDG_STATE_HOME", str(tmp_path))
    factory, derived, _ = described()
    with guarded() as (api, bundle):
        for obj in bundle.objects:
            if obj["kind"] == "Namespace":
                api.apply({**obj, "metadata": {"name": obj["metadata"]["name"]}}, force=True)
        for namespace in sorted({row.object["metadata"].get("namespace", "default") for row in ROWS}):
            if api.get("v1", "Namespace", namespace) is None:
                api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        kept = api.many(partial(keeps, api, row) for row in ROWS)
        stored = [row for row, is_kept in zip(ROWS, kept, strict=True) if is_kept]
        found = audit(api, factory, derived, bundle, cluster="lab", now=TODAY).verdict
        refused = {finding.resource for finding in found.violations}
        wrong = [row.name for row in stored if (resource(row) in refused) is not (row.decision == "deny")]
        assert not wrong, wrong
        assert len(stored) >= 150
        for row in stored:
            if row.object["kind"] in {
                "ConfigMap",  # the tenant's quota bounds how many there are
                "LimitRange",
                "ResourceQuota",
            }:  # they would refuse others of their own accord
                api.delete(
                    row.object["apiVersion"],
                    row.object["kind"],
                    name_of(row),
                    row.object["metadata"].get("namespace", "default"),
                )
        deployed(api, bundle)
        answers = api.many(partial(asked, api, row) for row in ROWS)
        others = [(row, answer) for row, answer in zip(ROWS, answers, strict=True) if answer != row.decision]
        assert {row.name for row, answer in others if answer.startswith("refused by")} == MALFORMED
        assert [f"{row}: {answer}" for row, answer in others if row.name not in MALFORMED] == []


def name_of(row: Row) -> str:
    """Return a name of its own, so that objects of one kind can be stored together."""
    given = str(row.object["metadata"]["name"])
    return row.name if given == "case" else given


def resource(row: Row) -> str:
    """Name an object as findings do."""
    parts = (row.object["kind"], row.object["metadata"].get("namespace"), name_of(row))
    return "/".join(part for part in parts if part)


def keeps(api: Api, row: Row) -> bool:
    """Store an object before the policies come; tell whether the API server keeps it."""
    if row.object["kind"] in {"Event", "Pod"}:
        return False
    try:
        api.create({**row.object, "metadata": {**row.object["metadata"], "name": name_of(row)}})
    except ApiError:
        return False
    return True


def test_what_controllers_write_in_namespaces_is_of_known_kinds() -> None:
    for group, kind in (
        ("", "Event"),
        ("apps", "ControllerRevision"),
        ("coordination.k8s.io", "Lease"),
        ("", "ConfigMap"),
    ):
        obj = {
            "apiVersion": f"{group}/v1" if group else "v1",
            "kind": kind,
            "metadata": {"name": "x", "namespace": "research"},
        }
        assert find_kind(obj["apiVersion"], kind) is OTHER
        assert evaluate([obj], described()[2]) == []
