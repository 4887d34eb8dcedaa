"""An independent checker of a plan's fabrics: it knows the plan's JSON and nothing of the planner.

Nothing is imported from the package, so a mistake there cannot hide here.

    python tests/plan/checker.py plan.json

What it holds against the cables, for each plane of each fabric:

* **Ports**: every port of every device is used once in the whole plan; a switch's port lies within its radix.
* **Degree**: no switch has more cables than ports, and where links upwards have another rate no leaf has more
  bits a second than its ports; a port is split for links of one rate alone, and is whole or split, never
  both; every cable climbs one tier.
* **Rails**: a leaf serves one rail; port i of a machine ends at a leaf of rail i, counted from `first_rail`
  where rails are planes of their own; a machine that joins has every rail once; machines of one scalable
  unit that fits a leaf share one leaf a rail.
* **Counts**: leaves, spines, cores and cables are as many as the plan says.
* **Connectivity**: every endpoint reaches every other.
* **Evenness**: a leaf has equally many links to each spine of its pod and none to another, and a spine to
  each core that it meets; a core has the same share of what every pod sends, so that what comes from one goes
  on to another. Where the plane says `uneven`, links differ by one at most, a pod's to all cores.
* **Outside**: links to the outside come from one name that is no device, their ends are numbered from 1, and
  they end at border leaves, or at switches of one other tier, equally many at each that has any. A border
  leaf has no host and has links to each spine of a pod. They count for the oversubscription, and not for the
  bisection between hosts.
* **Pairs**: two leaves without spines are joined to each other by as many cables as `leaf_leaf` says, and
  nothing else is. Where there are spines, a leaf, spine or border leaf has one partner at most, of its own
  tier; all pairs of a tier have equally many links, both switches meet the same ones of the next tier, and of
  those that meet the same ones, and are of one rail, one at most has no partner. Such links take ports and
  carry nothing; on InfiniBand, which routes over them, those of leaves are no fewer than a leaf's uplinks.
* **Bisection**: proved, not sampled. A leaf splits what it sends equally over the spines of its pod, every
  spine over the cores that it meets, and so in reverse downwards. A pod of `s` spines that sends `T` puts
  `T/s` on each spine and, where spine `j` meets `m(j)` cores, `T/(s m(j))` on each of these: core `c` gets
  `T` times `share(c)`, the sum of `1/(s m(j))` over the spines that meet it. To a pod that takes `R` it
  passes `R` times its own share of that pod's. With the same share of every pod both are the same traffic,
  whatever goes where. Then no link is overfull as long as no spine has fewer links above than below and no
  leaf sends or takes more than its uplinks. So that routing is a feasible flow of what the leaves' uplinks
  hold, and the uplinks of one half's leaves are a cut of the same size: flow and cut meet, and the bisection
  is the uplinks of the half that has the least of them. Where a plane is `uneven`, the same holds of as many
  links to each switch above as lead to the one with the fewest. Where no such proof goes through, that is a
  finding.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from fractions import Fraction
from operator import itemgetter
from pathlib import Path
from typing import Any

Plane = dict[str, Any]
MACHINE_PORT = re.compile(r"([a-z-]+?)([0-9]+)(?:/([0-9]+))?")
SWITCH_PORT = re.compile(r"([0-9]+)(?:/([0-9]+))?")
TIERS = {"leaf": 1, "border": 1, "spine": 2, "core": 3}
MOST_SHOWN = 20
BELOW, ABOVE = itemgetter(0), itemgetter(2)
LOWER_END, UPPER_END = itemgetter(0, 1), itemgetter(2, 3)


def findings(plan: dict[str, Any]) -> list[str]:
    """Give everything wrong with the fabrics of a plan; empty means that every check above passed."""
    found: list[str] = []
    units = {node["name"]: (node["pool"], node["scalable_unit"]) for node in plan["nodes"]}
    used: list[tuple[str, str]] = []
    owner: dict[str, str] = {}
    for plane in plan["fabrics"]:
        for device in plane["switches"]:
            if device["name"] in owner or device["name"] in units:
                found.append(
                    f"{device['name']} stands in {plane['name']} "
                    f"and in {owner.get(device['name'], 'the machines')}"
                )
            owner[device["name"]] = plane["name"]
        used += map(LOWER_END, plane["cables"])
        used += map(UPPER_END, plane["cables"])
        found += [f"{plane['name']}: {text}" for text in _plane(plane, units)]
    if len(set(used)) < len(used):
        found += [
            f"port {port} of {device} is used {times} times"
            for (device, port), times in Counter(used).items()
            if times > 1
        ]
    return found


def _plane(plane: Plane, units: dict[str, tuple[str, str]]) -> list[str]:
    """Check one plane."""
    tier = {device["name"]: TIERS[device["tier"]] for device in plane["switches"]}
    layers: dict[int, list[list[str]]] = {0: [], 1: [], 2: [], 3: []}
    outside = plane["cables"][len(plane["cables"]) - plane.get("outside", 0) :]
    partners: list[list[str]] = []
    has_partners = bool(plane.get("partners"))
    for row in plane["cables"][: len(plane["cables"]) - len(outside)]:
        beside = has_partners and tier.get(row[0], 0) == tier.get(row[2], 0)
        (partners if beside else layers[tier.get(row[0], 0)]).append(row)
    for below, rows in layers.items():
        pair = below == 1 and plane.get("leaf_leaf", 0) > 0
        wrong = [name for name in set(map(ABOVE, rows)) if tier.get(name, 0) != (1 if pair else below + 1)]
        if wrong:
            return [f"a cable to {min(wrong)} does not climb one tier"]
    found = _counts(plane, tier, layers)
    found += _partners(plane, layers, partners)
    found += _outside(plane, layers, outside)
    found += _degrees(plane, tier, layers, partners)
    found += _rails(plane, layers[0])
    found += _units(plane, layers, units)
    found += _connected(layers)
    return found + _capacity(plane, layers)


def _counts(plane: Plane, tier: dict[str, int], layers: dict[int, list[list[str]]]) -> list[str]:
    """Hold the plan's own numbers against what is there."""
    height = Counter(tier.values())
    borders = sum(device["tier"] == "border" for device in plane["switches"])
    pair = plane.get("leaf_leaf", 0)
    if pair and (height[1], height[2], len(layers[1])) != (2, 0, pair):
        return [f"{pair} cables between a pair of leaves, and there are {len(layers[1])} between {height[1]}"]
    there = {
        "leaf": height[1] - borders,
        "spine": height[2],
        "core": height[3],
        "node_leaf": len(layers[0]),
        "endpoints": len(layers[0]),
        "leaf_spine": 0 if pair else len(layers[1]),
        "spine_core": len(layers[2]),
        "tiers": len(height),
    }
    found = [
        f"{field} is said to be {plane[field]}, and is {number}"
        for field, number in there.items()
        if plane[field] != number
    ]
    if plane.get("border", 0) != borders:
        found.append(f"border is said to be {plane.get('border', 0)}, and is {borders}")
    return found


