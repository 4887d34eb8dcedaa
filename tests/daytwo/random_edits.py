"""Random changes of a description, several at once, as nobody wrote them down.

An edit is a function of a draft: it changes the plain data, or raises `NotHereError` where the description
has nothing to change. Names are replaced wherever they are used, numbers of GPUs are kept to what zones have,
so that most drafts are sound. A seed draws the same change on every machine.

    draft = Draft(described("lab"), random.Random(7))
    change_several(draft)
    draft.data, draft.done      # the new description, and what was done to it in words
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterable
from typing import Any

from sovereign_ai.spec import StorageProtocol
from tests.daytwo.edits import Data, _replace_names

# In an order of their own, so that a seed draws the same whatever is added to them.
PROTOCOLS = tuple(sorted(map(str, StorageProtocol)))

Part = dict[str, Any]
Edit = Callable[["Draft"], str]

_LISTS = {
    "site": "sites",
    "pool": "pools",
    "fabric": "fabrics",
    "storage tier": "storage",
    "key": "keys",
    "zone": "zones",
    "tenant": "tenants",
    "gateway": "gateways",
    "service": "services",
    "supplier": "suppliers",
    "workload": "workloads",
    "disruption budget": "disruption_budgets",
}
"""Kind of part to the list that has them."""
_RENAMED = ("tenant", "zone", "pool", "storage tier", "key", "site", "fabric", "gateway")
_NAMES = (
    "a",
    "b1",
    "core",
    "data",
    "default2",
    "east-2",
    "guests",
    "learn",
    "open-2",
    "restricted-open",
    "science",
    "to-open",
    "vault",
    "x0",
)
_ALSO = ("-open", "-restricted", "-2", "0")
"""Ends of names that make one name begin with another."""
_LONG = 32
"""The longest name that a description takes."""
_SECTIONS = (
    *("fabrics", "gateways", "services", "suppliers", "workloads", "disruption_budgets", "platform"),
    *("dns", "clusters", "network", "residency", "cabling", "waivers"),
)
_CONTROLLERS = (
    ("monitoring", "prometheus"),
    ("jobs", "jobset"),
    ("certificates", "cert-manager"),
    ("health", "node-problem-detector"),
    ("serving", "kserve"),
    ("gangs", "lws"),
)
_IMAGE = "@sha256:" + 64 * "a"


class NotHereError(Exception):
    """The description has nothing that an edit could change."""


class Draft:
    """A description that is being changed.

    Attributes:
        data: the description.
        dice: what draws.
        done: what was done, in words.
        given_up: names that nothing has any more.
    """

    def __init__(self, data: Data, dice: random.Random) -> None:
        self.data, self.dice = copy.deepcopy(data), dice
        self.done: list[str] = []
        self.given_up: list[str] = []

    def parts(self, kind: str) -> list[Part]:
        """Return the parts of a kind."""
        return self.data.get(_LISTS[kind]) or []

    def part(self, kind: str, *, least: int = 1) -> Part:
        """Draw one part of a kind of which there are enough."""
        return self.some(kind, 1, least=least)[0]

    def some(self, kind: str, count: int, *, least: int = 0) -> list[Part]:
        """Draw several parts of a kind."""
        parts = self.parts(kind)
        if len(parts) < max(count, least):
            raise NotHereError(kind)
        return self.dice.sample(parts, count)

    def name(self, kind: str) -> str:
        """Draw a name that no part of a kind has: fresh, just given up, or much like another."""
        taken = _names_in(self.parts(kind))
        candidates = [*_NAMES, *self.given_up, *self.given_up]
        for other in ("zone", "tenant", "pool", "storage tier"):
            for part in self.parts(other):
                candidates.append(part["name"])
                candidates.append(part["name"] + self.dice.choice(_ALSO))
        if self.dice.random() < 0.05:
            candidates = ["n" * self.dice.choice((_LONG - 1, _LONG))]
        free = sorted(set(candidates) - taken)
        if not free:
            raise NotHereError(kind)
        return self.dice.choice(free)

    def rename(self, kind: str, names: dict[str, str]) -> None:
        """Replace names of a kind wherever they are."""
        _replace_names(self.data, kind, names)
        if kind == "pool":
            for phase in self.data.get("phases") or ():
                for part in phase.get("pools", ()):
                    part["pool"] = names.get(part["pool"], part["pool"])

    def zone_of(self, tenant: str) -> list[Part]:
        return [zone for zone in self.parts("zone") if tenant in zone.get("tenants", ())]


# names


def _rename(draft: Draft) -> str:
    kind = draft.dice.choice(_RENAMED)
    old, new = draft.part(kind)["name"], draft.name(kind)
    draft.rename(kind, {old: new})
    draft.given_up.append(old)
    return f"{kind} {old} is renamed {new}"


def _exchange(draft: Draft) -> str:
    kind = draft.dice.choice(_RENAMED)
    count = draft.dice.choice((2, 2, 3))
    names = [part["name"] for part in draft.some(kind, count)]
    draft.rename(kind, dict(zip(names, names[1:] + names[:1], strict=True)))
    return f"{kind}s {names} exchange their names"


def _chain(draft: Draft) -> str:
    kind = draft.dice.choice(("tenant", "zone", "pool", "storage tier", "key"))
    first, second = (part["name"] for part in draft.some(kind, 2))
    new = draft.name(kind)
    draft.rename(kind, {first: second, second: new})
    words = f"{kind} {first} becomes {second}, which becomes {new}"
    if draft.dice.random() < 0.6:
        words += "; and " + _ADDED[kind](draft, first)
    else:
        draft.given_up.append(first)
    return words


def _takes_name_of_removed(draft: Draft) -> str:
    kind = draft.dice.choice(("tenant", "pool", "storage tier", "gateway"))
    gone, other = draft.some(kind, 2)
    names = gone["name"], other["name"]
    _REMOVED[kind](draft, gone)
    draft.rename(kind, {names[1]: names[0]})
    draft.given_up.append(names[1])
    return f"{kind} {names[0]} is removed, and {names[1]} takes its name"


def _made_anew(draft: Draft) -> str:
    kind = draft.dice.choice(("tenant", "pool", "storage tier", "zone"))
    gone = draft.part(kind, least=2)
    name = gone["name"]
    _REMOVED[kind](draft, gone)
    return f"{kind} {name} is removed, and " + _ADDED[kind](draft, name)


# parts that come


def _add_tenant(draft: Draft, name: str = "") -> str:
    name = name or draft.name("tenant")
    entry: Part = {
        "name": name,
        "seat": draft.dice.choice(("DE", "FR")),
        "gpus": draft.dice.choice((0, 0, 8)),
    }
    if draft.dice.random() < 0.2:
        del entry["gpus"]
    zone = draft.part("zone")
    draft.data.setdefault("tenants", []).insert(draft.dice.randint(0, len(draft.parts("tenant"))), entry)
    zone["tenants"] = [*zone.get("tenants", ()), name]
    return f"tenant {name} is added to {zone['name']}"


def _add_zone(draft: Draft, name: str = "") -> str:
    name = name or draft.name("zone")
    zone: Part = {"name": name, "trust": draft.dice.choice(("low", "medium", "high"))}
    draft.parts("zone").insert(draft.dice.randint(0, len(draft.parts("zone"))), zone)
    words = f"zone {name} is added"
    if draft.dice.random() < 0.4:
        tenant = draft.name("tenant")
        draft.data.setdefault("tenants", []).append({"name": tenant, "seat": "DE", "gpus": 0})
        zone["tenants"] = [tenant]
        words += f" with tenant {tenant}"
    if draft.dice.random() < 0.4:
        words += f" with {_add_pool(draft, zone=name)}"
    if draft.dice.random() < 0.4:
        words += f" with {_add_tier(draft, zone=name)}"
    return words


def _add_pool(draft: Draft, name: str = "", zone: str = "") -> str:
    name = name or draft.name("pool")
    model = draft.part("pool")
    entry = {
        "name": name,
        "site": model["site"],
        "system": model["system"],
        "nodes": draft.dice.choice((1, 2, 3)),
        "purpose": draft.dice.choice(("training", "inference", "mixed")),
        "zone": zone or draft.part("zone")["name"],
    }
    for field in ("hall", "driver"):
        if field in model:
            entry[field] = model[field]
    draft.parts("pool").insert(draft.dice.randint(0, len(draft.parts("pool"))), entry)
    for fabric in draft.parts("fabric"):
        if "pools" in fabric:
            fabric["pools"] = [*fabric["pools"], name]
    return f"pool {name} is added to {entry['zone']}"


def _add_tier(draft: Draft, name: str = "", zone: str = "") -> str:
    name = name or draft.name("storage tier")
    entry = {
        "name": name,
        "protocol": draft.dice.choice(PROTOCOLS),
        "grade": "good",
        "capacity": draft.dice.choice(("10 TB", "20 TB")),
        "zone": zone or draft.part("zone")["name"],
        "sites": [draft.part("site")["name"]],
        "encryption": {"key": draft.part("key")["name"]},
    }
    draft.data.setdefault("storage", []).insert(
        draft.dice.randint(0, len(draft.parts("storage tier"))), entry
    )
    return f"tier {name} is added to {entry['zone']}"


def _add_key(draft: Draft, name: str = "") -> str:
    name = name or draft.name("key")
    draft.data.setdefault("keys", []).append(
        {"name": name, "custodian": "customer", "module": "pkcs11", "jurisdiction": "DE"}
    )
    words = f"key {name} is added"
    if draft.parts("storage tier") and draft.dice.random() < 0.7:
        tier = draft.part("storage tier")
        tier["encryption"] = {"key": name}
        words += f" and used for {tier['name']}"
    return words


def _add_gateway(draft: Draft) -> str:
    name = draft.name("gateway")
    zones = [zone["name"] for zone in draft.some("zone", draft.dice.randint(1, len(draft.parts("zone"))))]
    block = draft.dice.choice(("198.51.100.0/24", "203.0.113.8/32", "203.0.113.0/24"))
    entry: Part = {
        "name": name,
        "entity": "Example Exchange",
        "seat": "DE",
        "addresses": [block],
        "zones": zones,
    }
    if draft.dice.random() < 0.5:
        entry["ports"] = [draft.dice.choice((443, 4460, 8443))]
    draft.data.setdefault("gateways", []).append(entry)
    for policy in draft.data.get("residency") or ():
        policy["gateways"] = [*policy.get("gateways", ()), name]
    return f"gateway {name} is opened for {zones}"


def _add_site(draft: Draft) -> str:
    name = draft.name("site")
    power = {"it_budget": "100 kW", "feeds": dict.fromkeys("ABC", "200 kW"), "rack_pdus": 3}
    hall = f"{name[:20]}-h"
    entry = {"name": name, "country": "DE", "power": power}
    entry["halls"] = [{"name": hall, "cooling": {"kind": "air", "supply": "22 degC"}, "rack_limit": "45 kW"}]
    home = draft.parts("site")[0]["name"]
    draft.parts("site").append(entry)
    for fabric in draft.parts("fabric"):
        fabric.setdefault("sites", [home])
    draft.data["clusters"] = {**draft.data.get("clusters", {}), "home": home}
    words = f"site {name} is added"
    if draft.dice.random() < 0.5:
        words += ", " + _add_pool(draft)
        draft.parts("pool")[-1]["site"] = name
        draft.parts("pool")[-1].pop("hall", None)
    return words


def _add_other(draft: Draft) -> str:
    kind = draft.dice.choice(("service", "supplier", "workload", "disruption budget"))
    name = draft.name(kind)
    match kind:
        case "service":
            entry: Part = {"name": name, "kind": "time", "supplier": "Example Clock", "jurisdiction": "DE"}
        case "supplier":
            entry = {"name": name, "component": "optics", "vendor": "Example Optics", "jurisdiction": "DE"}
        case "workload":
            zone = draft.part("zone")
            pools = [pool["name"] for pool in draft.parts("pool") if pool["zone"] == zone["name"]]
            if not pools or not zone.get("tenants"):
                raise NotHereError(kind)
            registry = draft.data["images"]["registries"][0]
            entry = {"name": name, "tenant": zone["tenants"][0], "pool": pools[0], "nodes": 1}
            entry["image"] = f"{registry}/{name}{_IMAGE}"
        case _:
            entry = {"name": name, "max_unavailable": draft.dice.choice((1, "10 %"))}
            if draft.dice.random() < 0.5:
                entry["pools"] = [draft.part("pool")["name"]]
    draft.data.setdefault(_LISTS[kind], []).append(entry)
    return f"{kind} {name} is added"


# parts that go


def _without(draft: Draft, kind: str, name: str) -> None:
    """Take a part out of its list and out of every list that names it."""
    draft.data[_LISTS[kind]] = [part for part in draft.parts(kind) if part["name"] != name]
    draft.given_up.append(name)


def _drop_name(parts: Iterable[Part], field: str, name: str) -> None:
    for part in parts:
        if name in (part.get(field) or ()):
            part[field] = [other for other in part[field] if other != name]


def _remove_tenant(draft: Draft, tenant: Part) -> None:
    name = tenant["name"]
    _without(draft, "tenant", name)
    _drop_name(draft.parts("zone"), "tenants", name)
    draft.data["workloads"] = [part for part in draft.parts("workload") if part["tenant"] != name]
    _drop_budgets(draft, "tenants", name)
    for worker in (draft.data.get("platform") or {}).get("multikueue", ()):
        _drop_name([worker], "tenants", name)


def _drop_budgets(draft: Draft, field: str, name: str) -> None:
    kept = []
    for budget in draft.parts("disruption budget"):
        if name in budget.get(field, ()):
            budget[field] = [other for other in budget[field] if other != name]
            if not budget[field]:
                continue
        kept.append(budget)
    draft.data["disruption_budgets"] = kept


def _remove_pool(draft: Draft, pool: Part) -> None:
    name = pool["name"]
    _without(draft, "pool", name)
    _drop_name(draft.parts("fabric"), "pools", name)
    draft.data["workloads"] = [part for part in draft.parts("workload") if part["pool"] != name]
    _drop_budgets(draft, "pools", name)
    if "phases" in draft.data:
        del draft.data["phases"]
        draft.data.pop("phase", None)


def _remove_tier(draft: Draft, tier: Part) -> None:
    _without(draft, "storage tier", tier["name"])


def _remove_gateway(draft: Draft, gateway: Part) -> None:
    _without(draft, "gateway", gateway["name"])
    _drop_name(draft.data.get("residency") or (), "gateways", gateway["name"])


def _remove_zone(draft: Draft, zone: Part) -> None:
    name = zone["name"]
    for pool in list(draft.parts("pool")):
        if pool["zone"] == name:
            _remove_pool(draft, pool)
    for tier in list(draft.parts("storage tier")):
        if tier["zone"] == name:
            _remove_tier(draft, tier)
    for tenant in list(draft.parts("tenant")):
        if draft.zone_of(tenant["name"]) == [zone]:
            _remove_tenant(draft, tenant)
    _leave_zone(draft, name)


def _leave_zone(draft: Draft, name: str, heir: str = "") -> None:
    """Take a zone out of the description; what names it names another one, or none."""
    _without(draft, "zone", name)
    _close_flows(draft, name)
    _drop_name(draft.parts("gateway"), "zones", name)
    for gateway in list(draft.parts("gateway")):
        if not gateway["zones"]:
            _remove_gateway(draft, gateway)
    _drop_name(draft.data.get("residency") or (), "zones", name)
    _drop_name((draft.data.get("platform") or {}).get("multikueue", ()), "zones", name)
    for tenant in draft.parts("tenant"):
        if tenant.get("home") == name:
            del tenant["home"]
    for part in (*draft.parts("pool"), *draft.parts("storage tier")):
        if part["zone"] == name:
            part["zone"] = heir


def _close_flows(draft: Draft, name: str) -> None:
    """Close every flow to a zone."""
    for zone in draft.parts("zone"):
        if "allow" in zone:
            zone["allow"] = [flow for flow in zone["allow"] if flow["to"] != name]


def _remove(draft: Draft) -> str:
    kind = draft.dice.choice((*_REMOVED, "tenant", "pool"))
    part = draft.part(kind, least=2 if kind in {"pool", "zone"} else 1)
    _REMOVED[kind](draft, part)
    return f"{kind} {part['name']} is removed"


def _remove_other(draft: Draft) -> str:
    kind = draft.dice.choice(("service", "supplier", "workload", "disruption budget", "fabric", "key"))
    part = draft.part(kind)
    if kind == "key":
        used = {tier["encryption"]["key"] for tier in draft.parts("storage tier")}
        unused = [key for key in draft.parts("key") if key["name"] not in used]
        if not unused:
            raise NotHereError(kind)
        part = unused[0]
    _without(draft, kind, part["name"])
    return f"{kind} {part['name']} is removed"


# several from one, one from several


def _merge(draft: Draft) -> str:
    kind = draft.dice.choice(("pool", "zone", "tenant", "storage tier"))
    one, other = draft.some(kind, 2)
    name, gone = one["name"], other["name"]
    match kind:
        case "pool":
            one["nodes"] += other["nodes"]
            draft.data["workloads"] = [part for part in draft.parts("workload") if part["pool"] != gone]
            _remove_pool(draft, other)
        case "zone":
            tenants = dict.fromkeys([*one.get("tenants", ()), *other.get("tenants", ())])
            one["tenants"] = list(tenants)
            _leave_zone(draft, gone, name)
        case "tenant":
            one["gpus"] = one.get("gpus", 0) + other.get("gpus", 0)
            _remove_tenant(draft, other)
        case _:
            _remove_tier(draft, other)
    words = f"{kind}s {name} and {gone} become one"
    if draft.dice.random() < 0.5:
        draft.given_up.remove(gone)
        new = draft.dice.choice((gone, draft.name(kind)))
        draft.rename(kind, {name: new})
        words += f", {new}"
    return words


def _split(draft: Draft) -> str:
    kind = draft.dice.choice(("pool", "zone", "tenant", "storage tier"))
    part, name = draft.part(kind), draft.name(kind)
    words = f"{kind} {part['name']} becomes two, with {name}"
    twin = copy.deepcopy(part)
    twin["name"] = name
    match kind:
        case "pool":
            _split_pool(draft, part, twin)
        case "tenant":
            twin["gpus"] = part["gpus"] = (part.get("gpus") or 0) // 2
            for zone in draft.zone_of(part["name"]):
                zone["tenants"] = [*zone["tenants"], name]
        case "zone":
            tenants = part.get("tenants", [])
            part["tenants"], twin["tenants"] = tenants[::2], tenants[1::2]
            for inside in (*draft.parts("pool"), *draft.parts("storage tier")):
                if inside["zone"] == part["name"] and draft.dice.random() < 0.5:
                    inside["zone"] = name
    draft.data[_LISTS[kind]].append(twin)
    return words


def _split_pool(draft: Draft, pool: Part, twin: Part) -> None:
    """Give some of a pool's machines to its twin."""
    if pool["nodes"] < 2 or pool.get("spares"):
        raise NotHereError("pool")
    twin["nodes"] = draft.dice.randint(1, pool["nodes"] - 1)
    pool["nodes"] -= twin["nodes"]
    for fabric in draft.parts("fabric"):
        if pool["name"] in fabric.get("pools", ()):
            fabric["pools"] = [*fabric["pools"], twin["name"]]
    draft.data.pop("phases", None)
    draft.data.pop("phase", None)
    draft.data["workloads"] = [part for part in draft.parts("workload") if part["pool"] != pool["name"]]


