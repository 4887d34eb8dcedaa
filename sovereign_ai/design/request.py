"""What is wanted of a design, and the parts of its description that do not depend on the compute fabric.

Where only a country is given, the site, its operator and its zone are placeholders, reported as assumptions.
A site's own file is kept as it is, and what does not fit into it is no proposal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from math import ceil
from typing import Any

from sovereign_ai.catalog.system import System
from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import MOST_MACHINES, RACK_UNITS, ceil_div, pool_shapes
from sovereign_ai.plan.power import MOST_FEEDS, airflow, fewest_left, rack_groups, rack_watts, site_load
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted
from sovereign_ai.units import BitsPerSecond, Celsius, Ratio

AIR_RACK = 45_000
"""Watts of an air-cooled rack where no source gives how many machines a rack has; as in `stacks/lab`,
beyond the 40.8 kW of the published H100 rack."""
RISE = 15
"""Degrees by which the air of a hall warms; as in `stacks/superpod`."""
SUPPLY = 22
"""Degrees of the air or coolant that reaches the machines; as in `stacks/superpod`."""
STORAGE_RATIO = Ratio(3, 1)
IN_BAND_RATIO = Ratio(7, 1)
OUT_OF_BAND_RATIO = Ratio(11, 1)
"""Oversubscription of the fabrics beside compute; as in `stacks/gigafactory`."""
DEFAULT_CLUSTERS = 20_000
"""Machines for which the default range of pods, a /11, is enough in clusters of the default 5,000 nodes."""
DEFAULT_PODS = 32_768
"""Machines for which it is enough in clusters of 4,096 nodes."""
AMPLE = 4
"""Multiple of the machines' power that a site has while designs are searched; its own is set afterwards."""