def _partners(plane: Plane, layers: dict[int, list[list[str]]], partners: list[list[str]]) -> list[str]:
    """Check the links of pairs where there are spines."""
    if len(partners) != plane.get("partners", 0):
        return [f"partners is said to be {plane.get('partners', 0)}, and is {len(partners)}"]
    kind = {device["name"]: (device["tier"], device["rail"]) for device in plane["switches"]}
    links = Counter(tuple(sorted(row[::2])) for row in partners)
    met = Counter(name for pair in links for name in pair)
    found = [f"{name} has {count} partners" for name, count in met.items() if count > 1]
    # Leaves of a pod meet the same spines, and spines of a pod the same leaves.
    meets: defaultdict[str, set[str]] = defaultdict(set)
    for row in layers[1]:
        if kind[row[0]][0] != "border":
            meets[row[2]].add(row[0])
        meets[row[0]].add(row[2])
    uplinks = Counter(map(BELOW, layers[1]))
    counts: defaultdict[str, set[int]] = defaultdict(set)
    for (one, two), number in links.items():
        counts[kind[one][0]].add(number)
        if kind[one][0] != kind[two][0] or meets[one] != meets[two]:
            found.append(f"{one} and {two} are no pair")
        if plane["kind"] == "infiniband" and kind[one][0] == "leaf" and uplinks[one] > number:
            found.append(f"{one} has {uplinks[one]} links up and {number} to its partner")
    found += [
        f"pairs of a {tier} have {sorted(some)} links" for tier, some in counts.items() if len(some) > 1
    ]
    alone = Counter((*kind[name], *sorted(meets[name])) for name in kind if name not in met)
    return found + [
        f"{some} of {own[:2]} have no partner" for own, some in alone.items() if own[0] in counts and some > 1
    ]