# fields


def _quota(draft: Draft) -> str:
    tenant = draft.part("tenant")
    tenant["gpus"] = draft.dice.choice((0, 1, 8, 16, 32, 64))
    return f"tenant {tenant['name']} may hold {tenant['gpus']} GPUs"


def _tenants_zone(draft: Draft) -> str:
    tenant = draft.part("tenant")
    name = tenant["name"]
    zone = draft.part("zone")
    if draft.dice.random() < 0.5:
        _drop_name(draft.parts("zone"), "tenants", name)
        tenant.pop("home", None)
        zone["tenants"] = [*zone.get("tenants", ()), name]
        return f"tenant {name} moves to zone {zone['name']}"
    if name in zone.get("tenants", ()):
        if len(draft.zone_of(name)) < 2:
            raise NotHereError("zone")
        _drop_name([zone], "tenants", name)
        if tenant.get("home") == zone["name"]:
            del tenant["home"]
        return f"tenant {name} leaves zone {zone['name']}"
    zone["tenants"] = [*zone.get("tenants", ()), name]
    if draft.dice.random() < 0.4:
        tenant["home"] = draft.dice.choice(draft.zone_of(name))["name"]
    return f"tenant {name} is in zone {zone['name']} too, at home in {tenant.get('home')}"


def _home(draft: Draft) -> str:
    tenant = draft.part("tenant")
    zones = [zone["name"] for zone in draft.zone_of(tenant["name"])]
    if len(zones) < 2:
        raise NotHereError("zone")
    tenant["home"] = draft.dice.choice(zones)
    if draft.dice.random() < 0.3:
        del tenant["home"]
    return f"tenant {tenant['name']} is at home in {tenant.get('home')}"


