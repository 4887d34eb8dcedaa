"""Values that every syntax takes and that mean something else, or too much: network ranges, names, counts.

And their controls.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from tests.hostile.case import REFUSED, Case, Prepared
from tests.hostile.readers import SMALL, _file

_RANGES = {
    "host-mask": "172.16.0.0/0.0.255.255",
    "net-mask": "172.16.0.0/255.255.0.0",
    "octal-prefix": "172.16.0.0/010",
    "octal-address": "0172.16.0.0/16",
    "hexadecimal": "0xac100000/16",
    "one-number": "2886729728/16",
    "short": "172.16/16",
    "spaces": "172.16.0.0 / 16",
    "host-bits": "172.16.0.1/16",
    "mapped": "::ffff:172.16.0.0/112",
    "nat64": "64:ff9b::ac10:0/112",
    "nat64-local": "64:ff9b:1::/48",
    "six-to-four": "2002:ac10::/32",
    "teredo": "2001::/32",
    "benchmark": "198.18.0.0/15",
    "reserved": "240.0.0.0/8",
    "broadcast": "255.255.255.255/32",
    "this-network": "0.0.0.0/8",
    "loopback": "127.0.0.0/8",
    "link-local": "169.254.0.0/16",
    "multicast": "224.0.0.0/4",
    "everywhere": "0.0.0.0/0",
    "everywhere-six": "::/0",
    "zone": "fe80::%eth0/64",
    "plus": "172.16.0.0/+16",
    "minus": "172.16.0.0/-1",
    "too-long": "172.16.0.0/33",
    "arabic": "172.16.0.0/١٦",
    "full-width": "１７２.16.0.0/16",  # noqa: RUF001
    "empty-prefix": "172.16.0.0/",
    "two-prefixes": "172.16.0.0/16/16",
    "line-end": "172.16.0.0/16\n",
}
_OWN = ("nodes", "management", "pods", "services")


def meanings() -> Iterator[Case]:
    """Return descriptions that are well-formed and must be refused."""
    for name, text in _RANGES.items():
        for field in _OWN:
            yield _with(f"range/{field}-{name}", "network", field, text)
        yield _gateway(f"range/gateway-{name}", [text])
    for name, change in _refused().items():
        yield Case(f"meanings/{name}", partial(_described, change), REFUSED)


def _refused() -> dict[str, Any]:
    """Return descriptions by name, each with one thing that cannot be."""
    base = yaml.safe_load(SMALL)

    def having(**fields: Any) -> dict[str, Any]:
        return {**base, **fields}

    pool = base["pools"][0]
    gateway = base["gateways"][0]
    return {
        "services-of-4": having(network={"services": "172.16.0.0/30"}),
        "services-of-2": having(network={"services": "172.16.0.0/31"}),
        "services-of-1": having(network={"services": "172.16.0.0/32"}),
        "services-of-16": having(network={"services": "172.16.0.0/28"}),
        "gateway-range-twice": having(
            gateways=[{**gateway, "addresses": ["198.51.100.0/24", "198.51.100.0/24"]}]
        ),
        "gateway-range-inside": having(
            gateways=[{**gateway, "addresses": ["198.51.100.0/24", "198.51.100.0/25"]}]
        ),
        "pool-called-as-leaves": having(
            pools=[{**pool, "name": "compute-fra1-p0-leaf-r0"}], fabrics=base["fabrics"]
        ),
        "pools-million": having(
            pools=[{**pool, "name": f"p{number}", "nodes": 1_000_000} for number in range(20)]
        ),
        "pool-huge": having(pools=[{**pool, "nodes": 10**17}]),
        "dots-in-registry": having(images={"registries": ["registry.example.com/../evil"]}),
        "dots-in-image": having(
            workloads=[
                {"name": "w", "tenant": "research", "image": "registry.example.com/../x@sha256:" + "a" * 64}
            ]
        ),
        "thousands": "pools: [{name: train, nodes: 1,000}]\n",
        "registries-4000": having(
            images={"registries": [f"r{number}.example.com/{'x' * 200}" for number in range(4_000)]}
        ),
        "gateways-400-clash": having(gateways=[{**gateway, "name": "g"} for _ in range(400)]),
        "tenants-20000": having(
            tenants=[{"name": f"t{number}", "seat": "DE", "data": ["personal"]} for number in range(20_000)]
        ),
        "zones-10000": having(
            zones=[{"name": f"z{number}", "trust": "high", "tenants": []} for number in range(10_000)]
        ),
        "sites-5000": having(sites=[{**base["sites"][0], "name": f"s{number}"} for number in range(5_000)]),
        "halls-20000": having(
            sites=[
                {
                    **base["sites"][0],
                    "halls": [
                        {**base["sites"][0]["halls"][0], "name": f"h{number}"} for number in range(20_000)
                    ],
                }
            ]
        ),
    }


def _with(name: str, section: str, field: str, value: Any) -> Case:
    data = yaml.safe_load(SMALL)
    data.setdefault(section, {})[field] = value
    return Case(f"meanings/{name}", partial(_described, data), REFUSED)


def _gateway(name: str, addresses: list[str]) -> Case:
    data = yaml.safe_load(SMALL)
    data["gateways"][0]["addresses"] = addresses
    return Case(f"meanings/{name}", partial(_described, data), REFUSED)


def _described(data: Any, folder: Path) -> Prepared:
    text = data if isinstance(data, str) else json.dumps(data, default=str)
    file = _file(folder, "stack/factory.yaml", text)
    return Prepared(file, ("validate", str(file.parent)))


def controls() -> Iterator[Case]:
    """Return descriptions and calls that are unusual and right."""
    base = yaml.safe_load(SMALL)
    right: dict[str, Any] = {
        "umlauts": {**base, "operator": {**base["operator"], "name": "Beispiel GmbH & Söhne"}},
        "japanese": {**base, "operator": {**base["operator"], "name": "例示計算株式会社"}},
        "arabic": {**base, "operator": {**base["operator"], "name": "شركة مثال"}},
        "services-22": {**base, "network": {"services": "172.16.0.0/22"}},
        "services-12": {**base, "network": {"services": "172.16.0.0/12"}},
        "gateway": {
            **base,
            "gateways": [{**base["gateways"][0], "addresses": ["198.51.100.0/24", "2a00:1450::/32"]}],
        },
        "gateways-400": {
            **base,
            "gateways": [
                {
                    **base["gateways"][0],
                    "name": f"g{number}",
                    "addresses": [f"203.0.{number // 4}.{number % 4 * 64}/26"],
                }
                for number in range(400)
            ],
        },
        "shared-range": {**base, "network": {"management": "100.64.0.0/16"}},
    }
    for name, data in right.items():
        yield Case(f"controls/description/{name}", partial(_described, data), frozenset({0}), is_control=True)
    for name, command in {
        "help": ("--help",),
        "version": ("--version",),
        "rules": ("rules",),
        "explain": ("explain", "FLW-001"),
        "schema": ("schema",),
        "acceptance-plan": ("acceptance", "plan", "{stack}"),
        "plan": ("plan", "{stack}"),
        "plan-json": ("plan", "{stack}", "--json"),
        "why": ("plan", "{stack}", "--why"),
        "figures": ("assess", "figures", "{stack}"),
        "goodput": ("assess", "goodput", "{stack}", "--runs", "2"),
        "fabric": ("fabric", "check", "{stack}"),
        "diff": ("diff", "{stack}", "{stack}"),
    }.items():
        yield Case(f"controls/command/{name}", partial(_called, command), frozenset({0}), is_control=True)


def _called(command: tuple[str, ...], folder: Path) -> Prepared:
    file = _file(folder, "stack/factory.yaml", SMALL)
    return Prepared(file, tuple(part.format(stack=file.parent) for part in command))