def _outside(plane: Plane, layers: dict[int, list[list[str]]], outside: list[list[str]]) -> list[str]:
    """Check the links to the outside, and the leaves that have nothing else below."""
    tier = {device["name"]: device["tier"] for device in plane["switches"]}
    far = f"{plane['name']}-outside"
    if far in tier:
        return [f"{far} is a switch"]
    found = [f"{row[0]} joins {row[2]} as what is outside" for row in outside if row[0] != far]
    if [row[1] for row in outside] != [str(number) for number in range(1, len(outside) + 1)]:
        found.append("the ends outside are not numbered from 1")
    links = Counter(map(ABOVE, outside))
    places = {tier.get(device, "") for device in links}
    if len(places) > 1 or "" in places:
        found.append(f"links to the outside end at switches of {sorted(places)}")
    if len(set(links.values())) > 1:
        found.append(f"between {min(links.values())} and {max(links.values())} links to the outside a switch")
    borders = {name for name, where in tier.items() if where == "border"}
    if borders - set(links):
        found.append(f"{min(borders - set(links))} is a border leaf without links to the outside")
    if served := borders & set(map(ABOVE, layers[0])):
        found.append(f"{min(served)} is a border leaf with hosts")
    meets: defaultdict[str, set[str]] = defaultdict(set)
    for row in layers[1]:
        meets[row[0]].add(row[2])
    pods = {frozenset(spines) for leaf, spines in meets.items() if leaf not in borders}
    return found + [
        f"{leaf} does not meet each spine of a pod" for leaf in borders if frozenset(meets[leaf]) not in pods
    ]