def _registry(draft: Draft) -> str:
    images = draft.data["images"]
    registries = images["registries"]
    choice = draft.dice.choice(
        (
            "registry.example.com/second",
            "registry.example.org/ai",
            "mirror.example.com:5000/ai",
            "registry.example.com",
        )
    )
    if choice in registries or draft.dice.random() < 0.3:
        if len(registries) < 2:
            raise NotHereError("registry")
        gone = draft.dice.choice(registries)
        images["registries"] = [one for one in registries if one != gone]
        return f"registry {gone} is removed"
    images["registries"] = [*registries, choice]
    return f"registry {choice} is added"


def _tier(draft: Draft) -> str:
    tier = draft.part("storage tier")
    field = draft.dice.choice(("zone", "protocol", "capacity", "key", "snapshots"))
    match field:
        case "zone":
            tier["zone"] = draft.part("zone")["name"]
            tier.setdefault("sites", [draft.parts("site")[0]["name"]])
        case "protocol":
            tier["protocol"] = draft.dice.choice(PROTOCOLS)
        case "capacity":
            tier["capacity"] = draft.dice.choice(("20 TB", "50 TB", "90 TB"))
        case "key":
            tier["encryption"] = {"key": draft.part("key")["name"]}
        case _:
            tier["snapshots"] = {"every": "12 h", "keep": 4}
    return f"tier {tier['name']} has another {field}"