@frozen_dataclass
class DesignRequest:
    """What is wanted.

    Attributes:
        name: the factory's name.
        gpus: GPUs at least.
        system: the server model.
        country: country of the site.
        ratio: the largest oversubscription of the compute fabric.
        kinds: technologies of the compute fabric that are allowed: `infiniband`, `roce`.
        storage: capacity of a storage tier, such as `2 PB`; empty for none.
        border_ports: links to the outside at least, of the in-band fabric; 0 for none.
        border_link: rate of one of them; None for that of the fabric's links to machines.
        managers: management machines; 0 for none.
        manager: their model; None without any.
        site: the site as described; None where only its country is given.
        context: other sections of the user's description: operator, suppliers and so on.
    """

    name: str
    gpus: int
    system: System
    country: str
    ratio: Ratio = Ratio(1, 1)
    kinds: tuple[str, ...] = ("infiniband", "roce")
    storage: str = ""
    border_ports: int = 0
    border_link: BitsPerSecond | None = None
    managers: int = 0
    manager: System | None = None
    site: Mapping[str, Any] | None = None
    context: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse numbers that no factory has.

        Raises:
            UsageError: there are no GPUs, its machines have none, or there are more than a plan supports.
        """
        if self.gpus < 1:
            message = f"{counted(self.gpus, 'GPU is', 'GPUs are')} no factory"
            raise UsageError(Problem("bad-option", message, hint="write --gpus 1 or more"))
        if not self.system.gpus:
            message = f"--system: {self.system.name} has no GPUs, and no number of them has {self.gpus:,}"
            raise UsageError(Problem("bad-option", message, hint="name a machine with GPUs"))
        if self.all_machines > MOST_MACHINES:
            most = (MOST_MACHINES - self.managers) * self.system.gpus
            gpus_text = counted(self.gpus, "GPU is", "GPUs are")
            message = f"{gpus_text} {counted(self.machines, 'machine')}; a plan has at most {MOST_MACHINES:,}"
            if self.managers >= MOST_MACHINES:
                machines_text = counted(self.managers, "management machine")
                message = f"{machines_text}; a plan has at most {MOST_MACHINES:,}"
                most = self.gpus
            raise UsageError(Problem("too-many-machines", message, hint=f"write at most --gpus {most}"))

    @property
    def machines(self) -> int:
        """Servers: the GPUs wanted, rounded up to whole servers."""
        return ceil_div(self.gpus, self.system.gpus)

    @property
    def all_machines(self) -> int:
        """Servers and management machines."""
        return self.machines + self.managers

    @property
    def per_rack(self) -> int:
        """Servers of a rack: as published, else what height and, for air, `AIR_RACK` allow."""
        if self.system.nodes_per_rack is not None:
            return self.system.nodes_per_rack
        fits = RACK_UNITS // self.system.rack_units if self.system.rack_units else 1
        if self.cooling == "air":
            fits = min(fits, AIR_RACK // self.system.worst_power.count)
        return max(fits, 1)

    @property
    def cooling(self) -> str:
        """How the hall is cooled: the first way for which the servers are built.

        Where management machines are of air and the others of liquid, the hall has both.
        """
        kind = self.system.cooling[0]
        if kind == "liquid" and self.manager is not None and "air" in self.manager.cooling:
            return "hybrid"
        return kind

    def assumptions(self) -> list[str]:
        """Return what the description contains that nobody asked for, each as a sentence."""
        texts: list[str] = []
        total = self.machines * self.system.gpus
        if total != self.gpus:
            gpus_text = counted(self.gpus, "GPU is", "GPUs are")
            more = f"{gpus_text} no multiple of the {self.system.gpus} of a {self.system.name}"
            texts.append(f"{more}: {counted(self.machines, 'machine has', 'machines have')} {total:,}")
        texts += self._part_of_domain()
        if self.site is None:
            texts.append(
                "site, hall and feeds are sized to each proposal; operator, staff and support are assumed "
                f"in {self.country}: write your own before you rely on a SEAL level"
            )
            if self.system.decided_supplies is None:
                texts.append(
                    f"no source gives the power supplies of {self.system.name}: whether a lost feed stops "
                    "machines is not known"
                )
        if len(self.kinds) > 1:
            texts.append(
                f"the catalogue does not state whether the ports of {self.system.name} are for InfiniBand or "
                "Ethernet: choose with --fabric"
            )
        if not self.storage:
            texts.append("no storage servers: add them with --storage, such as --storage '2 PB'")
        if self.manager is not None:
            machines_text = counted(self.managers, "management machine is", "management machines are")
            texts.append(
                f"{machines_text} {self.manager.name}, on the in-band and "
                "out-of-band networks: name another model with --management N@MODEL"
            )
        if self.border_ports:
            texts.append(
                "links to the outside are the in-band fabric's, on two switches at least, so that none cuts "
                "off all; our end of each is counted"
            )
        texts.append(
            "storage, in-band and out-of-band fabrics block at 3:1, 7:1 and 11:1, as in stacks/gigafactory"
        )
        return texts

    def _part_of_domain(self) -> list[str]:
        """Return that the last NVLink domain is not whole, as the machines of one make a rack."""
        domain = self.system.nvlink_domain_nodes
        if not domain or not self.machines % domain:
            return []
        each = domain * self.system.gpus
        whole = self.machines // domain
        left = counted(self.machines % domain, "machine is", "machines are")
        gpus_text = counted((whole + 1) * each, "GPU")
        racks_text = counted(whole + 1, "rack")
        racks = f"{gpus_text} in {racks_text}"
        if whole:
            gpus_text = counted(whole * each, "GPU")
            racks_text = counted(whole, "rack")
            racks = f"{gpus_text} in {racks_text}, or {racks}"
        text = (
            f"{left} only a part of a rack: {domain} {self.system.name} make one, with an NVLink domain of "
            f"{counted(each, 'GPU')}; the nearest whole racks are {racks}"
        )
        return [text]

    def base(self) -> dict[str, Any]:
        """Return the description without fabrics, on an ample site where none is described."""
        home = self.country
        data: dict[str, Any] = {
            "name": self.name,
            "operator": {
                "name": "Example Compute",
                "seat": home,
                "parent": {"seat": home},
                "staff": {"location": [home], "citizenship": [home]},
                "support": [home],
                "soc": [home],
            },
            "images": {"registries": ["registry.example.com/ai"]},
            **self.context,
        }
        site = dict(self.site) if self.site is not None else self._ample_site()
        data["sites"] = [site]
        data["pools"] = [self._pool(site), *self._management(site)]
        data["zones"] = [{"name": "main", "trust": "high", "tenants": ["team"]}]
        data["tenants"] = [{"name": "team", "seat": home, "data": ["internal"]}]
        # What is not listed is denied, so everything that data needs is permitted at home.
        places = ("in", "replicas", "backups", "logs", "keys", "staff_access")
        allowed = {place: [home] for place in places}
        data["residency"] = [{"data": "internal", **allowed}]
        data = {**self._addresses(), **data}
        if self.storage:
            data["storage"] = [self._tier()]
            vault = {"name": "vault", "custodian": "customer", "module": "pkcs11", "jurisdiction": home}
            data["keys"] = [vault]
        return data

    def _addresses(self) -> dict[str, Any]:
        """Return the fields that give very many machines enough pod addresses; none for fewer.

        A node takes 64 addresses and a cluster a power of two, so clusters of 4,096 nodes leave none unused.
        """
        if self.all_machines <= DEFAULT_CLUSTERS:
            return {}
        fields: dict[str, Any] = {"clusters": {"nodes": 4_096}}
        if self.all_machines > DEFAULT_PODS:
            fields["network"] = {"pods": "10.192.0.0/10"}
        return fields

    def _pool(self, site: Mapping[str, Any]) -> dict[str, Any]:
        """Return the one pool, in the first hall of the site."""
        pool: dict[str, Any] = {"name": "gpu", "site": site["name"], "system": self.system.name}
        pool.update({"nodes": self.machines, "purpose": "mixed", "zone": "main"})
        if len(site["halls"]) > 1:
            pool["hall"] = site["halls"][0]["name"]
        return pool

    def _management(self, site: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the pool of management machines, where some are wanted."""
        if self.manager is not None:
            pool = {**self._pool(site), "name": "management", "system": self.manager.name}
            yield {**pool, "nodes": self.managers, "purpose": "management"}

    def _tier(self) -> dict[str, Any]:
        """Return the storage tier that is wanted."""
        tier = {"name": "data", "protocol": "parallel", "grade": "good", "capacity": self.storage}
        return {**tier, "zone": "main", "encryption": {"key": "vault"}}

    def _ample_site(self) -> dict[str, Any]:
        """Return a site on which every design fits: only its racks, feeds and cooling are real."""
        racks = ceil_div(self.machines, self.per_rack)
        managed = 0 if self.manager is None else self.managers * self.manager.worst_power.count
        watts = AMPLE * (racks * rack_watts(self.system, self.per_rack) + managed + 1_000_000)
        # A machine runs on after the loss of a feed where enough of its supplies hang on the others.
        feeds, pdus = self._feeds()
        names = list("ABCDEFGH"[:feeds])
        limit = rack_watts(self.system, self.per_rack)
        if self.cooling == "air":
            limit = max(limit, AIR_RACK)
        cooling: dict[str, Any] = {"kind": self.cooling}
        if self.cooling != "liquid":
            cooling["containment"] = "hot-aisle"
        cooling.update({"supply": f"{SUPPLY} degC", "temperature_rise": f"{RISE} degC"})
        if self.cooling != "air":
            cooling["cdu_capacity"] = f"{watts} W"
        power: dict[str, Any] = {"it_budget": f"{watts} W", "feeds": dict.fromkeys(names, f"{watts} W")}
        power.update({"survive": "any-feed", "rack_pdus": pdus})
        hall = {"name": "hall1", "cooling": cooling, "rack_limit": f"{_round_up(limit, 1000) // 1000} kW"}
        return {"name": "site1", "country": self.country, "power": power, "halls": [hall]}

    def _feeds(self) -> tuple[int, int]:
        """Return the fewest feeds and rack PDUs with which the loss of a feed stops no server."""
        decided = self.system.decided_supplies
        # Without a source for the supplies nothing is decided: three feeds, as in `stacks/lab`.
        if decided is None:
            return 3, 3
        supplies, required = decided
        for feeds in range(2, MOST_FEEDS + 1):
            for pdus in range(2, MOST_FEEDS + 1):
                if fewest_left(supplies, pdus, feeds, self.per_rack) >= required:
                    return feeds, pdus
        return MOST_FEEDS, MOST_FEEDS