def _degrees(
    plane: Plane, tier: dict[str, int], layers: dict[int, list[list[str]]], partners: list[list[str]]
) -> list[str]:
    """Hold every switch's cables and port numbers against its radix."""
    degree = Counter(map(BELOW, layers[1] + layers[2] + partners))
    degree.update(map(ABOVE, layers[0] + layers[1] + layers[2] + partners))
    height = {device["name"]: device["tier"] for device in plane["switches"]}
    outside = plane["cables"][len(plane["cables"]) - plane.get("outside", 0) :]
    found = _outside_ports(plane, layers, outside)
    inner = [row[3] for row in layers[0] + layers[1] + layers[2]]
    inner += [row[1] for row in layers[1] + layers[2] + partners]
    finest = max((int(port.partition("/")[2] or 1) for port in inner), default=1)
    # A port for links to the outside is lost to all others, however finely these are split.
    for device, port in {(row[2], row[3].partition("/")[0]) for row in outside}:
        degree[device] += finest if port else 0
    above = plane.get("spine_radix") or plane["radix"]
    room = {"leaf": plane["radix"] + plane.get("uplink_ports", 0), "spine": above, "core": above}
    # A leaf whose links upwards have a rate of their own is measured in bits a second.
    rates = plane.get("host_rates", {})
    by_rate = bool(plane.get("uplink") or rates) and not plane.get("leaf_leaf")
    room["border"] = plane.get("border_ports", 0) * finest
    found += [
        f"{device} has {count} cables and {room[height[device]]} ports"
        for device, count in degree.items()
        if count > room[height[device]] and not (by_rate and height[device] == "leaf")
    ]
    if by_rate:
        found += _overfull(plane, layers, partners)
    found += _split(plane, layers)
    ports = {row[3] for row in plane["cables"]} | {row[1] for row in layers[1] + layers[2] + partners}
    matches = {port: SWITCH_PORT.fullmatch(port) for port in ports}
    wrong = sorted(port for port, match in matches.items() if match is None)
    if wrong:
        return [*found, f"a switch has a port called {wrong[0]!r}"]
    numbers = [(int(match[1]), int(match[2] or 1)) for match in matches.values() if match]
    # Leaves and spines of different models, or ports split differently, have no common number of parts.
    mixed = any(
        plane.get(field) for field in ("spine_radix", "uplink", "uplink_ports", "host_rates", "outside")
    )
    parts = 1 if mixed else max((part for _, part in numbers), default=1)
    most = max(room.values()) if mixed else plane["radix"]
    beyond = [number for number, part in numbers if number < 1 or part < 1 or number * parts > most]
    found += [
        f"port {number}, split by {parts}, lies beyond radix {plane['radix']}"
        for number in sorted(set(beyond))
    ]
    return found + [f"{device} is a switch without a cable" for device in tier if device not in degree]


def _outside_ports(plane: Plane, layers: dict[int, list[list[str]]], outside: list[list[str]]) -> list[str]:
    """Check that a port has links to the outside or others, and that a border leaf has the ports it uses."""
    others = {(row[2], row[3].partition("/")[0]) for row in layers[0] + layers[1] + layers[2]}
    others |= {(row[0], row[1].partition("/")[0]) for row in layers[1] + layers[2]}
    own = {(row[2], row[3].partition("/")[0]) for row in outside}
    found = [f"port {port} of {device} has links to the outside and others" for device, port in own & others]
    borders = {device["name"] for device in plane["switches"] if device["tier"] == "border"}
    for device, port in own | others:
        if device in borders and not 1 <= int(port) <= plane.get("border_ports", 0):
            found.append(f"port {port} of {device} lies beyond its {plane.get('border_ports', 0)}")
    return found


def _overfull(plane: Plane, layers: dict[int, list[list[str]]], partners: list[list[str]]) -> list[str]:
    """Hold a leaf's links of two rates against its ports, and see that no port is split for both."""
    below, above = _sent(plane, layers[0]), Counter(map(BELOW, layers[1] + partners))
    above.update(map(ABOVE, partners))
    slowest, uplink = min(_rates(plane)), plane.get("uplink") or plane["link"]
    to_hosts_room = plane["radix"] * slowest
    room = to_hosts_room + plane.get("uplink_ports", 0) * uplink
    found = []
    for leaf in {*below, *above}:
        used = below[leaf] + above[leaf] * uplink
        if used > room or below[leaf] > to_hosts_room:
            found.append(f"{leaf} has links of {used} bits a second and ports of {room}")
    to_hosts = {(row[2], row[3].partition("/")[0]) for row in layers[0]}
    to_spines = {(row[0], row[1].partition("/")[0]) for row in layers[1] + partners}
    to_spines |= {(row[2], row[3].partition("/")[0]) for row in partners}
    return found + [f"port {port} of {leaf} is split for two rates" for leaf, port in to_hosts & to_spines]


def _rates(plane: Plane) -> list[int]:
    """Give the rates of links to hosts."""
    return [plane["link"], *plane.get("host_rates", {}).values()]


def _sent(plane: Plane, cables: list[list[str]]) -> Counter[str]:
    """Give what the hosts of each leaf can send, in bits a second."""
    rates = plane.get("host_rates", {})
    sent: Counter[str] = Counter()
    for row in cables:
        sent[row[2]] += rates.get(row[0], plane["link"])
    return sent