def _flow(draft: Draft) -> str:
    source, target = draft.some("zone", 2)
    flows = [flow for flow in source.get("allow", ()) if flow["to"] == target["name"]]
    if flows and draft.dice.random() < 0.4:
        source["allow"] = [flow for flow in source["allow"] if flow not in flows]
        return f"the flow from {source['name']} to {target['name']} is closed"
    ports = sorted(draft.dice.sample((53, 443, 5000, 8443, 9443), draft.dice.choice((1, 1, 2))))
    flow: Part = {"to": target["name"], "ports": ports}
    if draft.dice.random() < 0.3:
        flow["protocol"] = "UDP"
    if draft.dice.random() < 0.15:
        flow = {"to": target["name"], "never": True}
    kept = [one for one in source.get("allow", ()) if one["to"] != target["name"]]
    source["allow"] = [*kept, flow]
    return f"a flow from {source['name']} to {target['name']}: {flow}"


def _pool(draft: Draft) -> str:
    pool = draft.part("pool")
    field = draft.dice.choice(
        (
            "nodes",
            "nodes",
            "driver",
            "driver",
            "mig",
            "spares",
            "zone",
            "zone",
            "purpose",
            "system",
            "nodes_per_rack",
        )
    )
    values: dict[str, tuple[Any, ...]] = {
        "nodes": (1, 2, 3, 5, 8, 12, 13),
        "driver": ("550.54.15", "580.95.05", "580.95.5", "0580.105.08"),
        "mig": ("1g.10gb", "3g.40gb", None),
        "spares": (0, 1, "auto"),
        "zone": tuple(zone["name"] for zone in draft.parts("zone")),
        "purpose": ("training", "inference", "mixed"),
        "system": ("dgx-h100", "dgx-h200"),
        "nodes_per_rack": (1, 2, 4),
    }
    value = draft.dice.choice(values[field])
    pool[field] = value
    if value is None:
        del pool[field]
    return f"pool {pool['name']} has {field} {value}"


