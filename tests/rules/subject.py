"""A small factory with a gateway, a flow, two tiers and two sites, for rules that the lab has no part for."""

from __future__ import annotations

from typing import Any

from sovereign_ai.plan.clusters import ClusterPlan, Namespace
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.storage import StoragePlan
from sovereign_ai.spec.factory import AIFactory

FACTORY: dict[str, Any] = {
    "name": "small",
    "operator": {
        "name": "Example Compute",
        "seat": "DE",
        "parent": {"seat": "DE"},
        "staff": {"location": ["DE"], "citizenship": ["EU"]},
        "support": ["DE"],
        "soc": ["DE"],
    },
    "sites": [
        {
            "name": name,
            "country": country,
            "power": {"it_budget": "900 kW", "feeds": {"A": "1 MW", "B": "1 MW", "C": "1 MW"}},
            "halls": [
                {"name": f"{name}-h1", "cooling": {"kind": "air", "supply": "22 degC"}, "rack_limit": "45 kW"}
            ],
        }
        for name, country in (("fra1", "DE"), ("zrh1", "CH"))
    ],
    "pools": [
        {
            "name": "train",
            "site": "fra1",
            "system": "dgx-h100",
            "nodes": 2,
            "purpose": "training",
            "zone": "restricted",
        },
        {
            "name": "serve",
            "site": "fra1",
            "system": "dgx-h100",
            "nodes": 1,
            "purpose": "inference",
            "zone": "open",
        },
    ],
    "keys": [{"name": "hsm", "custodian": "customer", "module": "pkcs11", "jurisdiction": "DE"}],
    "storage": [
        {
            "name": "scratch",
            "protocol": "parallel",
            "grade": "better",
            "capacity": "500 TB",
            "zone": "restricted",
            "encryption": {"key": "hsm"},
        },
        {
            "name": "bucket",
            "protocol": "object",
            "grade": "good",
            "capacity": "100 TB",
            "zone": "open",
            "encryption": {"key": "hsm"},
        },
    ],
    "zones": [
        {
            "name": "restricted",
            "trust": "high",
            "tenants": ["research"],
            "allow": [{"to": "open", "ports": [8443]}],
        },
        {
            "name": "open",
            "trust": "low",
            "tenants": ["startups"],
            "allow": [{"to": "restricted", "never": True}],
        },
    ],
    "tenants": [
        {"name": "research", "seat": "DE", "gpus": 16, "data": ["personal"]},
        {"name": "startups", "seat": "DE", "gpus": 8},
    ],
    "residency": [
        {
            "data": "personal",
            "in": ["DE"],
            "backups": ["DE"],
            "logs": ["DE"],
            "keys": ["DE"],
            "staff_access": ["EU"],
            "zones": ["restricted"],
        }
    ],
    "gateways": [
        {
            "name": "exchange",
            "entity": "Example Exchange",
            "seat": "DE",
            "addresses": ["203.0.113.0/24"],
            "ports": [443],
            "zones": ["open"],
        }
    ],
    "images": {"registries": ["registry.example.com/ai"]},
}


def factory_of(**changes: Any) -> AIFactory:
    """Give the small factory, with whole fields replaced."""
    return AIFactory(**{**FACTORY, **changes})


def plan_of(factory: AIFactory, *, storage_country: str = "DE") -> Plan:
    """Give a plan written by hand: one cluster at the first site, with its tenants and tiers."""
    cluster = ClusterPlan(
        name="small",
        site="fra1",
        region="fra1",
        jurisdiction="DE",
        halls=("fra1-h1",),
        pools=(),
        namespaces=(
            Namespace("research", "research", "restricted", {"nvidia.com/gpu": 16}, ("train",)),
            Namespace("startups", "startups", "open", {"nvidia.com/gpu": 8}, ("serve",)),
        ),
        nodes=3,
        pods=90,
        why={},
    )
    tiers = tuple(
        StoragePlan(
            tier=tier.name,
            site="fra1",
            jurisdiction=storage_country,
            halls=("fra1-h1",),
            zone=tier.zone,
            protocol=tier.protocol,
            key=tier.encryption.key,
            capacity=tier.capacity.count,
            raw=0,
            read=0,
            write=0,
            per_node_read=0,
            per_node_write=0,
            servers=(),
            drives=0,
            why={},
        )
        for tier in factory.storage
    )
    return Plan(factory.name, factory.digest, (), (), (), (), (), (), tiers, (cluster,), ())


DIGEST = "@sha256:" + "0123456789abcdef" * 4


def pod(
    name: str = "case",
    namespace: str = "research",
    image: str = f"registry.example.com/ai/train{DIGEST}",
    **spec: Any,
) -> dict[str, Any]:
    """Give a pod that obeys every rule, with fields of its specification replaced."""
    container = {
        "name": "main",
        "image": image,
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    base = {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {**base, **spec},
    }