def _split(plane: Plane, layers: dict[int, list[list[str]]]) -> list[str]:
    """Check that a leaf's port is whole or split, and that all parts of it have one rate."""
    rates = plane.get("host_rates", {})
    parts: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    speeds: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for row in layers[0]:
        whole, _, part = row[3].partition("/")
        parts[row[2], whole].add(part)
        speeds[row[2], whole].add(rates.get(row[0], plane["link"]))
    for row in layers[1]:
        whole, _, part = row[1].partition("/")
        parts[row[0], whole].add(part)
    found = [
        f"port {whole} of {leaf} is whole and split"
        for (leaf, whole), members in parts.items()
        if "" in members and len(members) > 1
    ]
    return found + [
        f"port {whole} of {leaf} is split for hosts of two rates"
        for (leaf, whole), members in speeds.items()
        if len(members) > 1
    ]


def _rails(plane: Plane, cables: list[list[str]]) -> list[str]:
    """Check that each rail keeps to its own leaves, and that a machine has every rail once."""
    found = []
    leaf_rail = {device["name"]: device["rail"] for device in plane["switches"] if device["tier"] == "leaf"}
    rails_of: defaultdict[str, list[int]] = defaultdict(list)
    first: defaultdict[str, set[int]] = defaultdict(set)
    matches = ((port, MACHINE_PORT.fullmatch(port)) for port in {row[1] for row in cables})
    number = {port: int(match[2]) for port, match in matches if match and match[1] == plane["role"]}
    several = plane.get("leaf_rails", 1)
    least: dict[str, int] = {}
    for host, port, _, _ in cables:
        least[host] = min(number.get(port, 0), least.get(host, number.get(port, 0)))
    for host, port, leaf, _ in cables:
        if port not in number:
            found.append(f"{host} has a port called {port!r} on a {plane['role']} fabric")
            continue
        rail = leaf_rail[leaf]
        if several > 1:
            rail = number[port] - (plane.get("first_rail", 0) if "-manager-" in host else least[host])
            if not leaf_rail[leaf] <= rail < leaf_rail[leaf] + several:
                found.append(
                    f"{port} of {host} ends at {leaf} "
                    f"of rails {leaf_rail[leaf]} to {leaf_rail[leaf] + several - 1}"
                )
        rails_of[host].append(rail)
        first[host].add(number[port] - rail)
    everything = list(range(plane["rails"]))
    for host, rails in rails_of.items():
        manager = "-manager-" in host
        if not manager and sorted(rails) != everything:
            found.append(f"{host} joins rails {sorted(rails)} of {plane['rails']}")
        if len(first[host]) != 1:
            found.append(f"{host} has ports that end at leaves of other rails")
    return found


