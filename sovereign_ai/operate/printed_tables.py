r"""MAC, neighbour and port tables as switches and Linux print them for a person.

| command | of |
|---|---|
| `show mac address-table`, `show ip arp` | IOS, NX-OS, EOS |
| `show interfaces status`, `show interface status` | IOS, EOS, SONiC; NX-OS |
| `display mac-address`, `show mac` | VRP, Comware; SONiC |
| `bridge fdb show`, `ip neigh show`, `ip -br link show` | Linux |

Rows are returned as iproute2's JSON has them, so that one reader judges both.

    >>> text = "Vlan    Mac Address       Type        Ports\n  10    0200.5e00.0001    DYNAMIC     Gi1/0/7\n"
    >>> printed_addresses(text)
    [{'mac': '02:00:5e:00:00:01', 'ifname': 'Gi1/0/7'}]
    >>> printed_states("swp1    UP    02:00:5e:00:00:01 <BROADCAST,MULTICAST,UP,LOWER_UP>\n", "leaf.txt")
    [{'ifname': 'swp1', 'operstate': 'UP'}]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sovereign_ai.errors import Problem, UsageError, Where

_MOST_LINES = 200
"""Lines in which a table is recognised; banners and legends may stand above it."""
_WIDEST = 512
_MOST_PROBLEMS = 100
_MAC = re.compile(
    r"(?<![\w:.-])(?:(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}|"
    r"(?:[0-9A-Fa-f]{4}[.-]){2}[0-9A-Fa-f]{4})(?![\w:.-])"
)
"""A MAC address as Linux, as Cisco and Arista, and as Huawei and H3C write it."""
_PORT = re.compile(
    # A letter, and a number at its end: `swp7s1`, `Gi1/0/7`, `et-0/0/6:1`, `10GE1/0/1`, `Ethernet24`.
    r"(?=[\w-]*[A-Za-z])[\w-]{1,32}\d(?:/\d{1,3}){0,3}(?::\d{1,2})?(?:s\d{1,2})?"
)
_NO_PORT = re.compile(
    r"(?:po|port-channel|portchannel|ae|lag|lg|bond|eth-trunk|bagg|bridge-aggregation|"
    r"vl|vlan|vlan-|vlanif|vx|vxlan|br|lo|loopback|tunnel)\d.*",
    re.IGNORECASE,
)
"""Names of what has no cable: bundles of ports, networks and tunnels."""
_ADDRESS_HEAD = re.compile(
    r"\W*(?:no\.?\s+)?(?:vlan|destination|mac|hardware|address|protocol)\b.*\b(?:mac|hardware|address|addr).*"
    r"\b(?:ports?|interface|learned-from)\b.*",
    re.IGNORECASE,
)
_LINUX_ADDRESS = re.compile(
    rf"(?:\S+ dev (\S+) lladdr ({_MAC.pattern})|({_MAC.pattern}) dev (\S+))((?: \S+)*) *"
)
_STATUS_HEAD = re.compile(r"Port +Name +Status +Vlan +Duplex +Speed.*")
_SONIC_HEAD = re.compile(r" *Interface +Lanes +Speed +.*\bOper +Admin\b.*")
_BRIEF = re.compile(
    r"(\S{1,32}?)(?:@\S+)? +(UP|DOWN|UNKNOWN|LOWERLAYERDOWN|DORMANT|NOTPRESENT) +(\S+ +)?<[A-Z0-9_,-]+>"
)
_UP = frozenset({"connected", "up", "monitoring"})
_DOWN = frozenset(
    {
        *("notconnect", "notconnec", "notconnected", "disabled", "down", "inactive", "suspended", "suspnd"),
        *("err-disabled", "errdisabled", "errdisable", "err-disabl", "xcvrabsen", "xcvrabsent", "sfpabsent"),
        *(
            "sfpinvali",
            "xcvrinval",
            "linkflape",
            "channeldo",
            "faulty",
            "sdwrongsp",
            "admindown",
            "noopermem",
        ),
        *("nooperme", "hwfailure", "softwaref", "unknown", "udldempty", "vlaninact"),
    }
)


def _first(text: str) -> list[str]:
    """Return the lines in which a table is recognised: no head of one is longer than a wide terminal."""
    return [line for line in text.splitlines()[:_MOST_LINES] if len(line) <= _WIDEST]


def are_printed_addresses(text: str) -> bool:
    """Return whether a text is a MAC or neighbour table."""
    return any(_ADDRESS_HEAD.fullmatch(line) or _LINUX_ADDRESS.fullmatch(line) for line in _first(text))


def printed_addresses(text: str) -> list[dict[str, Any]]:
    """Return the rows of a MAC or neighbour table that name one address and one port with a cable.

    A line without both is a legend, a total, or an address of the switch itself, of a bundle or a network.
    """
    rows: list[dict[str, Any]] = []
    for line in text.splitlines():
        if linux := _LINUX_ADDRESS.fullmatch(line):
            port, mac = linux[1] or linux[4], linux[2] or linux[3]
            rows.append({"mac": _plain(mac), "ifname": port, "state": linux[5].split()})
            continue
        found = list(_MAC.finditer(line))
        if len(found) == 1:
            names = [word for word in re.split(r"[\s,]+", line[found[0].end() :]) if _has_cable(word)]
            if len(names) == 1:
                rows.append({"mac": _plain(found[0][0]), "ifname": names[0]})
    return rows


def _has_cable(word: str) -> bool:
    """Return whether a word is the name of a port that a cable may end at."""
    return bool(_PORT.fullmatch(word)) and not _NO_PORT.fullmatch(word)


def _plain(mac: str) -> str:
    """Return a MAC address as Linux writes it."""
    digits = re.sub(r"[^0-9a-f]", "", mac.lower())
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def are_printed_states(text: str) -> bool:
    """Return whether a text is a table of port states."""
    heads = (_STATUS_HEAD, _SONIC_HEAD, _BRIEF)
    return any(head.fullmatch(line) for line in _first(text) for head in heads)


def printed_states(text: str, file: str) -> list[dict[str, Any]]:
    """Return the ports of a table of port states.

    Raises:
        UsageError: rows without a state that is known, each with its line.
    """
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for number, port, state in _states(text):
        word = state.lower()
        if word in _UP or word in _DOWN:
            rows.append({"ifname": port, "operstate": "UP" if word in _UP else "DOWN"})
        else:
            message = f"the row of {port[:32]} has no state that is known"
            where = Where(file, number)
            problems.append(Problem("bad-row", message, where, "keep the table as it was printed"))
    if problems:
        raise UsageError(problems[:_MOST_PROBLEMS])
    return rows


def _states(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the port and the state of each row."""
    column = 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.expandtabs().rstrip()
        words = line.split()
        if _STATUS_HEAD.fullmatch(line):
            column = line.index("Status")
        elif _SONIC_HEAD.fullmatch(line):
            # Cells are aligned to the right: the end of a head is that of its cells.
            column = -(line.index("Oper") + len("Oper"))
        elif brief := _BRIEF.fullmatch(line):
            yield number, brief[1], "up" if brief[2] == "UP" else "down"
        elif len(words) > 2 and column and _PORT.fullmatch(words[0]):
            yield number, words[0], _cell(line, column)


def _cell(line: str, column: int) -> str:
    """Return the state of a row: in its column, or the only word of the row that is a state.

    A long name of a port pushes the columns of its row to the right; in a row that is not pushed no other
    word counts, since a name may be `connected to a spine`.
    """
    end = abs(column)
    words = (line[end:] if column > 0 else line[:end]).split() or [""]
    # IOS adds why after a colon: `notconnect: TDR`.
    word = (words[0] if column > 0 else words[-1]).rstrip(":")
    edge = line[end - 1 : end + 1] if column > 0 else line[end - 1 : end + 1][::-1]
    is_aligned = edge[:1] == " " and edge[1:] not in ("", " ")
    if is_aligned or word.lower() in _UP | _DOWN:
        return word
    states = [other for other in line.split()[1:] if other.lower() in _UP | _DOWN]
    return states[0] if len(states) == 1 else word
