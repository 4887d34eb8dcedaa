r"""LLDP neighbours printed as paragraphs: what a person sees who asks a switch for details.

| form | a neighbour begins with |
|---|---|
| `lldpctl`, SONiC's `show lldp neighbors`, NVUE's `nv show interface lldp-detail` | `Interface:` |
| NX-OS, `show lldp neighbors detail` | `Chassis id:` |
| EOS, `show lldp neighbors detail` | `Neighbor`, below `Interface Ethernet1 detected 1 LLDP neighbors:` |
| Junos, `show lldp neighbors detail` | `LLDP Neighbor Information:` |
| IOS and IOS XR, `show lldp neighbors detail` | `Local Intf:`, `Local Interface:` |
| VRP, `display lldp neighbor` | `Neighbor index`, below `GE1/0/11 has 1 neighbor(s):` |
| Comware, `display lldp neighbor-information verbose` | `LLDP neighbor index`, below `... of port 1[...]:` |
| AOS-CX, `show lldp neighbor-info detail` | `Port :` |

    >>> text = "Interface:    swp1, via: LLDP\n    SysName:      leaf\n    PortID:       ifname swp7\n"
    >>> [row] = read_neighbour_records(text, "spine.txt")
    >>> row.ports, row.device, row.peer_ports
    (('swp1',), 'leaf', ('swp7',))
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sovereign_ai.errors import Problem, UsageError, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.operate.neighbour_forms import LldpNeighbour, lldp_neighbour, too_long
from sovereign_ai.operate.port_names import system_of_ports

_MOST_PROBLEMS = 100
_NOT_ADVERTISED = ("", "not advertised", "null")
"""What NX-OS prints for what a neighbour does not tell."""


@frozen_dataclass
class _RecordForm:
    """How one system prints a neighbour.

    Attributes:
        port: the line with the own port; in EOS it is above all neighbours of that port.
        begin: the first line of a neighbour.
        fields: the name of a field to its line; the first line of a neighbour that matches counts.
        system: whose port names they are, as `linux_names` takes it.
        own_below: whether a neighbour's own port is told below its first line.
    """

    port: re.Pattern[str]
    begin: re.Pattern[str]
    fields: Mapping[str, re.Pattern[str]]
    system: str = ""
    own_below: bool = False


_LLDPCTL = re.compile(r"Interface: +(?P<value>[^\s,]+)(?:,.*)?")
_IOS = re.compile(r"Local Int(?:f|erface): *(?P<value>\S+)")
_AOS = re.compile(r"Port +: (?P<value>\d+/\d+/\d+(?::\d)?)")
_IOS_FORM = _RecordForm(
    _IOS,
    _IOS,
    {
        "device": re.compile(r"System Name: *(?P<value>.*)"),
        "id": re.compile(r"Port id: *(?P<value>.*)"),
        "description": re.compile(r"Port Description: *(?P<value>.*)"),
        # The description of the system begins on the line below its name.
        "about": re.compile(r"(?P<value>(?:Cisco (?:IOS|NX-OS|Nexus)|Arista Networks|Juniper Networks).*)"),
    },
    "ios",
)
_VRP_FORM = _RecordForm(
    re.compile(r"(?P<value>\S+) has [1-9]\d* neighbor(?:s|\(s\)):"),
    re.compile(r"Neighbor index *:.*"),
    {
        "device": re.compile(r"System name *:(?P<value>.*)"),
        "id": re.compile(r"Port ID *:(?P<value>.*)"),
        "description": re.compile(r"Port description *:(?P<value>.*)"),
        "about": re.compile(r"System description *:(?P<value>.*)"),
    },
    "vrp",
)
_COMWARE_FORM = _RecordForm(
    re.compile(r"LLDP neighbor-information of port \d+\[(?P<value>[^\]\s]+)\]:"),
    re.compile(r" *LLDP neighbor index *:.*"),
    {
        "device": re.compile(r" *System name *: (?P<value>.*)"),
        "id": re.compile(r" *Port ID *: (?P<value>.*)"),
        "description": re.compile(r" *Port description *: (?P<value>.*)"),
        "about": re.compile(r" *System description *: (?P<value>.*)"),
    },
    "comware",
)
_AOS_CX_FORM = _RecordForm(
    _AOS,
    _AOS,
    {
        "device": re.compile(r"Neighbor Chassis-Name +: (?P<value>.*)"),
        "id": re.compile(r"Neighbor Port-ID +: (?P<value>.*)"),
        "description": re.compile(r"Neighbor Port-Desc +: (?P<value>.*)"),
        "about": re.compile(r"Neighbor Chassis-Description +: (?P<value>.*)"),
    },
    "aos-cx",
)
_LLDPCTL_FORM = _RecordForm(
    _LLDPCTL,
    _LLDPCTL,
    {
        "device": re.compile(r"\s+SysName: +(?P<value>.*)"),
        "id": re.compile(r"\s+PortID: +(?:ifname|local|ifalias) +(?P<value>.*)"),
        "description": re.compile(r"\s+PortDescr: +(?P<value>.*)"),
        "about": re.compile(r"\s+SysDescr: +(?P<value>.*)"),
    },
)
_NX_OS_FORM = _RecordForm(
    re.compile(r"Local Port id: *(?P<value>\S+)"),
    re.compile(r"Chassis id: .*"),
    {
        "device": re.compile(r"System Name: *(?P<value>.*)"),
        "id": re.compile(r"Port id: *(?P<value>.*)"),
        "description": re.compile(r"Port Description: *(?P<value>.*)"),
        "about": re.compile(r"System Description: *(?P<value>.*)"),
    },
    "nxos",
    own_below=True,
)
_EOS_FORM = _RecordForm(
    re.compile(r"Interface (?P<value>\S+) detected \d+ LLDP neighbors?:"),
    re.compile(r"\s+Neighbor \S+/.*"),
    {
        "device": re.compile(r"[\s-]+System Name: \"(?P<value>.*)\""),
        "id": re.compile(r"\s+Port ID +: \"?(?P<value>[^\"]*)\"?"),
        "description": re.compile(r"[\s-]+Port Description: \"(?P<value>.*)\""),
        "about": re.compile(r"[\s-]+System Description: \"(?P<value>.*?)\"?"),
    },
    "eos",
)
_JUNOS_FORM = _RecordForm(
    re.compile(r"Local Interface +: (?P<value>\S+)"),
    re.compile(r"LLDP Neighbor Information:.*"),
    {
        "device": re.compile(r"System name +: (?P<value>.*)"),
        "id": re.compile(r"Port ID +: (?P<value>.*)"),
        "description": re.compile(r"Port description +: (?P<value>.*)"),
        "about": re.compile(r"System Description +: (?P<value>.*)", re.IGNORECASE),
    },
    "junos",
    own_below=True,
)
_FORMS = (
    _IOS_FORM,
    _VRP_FORM,
    _COMWARE_FORM,
    _AOS_CX_FORM,
    _LLDPCTL_FORM,
    _NX_OS_FORM,
    _EOS_FORM,
    _JUNOS_FORM,
)


def are_neighbour_records(text: str) -> bool:
    """Return whether a text is a list of LLDP neighbours in paragraphs."""
    return _form(text) is not None


def _form(text: str) -> _RecordForm | None:
    """Return the form of a text; None for another text."""
    for line in text.splitlines()[:100]:
        for form in _FORMS:
            if form.begin.fullmatch(line) or form.port.fullmatch(line):
                return form
    return None


def read_neighbour_records(text: str, file: str) -> list[LldpNeighbour]:
    """Read neighbours in paragraphs.

    Raises:
        UsageError: a neighbour without the own port or without anything that names the other, each with its
            line: the text is cut.
    """
    form = _form(text)
    rows: list[LldpNeighbour] = []
    problems: list[Problem] = []
    paragraphs = list(_paragraphs(text, form)) if form else []
    system = form.system if form else ""
    if system == "vrp":
        system = system_of_ports(found["port"] for _, found in paragraphs)
    for number, found in paragraphs:
        about = found.pop("about", "")
        problems += too_long(found.values(), Where(file, number))
        peers = [found.get("id", ""), found.get("description", "")]
        if found["port"] and (found.get("device") or any(peers)):
            rows.append(lldp_neighbour(found["port"], found.get("device", ""), peers, system, about))
        else:
            message = "a neighbour without its ports' names: the text is cut, or its system leaves them out"
            hint = "keep the whole text as it was printed, or take what is printed without `detail`"
            problems.append(Problem("bad-row", message, Where(file, number), hint))
    if problems:
        raise UsageError(problems[:_MOST_PROBLEMS])
    return rows


def _paragraphs(text: str, form: _RecordForm) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the first line and the fields of each neighbour."""
    port = ""
    begun: tuple[int, dict[str, str]] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        own = form.port.fullmatch(line.rstrip())
        if own:
            port = own["value"]
        if form.begin.fullmatch(line.rstrip()):
            if begun:
                yield begun
            begun = number, {"port": "" if form.own_below else port}
        elif begun and own:
            if form.own_below:
                begun[1]["port"] = port
            else:
                # The next port of EOS, which may have no neighbour.
                yield begun
                begun = None
        elif begun:
            _take(form, line.rstrip(), begun[1])
    if begun:
        yield begun


def _take(form: _RecordForm, line: str, found: dict[str, str]) -> None:
    """Note the field of a line; EOS has further numbers under the same words below."""
    for name, pattern in form.fields.items():
        if name not in found and (match := pattern.fullmatch(line)):
            value = match["value"].strip()
            found[name] = "" if value in _NOT_ADVERTISED else value
