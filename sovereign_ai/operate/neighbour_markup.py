r"""LLDP neighbours as XML and as lines of keys: for programs, and read alike.

| form | recognised by |
|---|---|
| `lldpctl -f xml` | its root, `lldp` |
| Junos, `show lldp neighbors [detail] | display xml` | `lldp-neighbors-information` in any namespace |
| `lldpctl -f keyvalue` | lines such as `lldp.swp1.chassis.name=spine1` |

    >>> text = "lldp.swp1.via=LLDP\nlldp.swp1.chassis.name=spine1\nlldp.swp1.port.ifname=swp7\n"
    >>> [row] = read_keys(text, "leaf.txt")
    >>> row.ports, row.device, row.peer_ports
    (('swp1',), 'spine1', ('swp7',))
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET
from xml.parsers.expat import ExpatError

from sovereign_ai.errors import Problem, UsageError, Where
from sovereign_ai.files import NEIGHBOURS, hidden
from sovereign_ai.operate.neighbour_forms import JUNOS_FIELDS, LldpNeighbour, junos_neighbour, lldp_neighbour

_LONGEST = 512
_MOST_NEIGHBOURS = 10_000
_KEY = re.compile(
    r"lldp\.(?P<port>\S+?)\.(?P<key>via|chassis\.(?:name|descr)|port\.(?:ifname|local|descr))=(?P<value>.*)"
)
_END_OF_MESSAGE = "]]>]]>"
"""What NETCONF ends a message with."""
_BEGIN = "via"
"""The key with which each neighbour of a port begins."""


def is_markup(text: str) -> bool:
    """Return whether a text is XML, or lines of keys."""
    return text.lstrip().startswith("<") or are_keys(text)


def are_keys(text: str) -> bool:
    """Return whether a text is what `lldpctl -f keyvalue` prints."""
    return any(_KEY.fullmatch(line) for line in text.splitlines()[:40])


def read_markup(text: str, file: str) -> list[LldpNeighbour]:
    """Read XML or lines of keys.

    Raises:
        UsageError: it is no neighbours, or has no name for a port.
    """
    return read_keys(text, file) if are_keys(text) else read_xml(text, file)


def read_keys(text: str, file: str) -> list[LldpNeighbour]:
    """Read `lldpctl -f keyvalue`.

    Raises:
        UsageError: a value of invisible characters.
    """
    rows: list[LldpNeighbour] = []
    port = ""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = _KEY.fullmatch(line)
        if match is None:
            # A description may go on in further lines.
            continue
        if match["port"] != port or match["key"] == _BEGIN:
            rows += _of_keys(port, found)
            port, found = match["port"], {}
        found.setdefault(match["key"], _visible(match["value"], Where(file, number)))
    return [*rows, *_of_keys(port, found)]


def _of_keys(port: str, found: dict[str, str]) -> Iterator[LldpNeighbour]:
    """Yield the neighbour that some keys tell, if they tell one."""
    peers = [found.get(f"port.{name}", "") for name in ("ifname", "local", "descr")]
    if port:
        yield lldp_neighbour(port, found.get("chassis.name", ""), peers, "", found.get("chassis.descr", ""))


def read_xml(text: str, file: str) -> list[LldpNeighbour]:
    """Read the XML of lldpctl or of Junos.

    Raises:
        UsageError: it is no XML, declares a document type, or is another document.
    """
    # What a switch prints declares none.
    if "<!" in text:
        raise _mismatch(file, "XML without a document type, comments or CDATA")
    try:
        # Without a document type there are no entities, which could grow without bound.
        root = ET.fromstring(text.strip().removesuffix(_END_OF_MESSAGE))  # noqa: S314
    except (ET.ParseError, ExpatError, ValueError) as error:
        raise _mismatch(file, f"XML: {error}") from error
    rows = list(_of_lldpctl(root, file) if _name(root) == "lldp" else _of_junos(root, file))
    if len(rows) > _MOST_NEIGHBOURS:
        raise _mismatch(file, f"at most {_MOST_NEIGHBOURS:,} neighbours")
    return rows


def _of_lldpctl(root: ET.Element, file: str) -> Iterator[LldpNeighbour]:
    """Yield the neighbours of `lldpctl -f xml`."""
    for entry in root.iter("interface"):
        port = entry.get("name", "")
        if not port:
            raise _mismatch(file, "the name of each interface")
        identifier = entry.find("port/id")
        is_address = identifier is None or identifier.get("type") == "mac"
        peers = ["" if is_address else _text(entry, "port/id", file), _text(entry, "port/descr", file)]
        about = entry.findtext("chassis/descr", "")[:_LONGEST]
        yield lldp_neighbour(port, _text(entry, "chassis/name", file), peers, "", about)


def _of_junos(root: ET.Element, file: str) -> Iterator[LldpNeighbour]:
    """Yield the neighbours of Junos' XML, whose namespace holds its version."""
    tables = [part for part in root.iter() if _name(part) == "lldp-neighbors-information"]
    if not tables:
        raise _mismatch(file, "neighbours of lldpctl or of Junos")
    for table in tables:
        for entry in table:
            if _name(entry) != "lldp-neighbor-information":
                continue
            found: dict[str, str] = {}
            for part in entry.iter():
                if (name := _name(part)) in JUNOS_FIELDS:
                    text = (part.text or "").strip()
                    is_description = name == JUNOS_FIELDS[-1]
                    found.setdefault(name, text[:_LONGEST] if is_description else _visible(text, Where(file)))
            if not any(found.get(name) for name in JUNOS_FIELDS[:2]):
                raise _mismatch(file, " or ".join(JUNOS_FIELDS[:2]))
            yield junos_neighbour(found)


def _name(part: ET.Element) -> str:
    """Return an element's name without its namespace."""
    return part.tag.rpartition("}")[2]


def _text(entry: ET.Element, path: str, file: str) -> str:
    """Return the text of a part of an interface; empty where there is none."""
    return _visible((entry.findtext(path) or "").strip(), Where(file))


def _visible(value: str, where: Where) -> str:
    """Return a value.

    Raises:
        UsageError: it is too long, or holds letters that cannot be seen.
    """
    if len(value) > _LONGEST or hidden(value, "") is not None:
        message = f"it is not {NEIGHBOURS.noun}: expected a text of at most {_LONGEST} visible characters"
        raise UsageError(Problem("not-lldp", message, where, NEIGHBOURS.hint))
    return value.strip().strip('"')


def _mismatch(file: str, expected: str) -> UsageError:
    """Return the error of a file that is not as expected."""
    message = f"it is not {NEIGHBOURS.noun}: expected {expected}"
    return UsageError(Problem("not-lldp", message, Where(file), NEIGHBOURS.hint))