def _zone(draft: Draft) -> str:
    zone = draft.part("zone")
    field = draft.dice.choice(("trust", "exposure", "admin_path", "idle_quota", "isolation"))
    values: dict[str, tuple[Any, ...]] = {
        "trust": ("low", "medium", "high"),
        "exposure": ("internal", "partner", "internet"),
        "admin_path": ("bastion", "vpn"),
        "idle_quota": ("kept", "lent"),
        "isolation": ({"nodes": "shared"}, {"fabric": "partition"}, {"in_band": "vni"}),
    }
    zone[field] = draft.dice.choice(values[field])
    return f"zone {zone['name']} has {field} {zone[field]}"


def _gateway(draft: Draft) -> str:
    gateway = draft.part("gateway")
    if draft.dice.random() < 0.5:
        gateway["addresses"] = [draft.dice.choice(("198.51.100.0/24", "203.0.113.128/25", "192.0.2.7/32"))]
    else:
        gateway["zones"] = [
            zone["name"] for zone in draft.some("zone", draft.dice.randint(1, len(draft.parts("zone"))))
        ]
    return f"gateway {gateway['name']} leads to {gateway['addresses']} from {gateway['zones']}"


def _site(draft: Draft) -> str:
    site = draft.parts("site")[0]
    hall = draft.dice.choice(site["halls"])
    match draft.dice.choice(("region", "hall", "move")):
        case "region":
            site["region"] = draft.dice.choice(("rhine", "danube", "main"))
            return f"site {site['name']} is in region {site['region']}"
        case "hall":
            old = hall["name"]
            new = draft.dice.choice(("north", "south", "h9"))
            draft.rename("hall", {old: new})
            return f"hall {old} is renamed {new}"
    pool = draft.part("pool")
    new = f"hall-{len(site['halls'])}"
    site["halls"].append(
        {"name": new, "cooling": {"kind": "air", "supply": "22 degC"}, "rack_limit": "45 kW"}
    )
    for other in draft.parts("pool"):
        if other["site"] == site["name"]:
            other.setdefault("hall", hall["name"])
    if pool["site"] == site["name"]:
        pool["hall"] = new
    return f"pool {pool['name']} moves to hall {new}"


