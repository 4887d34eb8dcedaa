"""Slurm's files: `topology.conf` or `topology.yaml` (trees and blocks), `nodes.conf`, `gres.conf`.

Keys and forms are those of Slurm's manual pages topology.conf(5), topology.yaml(5), slurm.conf(5) and
gres.conf(5), read 2026-11-27. A model is a feature of a node that the catalogue has as a system, and else the
type of its GPUs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sovereign_ai.adopt.standing import MACHINE, SWITCH, SiteDraft, SourceText
from sovereign_ai.adopt.yaml_fields import Document, document
from sovereign_ai.catalog.system import systems
from sovereign_ai.errors import Where, nearest
from sovereign_ai.files import TOPOLOGY, below, refuse_secrets

# A key begins where a word does: a search from each letter of a long word takes the square of its length.
_FIELD = re.compile(r'(?<![A-Za-z0-9_])([A-Za-z][A-Za-z0-9_]*)\s*=\s*("[^"\n]*"|[^\s"]*)')
_COMMENT = re.compile(r"(?<!\\)#.*")
_GPU = re.compile(r"gpu(?::([A-Za-z][A-Za-z0-9_.-]*))?(?::([0-9]{1,6}))?(?:\([^()]*\))?")
_SWITCH_KEYS = ("switchname", "switches", "nodes", "linkspeed", "level")
_BLOCK_KEYS = ("blockname", "nodes")


@dataclass(slots=True)
class _Names:
    """What the files name, by which names are compared once all are read.

    Attributes:
        switches: switches that have a line.
        children: switches that a line has below another, with the place.
        placed: nodes below a switch or in a block, with the place.
        nodes: nodes that a line of `nodes.conf` has.
        devices: (node, file and line) to GPUs of `gres.conf`, which counts line by line.
    """

    switches: dict[str, Where] = field(default_factory=dict)
    children: dict[str, Where] = field(default_factory=dict)
    placed: dict[str, Where] = field(default_factory=dict)
    nodes: set[str] = field(default_factory=set)
    gpus: Counter[str] = field(default_factory=Counter)
    gpus_at: dict[str, Where] = field(default_factory=dict)


def read_slurm(sources: Sequence[SourceText], draft: SiteDraft) -> None:
    """Read Slurm's files into a draft.

    Raises:
        SpecError: a file cannot be read, or has too many problems to go on.
    """
    names = _Names()
    for source in sources:
        if source.file.endswith((".yaml", ".yml")):
            _read_yaml(document(source, draft), draft, names)
        else:
            refuse_secrets(source.text, source.file, TOPOLOGY)
            _read_lines(source, draft, names)
    for node, count in names.gpus.items():
        draft.add(node, names.gpus_at[node], kind=MACHINE, gpus=count)
    _compare_names(draft, names)


def _compare_names(draft: SiteDraft, names: _Names) -> None:
    """Report names that nothing has, and switches above themselves."""
    draft.refuse_circle(names.switches)
    for child, where in names.children.items():
        if child not in names.switches:
            draft.unknown("switch", child, where, names.switches)
    if names.nodes:
        for node, where in names.placed.items():
            if node not in names.nodes:
                draft.unknown("node", node, where, names.nodes)


# -- lines


def _read_lines(source: SourceText, draft: SiteDraft, names: _Names) -> None:
    """Read a file of lines of `Key=value`."""
    defaults: dict[str, str] = {}
    is_known = False
    for where, text in _lines(source):
        if text.lower().startswith("include"):
            draft.left_out[f"{text[:80]}: name that file too, it was not followed"] += 1
            is_known = True
            continue
        fields = dict(_fields(text, where, draft))
        if fields.get("nodename", "").upper() == "DEFAULT":
            defaults = fields
            continue
        for key, read in _READERS.items():
            if key in fields:
                given = {**defaults, **fields} if key == "nodename" else fields
                read(given, where, draft, names)
                is_known = True
                break
    if not is_known:
        message = "no line of Slurm's: expected SwitchName=, BlockName=, NodeName= or Name=gpu"
        draft.refuse("not-slurm", message, Where(source.file), TOPOLOGY.hint)


def _lines(source: SourceText) -> Iterator[tuple[Where, str]]:
    """Yield the lines without comments; a line goes on where it ends in a backslash."""
    held, start = "", 0
    for number, line in enumerate(source.text.split("\n"), start=1):
        text = _COMMENT.sub("", line).rstrip()
        start = start or number
        if text.endswith("\\"):
            held += text[:-1] + " "
            continue
        whole = (held + text).strip()
        if whole:
            yield Where(source.file, start), whole
        held, start = "", 0
    if held.strip():
        yield Where(source.file, start), held.strip()


def _fields(text: str, where: Where, draft: SiteDraft) -> Iterator[tuple[str, str]]:
    """Yield the fields of a line, keys in lower case."""
    end = 0
    for match in _FIELD.finditer(text):
        if text[end : match.start()].strip():
            break
        yield match[1].lower(), match[2].strip('"')
        end = match.end()
    rest = text[end:].strip()
    if rest:
        message = f"{rest[:60]!r} is no field"
        draft.refuse("bad-line", message, where, "write Key=value, with blanks between fields only")


def _check_keys(fields: Iterable[str], known: Sequence[str], where: Where, draft: SiteDraft) -> None:
    """Report the keys of a line that Slurm does not know there."""
    for key in fields:
        if key not in known:
            draft.refuse("unknown-key", f"{key[:60]!r} is no key of this line", where, nearest(key, known))


def _switch_line(fields: Mapping[str, str], where: Where, draft: SiteDraft, names: _Names) -> None:
    """Read a switch with what is below it."""
    _check_keys(fields, _SWITCH_KEYS, where, draft)
    if "linkspeed" in fields:
        draft.left_out["LinkSpeed, whose unit is arbitrary"] += 1
    nodes = draft.hosts(fields["nodes"], where) if fields.get("nodes") else []
    # `scontrol show topology` repeats above a leaf the nodes that are below it.
    if fields.get("level", "0") != "0":
        nodes = []
    children = draft.hosts(fields["switches"], where) if fields.get("switches") else []
    # A line describes one switch: its name is no list.
    for switch in draft.hosts(fields["switchname"], where)[:1]:
        _note_switch(switch, nodes, children, where, draft, names)


def _note_switch(
    switch: str, nodes: Iterable[str], children: Iterable[str], where: Where, draft: SiteDraft, names: _Names
) -> None:
    """Note a switch with the nodes and switches below it.

    Several clusters of a site have a file each, in which a switch has the nodes of that cluster.
    """
    before = names.switches.get(switch)
    if before is not None and before.file == where.file:
        message = f"{switch[:60]!r} is described at line {before.line} already"
        draft.refuse("switch-twice", message, where, "keep one of the two")
        return
    names.switches[switch] = where
    draft.add(switch, where, kind=SWITCH)
    is_empty = True
    for node in nodes:
        is_empty = False
        _place(node, where, draft, names)
        draft.connect((node, ""), (switch, ""))
    for child in children:
        is_empty = False
        if child == switch:
            draft.refuse("own-child", f"{switch[:60]!r} is below itself", where, "name another switch")
            continue
        names.children.setdefault(child, where)
        draft.connect((child, ""), (switch, ""))
    if is_empty:
        draft.refuse("empty-switch", f"{switch[:60]!r} has nothing below it", where, "name Nodes or Switches")


def _place(node: str, where: Where, draft: SiteDraft, names: _Names) -> None:
    """Note a node of a topology."""
    names.placed.setdefault(node, where)
    draft.add(node, where, kind=MACHINE)


def _block_line(fields: Mapping[str, str], where: Where, draft: SiteDraft, names: _Names) -> None:
    """Read a block of nodes, which share an NVLink domain."""
    _check_keys(fields, _BLOCK_KEYS, where, draft)
    for node in draft.hosts(fields.get("nodes", ""), where):
        _place(node, where, draft, names)
        draft.add(node, where, domain=fields["blockname"])


def _node_line(fields: Mapping[str, str], where: Where, draft: SiteDraft, names: _Names) -> None:
    """Read nodes with their GPUs and model."""
    gpus, kind = _gpus_of(fields.get("gres", ""))
    model = _model_of(fields.get("feature") or fields.get("features") or "") or kind
    for node in draft.hosts(fields["nodename"], where):
        if node in names.nodes:
            message = f"{node[:60]!r} has a line already"
            draft.refuse("node-twice", message, where, "keep one of the two")
            continue
        names.nodes.add(node)
        draft.add(node, where, kind=MACHINE, gpus=gpus, model=model)


def _gpus_of(gres: str) -> tuple[int, str]:
    """Return the GPUs of a `Gres` field and their type.

    >>> _gpus_of("gpu:h100:8(S:0-1),shard:8"), _gpus_of("gpu"), _gpus_of("")
    ((8, 'h100'), (1, ''), (0, ''))
    """
    count, kind = 0, ""
    for match in _GPU.finditer(gres):
        start = match.start()
        if start and gres[start - 1] != ",":
            continue
        count += int(match[2] or 1)
        kind = kind or match[1] or ""
    return count, kind


def _model_of(features: str) -> str:
    """Return the feature that is a system of the catalogue."""
    known = {system.name for system in systems()}
    for feature in features.split(","):
        if feature.strip() in known:
            return feature.strip()
    return ""


def _gres_line(fields: Mapping[str, str], where: Where, draft: SiteDraft, names: _Names) -> None:
    """Read a line of `gres.conf`: GPUs of nodes."""
    if fields["name"].lower() != "gpu":
        draft.left_out[f"generic resource {fields['name'][:40]!r}"] += 1
        return
    if "nodename" not in fields:
        draft.left_out["line of gres.conf without NodeName, which holds for the node that has the file"] += 1
        return
    count = _count(fields, where, draft)
    for node in draft.hosts(fields["nodename"], where):
        names.gpus[node] += count
        names.gpus_at.setdefault(node, where)
        names.placed.setdefault(node, where)


def _count(fields: Mapping[str, str], where: Where, draft: SiteDraft) -> int:
    """Return the GPUs of a line: its `Count`, else its device files, else one."""
    text = fields.get("count", "")
    if text.isascii() and text.isdigit() and len(text) <= 6:
        return int(text)
    if text:
        draft.refuse("bad-count", f"{text[:60]!r} is no number of GPUs", where, "such as Count=8")
        return 0
    files = fields.get("file", "").replace("/", "_")
    return len(draft.hosts(files, where)) if files else 1


def _left_out_line(fields: Mapping[str, str], where: Where, draft: SiteDraft, names: _Names) -> None:
    """Count a line that a description has no place for."""
    del where, names
    is_partition = "partitionname" in fields
    noun = "partition of Slurm; a description has tenants and zones" if is_partition else "ring of a topology"
    draft.left_out[noun] += 1


_READERS = {
    "switchname": _switch_line,
    "blockname": _block_line,
    # A line of gres.conf has a NodeName too.
    "name": _gres_line,
    "nodename": _node_line,
    "partitionname": _left_out_line,
    "ringname": _left_out_line,
}
"""The key by which a line is recognised, to its reader."""


# -- topology.yaml


def _read_yaml(doc: Document, draft: SiteDraft, names: _Names) -> None:
    """Read `topology.yaml`: a list of topologies."""
    if not isinstance(doc.data, list):
        message = "expected a list of topologies"
        draft.refuse("not-slurm", message, doc.where(""), "begin with - topology: NAME")
        return
    for path, entry in doc.entries(doc.data, ""):
        topology = doc.mapping(entry, path)
        doc.needed(topology, "topology", path)
        if topology.get("flat"):
            draft.left_out["flat topology of Slurm"] += 1
        for kind in ("ring", "torus3d"):
            if kind in topology:
                draft.left_out[f"{kind} topology of Slurm"] += 1
        _yaml_tree(doc, topology, path, draft, names)
        _yaml_blocks(doc, topology, path, draft, names)


def _yaml_tree(
    doc: Document, topology: Mapping[str, object], path: str, draft: SiteDraft, names: _Names
) -> None:
    """Read a topology's tree."""
    place = below(path, "tree")
    switches = doc.mapping(topology.get("tree"), place).get("switches")
    for at, entry in doc.entries(switches, below(place, "switches")):
        switch = doc.mapping(entry, at)
        name = doc.needed(switch, "switch", at)
        if not name:
            continue
        nodes = doc.hosts(switch.get("nodes"), below(at, "nodes"))
        children = doc.hosts(switch.get("children"), below(at, "children"))
        where = doc.where(at)
        before = names.switches.get(name)
        # A cluster keeps both files, and topology.yaml may repeat what topology.conf has.
        if before is not None and before.file != where.file:
            del names.switches[name]
        _note_switch(name, nodes, children, where, draft, names)


def _yaml_blocks(
    doc: Document, topology: Mapping[str, object], path: str, draft: SiteDraft, names: _Names
) -> None:
    """Read a topology's blocks."""
    place = below(path, "block")
    blocks = doc.mapping(topology.get("block"), place).get("blocks")
    for at, entry in doc.entries(blocks, below(place, "blocks")):
        block = doc.mapping(entry, at)
        name = doc.needed(block, "block", at)
        for node in doc.hosts(block.get("nodes"), below(at, "nodes")):
            _place(node, doc.where(at), draft, names)
            draft.add(node, doc.where(at), domain=name)