def fit_site(data: dict[str, Any], factory: AIFactory, other: int) -> dict[str, Any]:
    """Return a description whose site is as large as its design needs: budget, feeds and cooling.

    Args:
        data: the description on an ample site.
        factory: the same, as it was read.
        other: watts of switches and storage servers.
    """
    [site] = factory.sites
    shapes = pool_shapes(factory)
    groups = rack_groups(shapes)
    whole = site_load(site, groups, other)
    # The most that any feed carries after the loss of any other.
    worst = max(map(max, whole.load.after))
    feeds = len(site.power.feeds)
    budget = _round_up(whole.watts, 10_000)
    # A feed carries its share of everything after the loss of another; shares of few racks are uneven.
    each = _round_up(max(ceil(worst), ceil_div(budget, feeds - 1)), 10_000)
    described = dict(data["sites"][0])
    power = dict(described["power"])
    power["it_budget"] = f"{budget // 1000} kW"
    power["feeds"] = dict.fromkeys(power["feeds"], f"{each // 1000} kW")
    hall = dict(described["halls"][0])
    cooling = dict(hall["cooling"])
    if cooling["kind"] == "air":
        rise = Celsius.parse(cooling["temperature_rise"]).count
        cooling["airflow"] = f"{_round_up(airflow(whole.watts, rise), 1000)} m3/h"
    else:
        cooling["cdu_capacity"] = f"{_round_up(whole.watts, 10_000) // 1000} kW"
    hall["cooling"] = cooling
    described.update({"power": power, "halls": [hall]})
    return {**data, "sites": [described]}


def _round_up(number: int, step: int) -> int:
    """Return the next multiple of a step."""
    return ceil_div(number, step) * step