def _platform(draft: Draft) -> str:
    platform = draft.data.setdefault("platform", {"queueing": ["kueue"]})
    field, name = draft.dice.choice(_CONTROLLERS)
    listed = platform.get(field, [])
    listed = [listed] if isinstance(listed, str) else listed
    if draft.dice.random() < 0.4:
        for controller in platform.get("controllers", ()):
            if "version" in controller:
                controller["version"] = draft.dice.choice(("v0.16.1", "v0.17.1", "v0.18.0"))
                return f"controller {controller['name']} has version {controller['version']}"
    platform[field] = [other for other in listed if other != name] if name in listed else [*listed, name]
    return f"{field} of the platform is {platform[field]}"


def _workers(draft: Draft) -> str:
    """Send the work of a zone to the cluster of another site, or to none any more."""
    platform = draft.data.setdefault("platform", {"queueing": ["kueue"]})
    if platform.pop("multikueue", None):
        return "work is sent to no other cluster"
    sites = {pool["site"] for pool in draft.parts("pool")} - {draft.parts("site")[0]["name"]}
    if not sites:
        raise NotHereError("site")
    worker = f"{draft.data['name']}-{min(sites)}-1"
    platform["multikueue"] = [{"cluster": worker, "zones": [draft.part("zone")["name"]]}]
    return f"work of {platform['multikueue'][0]['zones']} is sent to {worker}"