def _units(plane: Plane, layers: dict[int, list[list[str]]], units: dict[str, tuple[str, str]]) -> list[str]:
    """Check port i of machines on rail i, and that a scalable unit that fits a leaf shares one a rail."""
    if plane["role"] != "compute":
        return []
    found = []
    leaf_rail = {device["name"]: device["rail"] for device in plane["switches"] if device["tier"] == "leaf"}
    members: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    leaves: defaultdict[tuple[tuple[str, str], int], set[str]] = defaultdict(set)
    for host, port, leaf, _ in layers[0]:
        if host not in units:
            continue
        members[units[host]].add(host)
        leaves[units[host], leaf_rail[leaf]].add(leaf)
        of_machine = int(port.removeprefix(plane["role"]).partition("/")[0])
        own = of_machine - plane.get("first_rail", 0) - leaf_rail[leaf]
        if not 0 <= own < plane.get("leaf_rails", 1):
            found.append(f"{port} of {host} ends at {leaf} of rail {leaf_rail[leaf]}")
    room = plane.get("leaf_places") or plane["radix"] - (plane["leaf_spine"] // plane["leaf"])
    rates, unit_rate = plane.get("host_rates", {}), math.gcd(*_rates(plane))
    largest: Counter[str] = Counter()
    for (pool, _), hosts in members.items():
        taken = sum(rates.get(host, plane["link"]) // unit_rate for host in hosts) if rates else len(hosts)
        largest[pool] = max(largest[pool], taken)
    for ((pool, unit), rail), where in leaves.items():
        if largest[pool] <= room and len(where) > 1:
            found.append(
                f"scalable unit {unit} is spread over {len(where)} leaves of rail {rail}, "
                "and one would hold it"
            )
    return found


def _connected(layers: dict[int, list[list[str]]]) -> list[str]:
    """Check that every endpoint reaches every other through switches alone, from the first leaf on."""
    if not layers[0]:
        return ["nothing joins it"]
    near: defaultdict[str, list[str]] = defaultdict(list)
    for below, above in set(map(itemgetter(0, 2), layers[1] + layers[2])):
        near[below].append(above)
        near[above].append(below)
    waiting = [layers[0][0][2]]
    seen = set(waiting)
    while waiting:
        fresh = set(near[waiting.pop()]) - seen
        seen |= fresh
        waiting += fresh
    lost = set(map(ABOVE, layers[0])) - seen
    return [f"{len(lost)} leaves are cut off, {min(lost)} among them"] if lost else []


def _capacity(plane: Plane, layers: dict[int, list[list[str]]]) -> list[str]:
    """Prove the bisection (see above), or say where the proof breaks."""
    unit = math.gcd(*_rates(plane))
    below = Counter({leaf: bits // unit for leaf, bits in _sent(plane, layers[0]).items()})
    half = sum(below.values()) // 2
    if not layers[1]:
        carried, over = half, Fraction(1)
    else:
        weight = Fraction(plane.get("uplink") or plane["link"], unit)
        above = Counter(map(BELOW, layers[1]))
        if plane.get("leaf_leaf"):
            above.update(map(ABOVE, layers[1]))
            sure: dict[str, Fraction] = {leaf: Fraction(count) for leaf, count in above.items()}
        else:
            found = _uneven(layers[1], layers[2], by_one=bool(plane.get("uneven")))
            if found:
                return found
            sure = (
                _sure(layers[1], layers[2])
                if plane.get("uneven")
                else {leaf: Fraction(count) for leaf, count in above.items()}
            )
        # What is outside sends too, as far as the ratio is concerned.
        sent = Counter({leaf: Fraction(count) for leaf, count in below.items()})
        for row in plane["cables"][len(plane["cables"]) - plane.get("outside", 0) :]:
            if row[2] in above:
                sent[row[2]] += Fraction(plane["outside_link"], unit)
        over = max(count / (above[leaf] * weight) for leaf, count in sent.items())
        shares = sorted(
            (min(sure[leaf] * weight / count, Fraction(1)), count) for leaf, count in below.items()
        )
        total, left = Fraction(0), half
        for share, count in shares:
            total += share * min(count, left)
            left -= min(count, left)
        carried = int(total)
    found = []
    if plane["bisection"] != carried * unit:
        found.append(f"bisection is said to be {plane['bisection']} bits a second, and is {carried * unit}")
    if plane["oversubscription"] != f"{over.numerator}:{over.denominator}":
        found.append(
            f"oversubscription is said to be {plane['oversubscription']}, "
            f"and is {over.numerator}:{over.denominator}"
        )
    return found


def _sure(middle: list[list[str]], high: list[list[str]]) -> dict[str, Fraction]:
    """Return what each leaf surely sends: over as many links to each spine as to the one with the fewest."""
    least: dict[str, int] = {}
    met: Counter[str] = Counter()
    for layer in (middle, high):
        for (lower, _), count in Counter(map(itemgetter(0, 2), layer)).items():
            least[lower] = min(count, least.get(lower, count))
            met[lower] += 1
    load: Counter[str] = Counter()
    for leaf, spine in set(map(itemgetter(0, 2), middle)):
        load[spine] += least[leaf]
    passes = Fraction(1)
    if high:
        passes = min(passes, *(Fraction(least[spine] * met[spine], count) for spine, count in load.items()))
    return {leaf: least[leaf] * met[leaf] * passes for leaf in set(map(BELOW, middle))}


def _uneven(middle: list[list[str]], high: list[list[str]], *, by_one: bool = False) -> list[str]:
    """Check all that the proof of bisection rests on; `by_one` allows links that differ by one."""
    spread = 1 if by_one else 0
    links: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (leaf, spine), count in Counter(map(itemgetter(0, 2), middle)).items():
        links[leaf][spine] = count
    for leaf, spines in links.items():
        if max(spines.values()) - min(spines.values()) > spread:
            return [
                f"{leaf} has between {min(spines.values())} and {max(spines.values())} links to its spines"
            ]
    pods = {frozenset(spines) for spines in links.values()}
    if sum(map(len, pods)) != len(frozenset().union(*pods)):
        return ["a spine serves two pods of leaves"]
    if not high:
        return [] if len(pods) == 1 else [f"{len(pods)} pods of leaves meet nowhere"]
    down = Counter(map(ABOVE, middle))
    up = Counter(map(BELOW, high))
    found = [
        f"{spine} has {count} links below and {up[spine]} above"
        for spine, count in down.items()
        if up[spine] < count
    ]
    pod_of = {spine: number for number, spines in enumerate(pods) for spine in spines}
    meets: defaultdict[int, Counter[str]] = defaultdict(Counter)
    of_spine: defaultdict[str, set[int]] = defaultdict(set)
    for (spine, core), count in Counter(map(itemgetter(0, 2), high)).items():
        meets[pod_of[spine]][core] += count
        of_spine[spine].add(count)
    cores = {row[2] for row in high}
    shares = _shares(pods, set(map(itemgetter(0, 2), high)))
    for number, pod in enumerate(pods):
        counts = meets[number].values()
        even = not by_one or max(counts) - min(counts) <= 1
        same = shares[number] == shares[0] and set(meets[number]) == cores
        if len({up[spine] for spine in pod}) != 1 or not same or not even:
            found.append(f"the pod of {min(pod)} does not meet every core with its share of links")
    found += [
        f"{spine} has between {min(counts)} and {max(counts)} links to its cores"
        for spine, counts in of_spine.items()
        if max(counts) - min(counts) > spread
    ]
    return found


def _shares(pods: Iterable[frozenset[str]], meetings: set[tuple[str, str]]) -> list[dict[str, Fraction]]:
    """Return for each pod what share of its traffic each core gets when all is spread evenly."""
    above: defaultdict[str, list[str]] = defaultdict(list)
    for spine, core in meetings:
        above[spine].append(core)
    shares = []
    for pod in pods:
        share: defaultdict[str, Fraction] = defaultdict(Fraction)
        # Spines that meet as many cores are counted before a fraction is made of them.
        times: Counter[tuple[str, int]] = Counter()
        for spine in pod:
            times.update((core, len(above[spine])) for core in above[spine])
        for (core, met), count in times.items():
            share[core] += Fraction(count, len(pod) * met)
        shares.append(dict(share))
    return shares


def main(path: str) -> int:
    """Check a file; print what was found."""
    plan = json.loads(Path(path).read_bytes())
    found = findings(plan)
    for text in found[:MOST_SHOWN]:
        sys.stdout.write(f"{text}\n")
    if len(found) > MOST_SHOWN:
        sys.stdout.write(f"and {len(found) - MOST_SHOWN} more\n")
    cables = sum(len(plane["cables"]) for plane in plan["fabrics"])
    sys.stdout.write(f"{len(plan['fabrics'])} planes, {cables} cables: {len(found)} findings\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
