r"""What switches and machines print of their LLDP neighbours, whoever made them.

| form | recognised by |
|---|---|
| `lldpctl -f json0` and `-f json` | `lldp` |
| NX-OS, `show lldp neighbors [detail] | json` | `TABLE_nbor_detail` or `TABLE_nbor` |
| EOS, `show lldp neighbors [detail] | json` | `lldpNeighbors` |
| Junos, `show lldp neighbors [detail] | display json` | `lldp-neighbors-information` |
| NVUE, `nv show interface --view lldp-detail -o json` and the like | `lldp` below each interface |
| `show lldp table` of SONiC, `show lldp neighbors` of NX-OS, IOS, EOS and Junos, NVUE's table | their heads |

A neighbour may tell its port in two ways, as identifier and as description, and which of them is its name
differs by maker: SONiC's identifier is the label of the front panel, Junos' a number of its own, and a
machine's may be a MAC address. So both are returned, and who knows the plan takes the one that it has. Where
the neighbour's description names its system, its ports are read as that system names them.

    >>> table = "Port Neighbor Device ID Neighbor Port ID TTL\n---- ------------------ ---------------- ---\n"
    >>> [row] = read_table(table + "Et7  spine1             Ethernet1/1      120\n", "leaf.txt")
    >>> row.ports, row.device, row.peer_ports
    (('Et7', 'swp7'), 'spine1', ('Ethernet1/1', 'swp1'))
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sovereign_ai.errors import Problem, UsageError, Where
from sovereign_ai.files import NEIGHBOURS, Json, hidden, parse_json, refuse_secrets
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.operate.labels import lldpctl_rows
from sovereign_ai.operate.port_names import linux_names, system_of
from sovereign_ai.text import counted

_LONGEST = 512
_MOST_NEIGHBOURS = 10_000
_MOST_PROBLEMS = 100
_NXOS_ROW = re.compile(
    r"(?P<device>\S+)?\s+(?P<port>\S+)\s+\d+\s+(?:[A-Za-z]+(?:, ?[A-Za-z]+)*\s+)?(?P<peer>\S+)"
)
_TABLE_RULE = re.compile(r"-+(?: +-+)+ *")


@frozen_dataclass
class LldpNeighbour:
    """A neighbour that one port hears.

    Attributes:
        ports: names of the port: as it was printed, and as Linux names that port of the front panel.
        device: the neighbour's name; empty where it tells none.
        peer_ports: names of the neighbour's port, the likeliest first.
    """

    ports: tuple[str, ...]
    device: str
    peer_ports: tuple[str, ...]


def read_neighbours(raw: bytes, file: str) -> list[LldpNeighbour]:
    """Read JSON of any of the forms.

    Args:
        raw: what was printed.
        file: the file's name, for messages.

    Raises:
        UsageError: it is something else, or everything that is wrong with it.
    """
    parsed = parse_json(raw, file, NEIGHBOURS)
    refuse_secrets(parsed.text, file, NEIGHBOURS)
    data = parsed.data
    if isinstance(data, dict) and isinstance(data.get("lldp"), list):
        return [
            lldp_neighbour(port, device, met, "", about)
            for port, device, met, about in lldpctl_rows(raw, file)
        ]
    form = _Form(parsed)
    if isinstance(data, dict):
        for key, read in _FORMS.items():
            if key in data:
                return form.finish(read(form, data[key], key))
        # NVUE lists interfaces without a neighbour too, such as `lo`.
        entries = data.values()
        is_nvue = all(isinstance(entry, dict) for entry in entries)
        if is_nvue and any("lldp" in entry for entry in entries):
            return form.finish(_nvue(form, data))
    message = "no form of LLDP neighbours that is known: expected those of lldpctl, NX-OS, EOS, Junos or NVUE"
    raise UsageError(Problem("not-lldp", message, parsed.where(""), NEIGHBOURS.hint))


def is_table(text: str) -> bool:
    """Return whether a text is a table of LLDP neighbours as switches print it."""
    return any(_system(line) for line in text.splitlines()[:40])


def read_table(text: str, file: str) -> list[LldpNeighbour]:
    """Read the table of neighbours that SONiC, NX-OS, IOS, EOS or Junos prints.

    Raises:
        UsageError: rows that do not fit below the head, each with its line.
    """
    lines = text.splitlines()
    head = next((at for at, line in enumerate(lines) if _system(line)), len(lines) - 1)
    system = _system(lines[head])
    problems: list[Problem] = []
    rows: list[LldpNeighbour] = []
    found = _nxos_rows(lines, head) if system == "nxos" else _table_rows(lines, head, system)
    for number, cells in found:
        if cells is None:
            problems.append(_bad_row(lines[number - 1], lines[head], Where(file, number)))
            continue
        problems += too_long(cells, Where(file, number))
        port, device, *peers = cells
        rows.append(lldp_neighbour(port, device, peers, system))
    if problems:
        raise UsageError(problems[:_MOST_PROBLEMS])
    return rows


def too_long(names: Iterable[str], where: Where) -> Iterator[Problem]:
    """Yield a problem for each name of a printed row that is longer than any name is."""
    for name in names:
        if len(name) > _LONGEST:
            message = f"a name has {counted(len(name), 'character')}, and the most are {_LONGEST}"
            yield Problem("bad-row", message, where, "keep the whole text as it was printed")


def _bad_row(line: str, head: str, where: Where) -> Problem:
    """Return the problem of a row that does not fit below its head."""
    column = head.find("Local Intf")
    # IOS cuts a name at its column's width, and prints the port right behind it.
    if column > 0 and len(line) > column and not line[:column].endswith(" "):
        message = f"the neighbour's name is cut after {column} characters"
        return Problem("cut-name", message, where, "use what `show lldp neighbors detail` prints")
    message = "the row does not fit below the head of the table"
    hint = "keep the table as it was printed, on a terminal wide enough"
    return Problem("bad-row", message, where, hint)


def _system(line: str) -> str:
    """Return whose table begins with a line; empty for no head of a table."""
    words = " ".join(line.split())
    if words.startswith("LocalPort RemoteDevice RemotePortID"):
        return "sonic"
    if words.startswith("Device ID Local Intf Hold-time"):
        return "nxos"
    if words.startswith("Interface Speed Type Remote Host Remote Port"):
        return "nvue"
    if words.startswith("Local Interface ") and words.endswith("Port info System Name"):
        return "junos"
    return "eos" if words.startswith("Port Neighbor Device ID Neighbor Port ID") else ""


def _nxos_rows(lines: list[str], head: int) -> Iterator[tuple[int, list[str] | None]]:
    """Yield the rows of NX-OS and IOS: columns have no ruler.

    On NX-OS a long device name has a line of its own; one with blanks ends where the next column begins.
    """
    device, column = "", lines[head].find("Local Intf")
    for number, line in enumerate(lines[head + 1 :], head + 2):
        words = line.split()
        if not words or words[0].startswith("Total"):
            continue
        if len(words) == 1 and not line[0].isspace():
            device = words[0]
            continue
        match = _NXOS_ROW.fullmatch(line.rstrip())
        name = (match["device"] if match else "") or device
        if match is None and line[:column].endswith(" "):
            match, name = _NXOS_ROW.fullmatch(f" {line[column:].rstrip()}"), line[:column].strip()
        device = ""
        yield number, [match["port"], name, match["peer"]] if match and name else None


def _table_rows(lines: list[str], head: int, system: str) -> Iterator[tuple[int, list[str] | None]]:
    """Yield the rows of SONiC, EOS, NVUE and Junos: columns as wide as their ruler, cells may be empty."""
    # Junos and older EOS print no ruler: there the columns begin where their heads do.
    spans = [match.span() for match in re.finditer(r"\S+(?: \S+)*", lines[head])]
    for number, line in enumerate(lines[head + 1 :], head + 2):
        if _TABLE_RULE.fullmatch(line):
            spans = [match.span() for match in re.finditer("-+", line)]
            continue
        # The last line of Junos says which of several engines answered: `{master:0}`.
        if not line.strip() or line.startswith(("Total", "---", "{")):
            continue
        if len(spans) < 3:
            yield number, None
            continue
        cells = []
        for begin, _ in spans:
            cells.append(line[begin:])
        row = _in_order(_cut(cells, spans), system)
        # A ruler that was cut has fewer columns than the row needs.
        yield number, row if row[0] and len(row) > 1 else None


def _in_order(values: list[str], system: str) -> list[str]:
    """Return the own port, the neighbour and what names its port, from the cells of a row."""
    if system == "nvue":
        return [values[0], *values[3:5]]
    if system == "junos":
        return [values[0], values[-1], values[-2]]
    # The last column of SONiC is the description of the neighbour's port; EOS's is a time.
    return [*values[:3], values[4]] if len(values) > 4 else values[:3]


def _cut(cells: list[str], spans: list[tuple[int, int]]) -> list[str]:
    """Return the cells of a row, each without what belongs to the next."""
    values = []
    for at, cell in enumerate(cells):
        width = spans[at + 1][0] - spans[at][0] if at + 1 < len(spans) else len(cell)
        values.append(cell[:width].strip())
    return values


def lldp_neighbour(
    port: str, device: str, peers: Sequence[str], system: str = "", description: str = ""
) -> LldpNeighbour:
    """Return a neighbour with all names of both ports.

    Args:
        port: the own port, as it was printed.
        device: the neighbour's name.
        peers: what names the neighbour's port, the likeliest first; empty ones are left out.
        system: whose own port names they are, as `linux_names` takes it.
        description: what the neighbour tells of its system.
    """
    names: list[str] = []
    for peer in peers:
        if peer:
            names += linux_names(peer, system_of(description))
    return LldpNeighbour(linux_names(port, system), device, tuple(dict.fromkeys(names)))


class _Form:
    """One file of JSON, with the problems that it has."""

    def __init__(self, parsed: Json) -> None:
        self.parsed = parsed
        self.problems: list[Problem] = []
        self.count = 0

    def mismatch(self, path: str, expected: str) -> None:
        """Note a value that is not as expected."""
        if len(self.problems) < _MOST_PROBLEMS:
            message = f"it is not {NEIGHBOURS.noun}: expected {expected}"
            self.problems.append(Problem("not-lldp", message, self.parsed.where(path), NEIGHBOURS.hint))

    def entries(self, value: object, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the objects of a list, or the one object where a switch prints no list for one."""
        rows = value if isinstance(value, list) else [value]
        for number, row in enumerate(rows):
            at = f"{path}[{number}]" if isinstance(value, list) else path
            self.count += 1
            if isinstance(row, dict) and self.count <= _MOST_NEIGHBOURS:
                yield at, row
            else:
                self.mismatch(at, f"an object, and at most {_MOST_NEIGHBOURS:,} of them")

    def members(self, value: object, path: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Yield (path, name, object) of an object whose members are objects."""
        for at, holder in self.entries(value, path):
            for name, entry in holder.items():
                for inner, row in self.entries(entry, f"{at}.{name}"):
                    yield inner, name, row

    def text(self, holder: Mapping[str, Any], path: str, *names: str, needed: bool = False) -> str:
        """Return the first text of an object under one of some names; empty where there is none."""
        for name in names:
            value = holder.get(name)
            if value in (None, ""):
                continue
            if isinstance(value, str) and len(value) <= _LONGEST and hidden(value, "") is None:
                return value.strip().strip('"')
            self.mismatch(f"{path}.{name}", f"a text of at most {_LONGEST} visible characters")
            return ""
        if needed:
            self.mismatch(path, f"{' or '.join(names)}")
        return ""

    def finish(self, rows: Iterator[LldpNeighbour]) -> list[LldpNeighbour]:
        """Return the neighbours.

        Raises:
            UsageError: everything that is wrong with the file.
        """
        found = list(rows)
        if self.problems:
            raise UsageError(self.problems)
        return found


def _description(value: object) -> str:
    """Return what a neighbour tells of its system, which has lines and is only searched for a name."""
    return value[:_LONGEST] if isinstance(value, str) else ""


def _lldpctl(form: _Form, value: object, path: str) -> Iterator[LldpNeighbour]:
    """Yield the neighbours of `lldpctl -f json`, in which names are keys and one entry is no list."""
    for at, holder in form.entries(value, path):
        place = f"{at}.interface"
        for inner, port, row in form.members(holder.get("interface", []), place):
            chassis = row.get("chassis", {})
            # A neighbour without a name has its identifier where others have their name.
            names = [name for name in chassis if name != "id"] if isinstance(chassis, dict) else []
            record = chassis[names[0]] if names else None
            about = _description(record.get("descr")) if isinstance(record, dict) else ""
            identifiers = []
            for peer_path, peer in form.entries(row.get("port"), f"{inner}.port"):
                for id_path, identifier in form.entries(peer.get("id", {}), f"{peer_path}.id"):
                    if identifier.get("type") != "mac":
                        identifiers.append(form.text(identifier, id_path, "value"))
                identifiers.append(form.text(peer, peer_path, "descr"))
            yield lldp_neighbour(port, names[0] if names else "", identifiers, "", about)


def _nxos_table(row_name: str, *device: str) -> Callable[[_Form, object, str], Iterator[LldpNeighbour]]:
    """Return a reader of NX-OS' tables, whose one row is no list."""

    def read(form: _Form, value: object, path: str) -> Iterator[LldpNeighbour]:
        for at, table in form.entries(value, path):
            for inner, row in form.entries(table.get(row_name, []), f"{at}.{row_name}"):
                port = form.text(row, inner, "l_port_id", needed=True)
                peers = [form.text(row, inner, "port_id", needed=True), form.text(row, inner, "port_desc")]
                about = _description(row.get("sys_desc"))
                yield lldp_neighbour(port, form.text(row, inner, *device), peers, "nxos", about)

    return read


def _eos(form: _Form, value: object, path: str) -> Iterator[LldpNeighbour]:
    """Yield the neighbours of EOS: a list, or with `detail` an object of interfaces."""
    if isinstance(value, list):
        for at, row in form.entries(value, path):
            port = form.text(row, at, "port", needed=True)
            peers = [form.text(row, at, "neighborPort", needed=True)]
            yield lldp_neighbour(port, form.text(row, at, "neighborDevice"), peers, "eos")
        return
    for at, port, row in form.members(value, path):
        for inner, info in form.entries(row.get("lldpNeighborInfo", []), f"{at}.lldpNeighborInfo"):
            peers = []
            place = f"{inner}.neighborInterfaceInfo"
            for peer_path, peer in form.entries(info.get("neighborInterfaceInfo", {}), place):
                peers.append(form.text(peer, peer_path, "interfaceId_v2", "interfaceId"))
                peers.append(form.text(peer, peer_path, "interfaceDescription"))
            about = _description(info.get("systemDescription"))
            yield lldp_neighbour(port, form.text(info, inner, "systemName"), peers, "eos", about)


def _junos(form: _Form, value: object, path: str) -> Iterator[LldpNeighbour]:
    """Yield the neighbours of Junos, whose every value is a list with an object that holds it as `data`."""
    for at, table in form.entries(value, path):
        rows = "lldp-neighbor-information"
        for inner, row in form.entries(table.get(rows, []), f"{at}.{rows}"):
            found: dict[str, str] = {}
            for name in JUNOS_FIELDS[:-1]:
                for value_path, holder in form.entries(row.get(name, []), f"{inner}.{name}"):
                    found.setdefault(name, form.text(holder, value_path, "data"))
            if not any(found.get(name) for name in JUNOS_FIELDS[:2]):
                form.mismatch(inner, " or ".join(JUNOS_FIELDS[:2]))
                continue
            for _, holder in form.entries(row.get("lldp-system-description", []), inner):
                for _, record in form.entries(holder.get(JUNOS_FIELDS[-1], []), inner):
                    found[JUNOS_FIELDS[-1]] = _description(record.get("data"))
            yield junos_neighbour(found)


def junos_neighbour(found: Mapping[str, str]) -> LldpNeighbour:
    """Return a neighbour by the values that Junos gives, in JSON and in XML, under `JUNOS_FIELDS`."""
    own, brief, device, *peers, about = [found.get(name, "") for name in JUNOS_FIELDS]
    return lldp_neighbour(own or brief, device, peers, "junos", about)


def _nvue(form: _Form, data: Mapping[str, Any]) -> Iterator[LldpNeighbour]:
    """Yield the neighbours of NVUE: below each interface, by their names."""
    for at, port, row in form.members(data, ""):
        for lldp_path, lldp in form.entries(row.get("lldp", []), f"{at}.lldp"):
            for inner, name, neighbour in form.members(lldp.get("neighbor", {}), f"{lldp_path}.neighbor"):
                device, peers = name, []
                for chassis_path, chassis in form.entries(neighbour.get("chassis", {}), f"{inner}.chassis"):
                    device = form.text(chassis, chassis_path, "system-name") or name
                for peer_path, peer in form.entries(neighbour.get("port", {}), f"{inner}.port"):
                    peers = [form.text(peer, peer_path, "name"), form.text(peer, peer_path, "description")]
                yield lldp_neighbour(port, device, peers, "")


JUNOS_FIELDS = (
    "lldp-local-interface",
    "lldp-local-port-id",
    "lldp-remote-system-name",
    "lldp-remote-port-id",
    "lldp-remote-port-description",
    "lldp-remote-system-description",
)
"""Members of a neighbour in Junos: the own port in detail and in brief, then what the neighbour tells."""

_FORMS: Mapping[str, Callable[[_Form, object, str], Iterator[LldpNeighbour]]] = {
    "lldp": _lldpctl,
    "TABLE_nbor_detail": _nxos_table("ROW_nbor_detail", "sys_name", "chassis_id"),
    # Without `detail` the column of the chassis has the neighbour's name.
    "TABLE_nbor": _nxos_table("ROW_nbor", "sys_name", "chassis_id"),
    "lldpNeighbors": _eos,
    "lldp-neighbors-information": _junos,
}
"""The member by which a form is recognised, to its reader."""