def _network(draft: Draft) -> str:
    field, value = draft.dice.choice(
        (
            ("pods", "10.48.0.0/12"),
            ("nodes", "172.16.0.0/12"),
            ("management", "10.144.0.0/12"),
            ("services", "10.33.0.0/16"),
            ("vlan", 200),
        )
    )
    draft.data["network"] = {**(draft.data.get("network") or {}), field: value}
    return f"the network has {field} {value}"


def _section(draft: Draft) -> str:
    """Delete a section, or write it again with other contents."""
    field = draft.dice.choice(_SECTIONS)
    if field not in draft.data:
        raise NotHereError(field)
    del draft.data[field]
    is_written_again = draft.dice.random() < 0.6
    words = f"{field} are no more"
    match field:
        case "residency":
            _without_data(draft)
        case "gateways":
            for policy in draft.data.get("residency") or ():
                policy.pop("gateways", None)
            if is_written_again:
                words += ", and " + _add_gateway(draft)
        case "fabrics":
            for zone in draft.parts("zone"):
                zone.pop("isolation", None)
        case "platform" if is_written_again:
            draft.data["platform"] = {"queueing": "kueue"}
            words += ", and are only kueue"
        case "waivers":
            draft.data.pop("approvers", None)
    return words


def _without_data(draft: Draft) -> None:
    """Let nobody have data for which there would have to be a policy."""
    for part in (*draft.parts("tenant"), *draft.parts("workload")):
        part.pop("data", None)
    for processor in draft.data["operator"].get("sub_processors", ()):
        processor["data"] = []


def _drift(draft: Draft) -> str:
    draft.data["drift"] = draft.dice.choice(("restore", "report"))
    return f"drift is {draft.data['drift']}"


def _reorder(draft: Draft) -> str:
    kind = draft.dice.choice(tuple(_LISTS))
    if len(draft.parts(kind)) < 2:
        raise NotHereError(kind)
    draft.dice.shuffle(draft.parts(kind))
    return f"{kind}s are in another order"


_ADDED: dict[str, Callable[..., str]] = {
    "tenant": _add_tenant,
    "zone": _add_zone,
    "pool": _add_pool,
    "storage tier": _add_tier,
    "key": _add_key,
}
_REMOVED: dict[str, Callable[[Draft, Part], None]] = {
    "tenant": _remove_tenant,
    "zone": _remove_zone,
    "pool": _remove_pool,
    "storage tier": _remove_tier,
    "gateway": _remove_gateway,
}
EDITS: dict[Edit, int] = {
    _rename: 8,
    _exchange: 4,
    _chain: 3,
    _takes_name_of_removed: 3,
    _made_anew: 2,
    _add_tenant: 3,
    _add_zone: 3,
    _add_pool: 3,
    _add_tier: 2,
    _add_key: 2,
    _add_gateway: 2,
    _add_site: 1,
    _add_other: 2,
    _remove: 5,
    _remove_other: 2,
    _merge: 4,
    _split: 4,
    _quota: 2,
    _tenants_zone: 5,
    _home: 2,
    _registry: 2,
    _tier: 4,
    _flow: 4,
    _pool: 5,
    _zone: 2,
    _gateway: 1,
    _site: 2,
    _platform: 2,
    _workers: 3,
    _network: 1,
    _section: 2,
    _drift: 1,
    _reorder: 1,
}
"""Edits, and how often each is drawn."""
_LEAST, _MOST = 2, 6


def change_several(draft: Draft, least: int = _LEAST, most: int = _MOST) -> None:
    """Make several edits that the description has something for."""
    wanted = draft.dice.randint(least, most)
    edits, weights = list(EDITS), list(EDITS.values())
    for _ in range(10 * wanted):
        if len(draft.done) >= wanted:
            break
        before = copy.deepcopy(draft.data), list(draft.given_up)
        [edit] = draft.dice.choices(edits, weights)
        try:
            draft.done.append(edit(draft))
        except NotHereError:
            draft.data, draft.given_up = before
    _fit(draft)


def _fit(draft: Draft) -> None:
    """Keep the tenants' GPUs to what the pools of their zones have, and take out who has no zone."""
    room: dict[str, int] = {}
    for pool in draft.parts("pool"):
        spares = {"auto": 1}.get(pool.get("spares", 0), pool.get("spares", 0))
        room[pool["zone"]] = room.get(pool["zone"], 0) + 8 * max(pool["nodes"] - spares, 0)
    for tenant in list(draft.parts("tenant")):
        zones = _names_in(draft.zone_of(tenant["name"]))
        if not zones:
            _remove_tenant(draft, tenant)
            continue
        if "gpus" in tenant:
            tenant["gpus"] = max(0, min(tenant["gpus"], *(room.get(zone, 0) for zone in zones), 10**6))
            for zone in zones:
                room[zone] = room.get(zone, 0) - tenant["gpus"]
    for tier in draft.parts("storage tier"):
        if tier["zone"] not in room:
            tier.setdefault("sites", [draft.parts("site")[0]["name"]])


def _names_in(parts: Iterable[Part]) -> set[str]:
    return {part["name"] for part in parts}
