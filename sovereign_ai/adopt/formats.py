"""The formats that are read, each with its reader, the files it is recognised by, and what it cannot say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from sovereign_ai.adopt.clab import read_containerlab
from sovereign_ai.adopt.slurm import read_slurm
from sovereign_ai.adopt.standing import SiteDraft, SourceText, StandingSite
from sovereign_ai.adopt.subnets import read_subnets
from sovereign_ai.adopt.tables import ENDINGS, MOST_FILES, read_netbox
from sovereign_ai.adopt.topograph import read_topograph
from sovereign_ai.errors import Problem, SovereignError, SpecError, UsageError, Where, nearest
from sovereign_ai.files import NETBOX, SUBNET, TOPOLOGY, FileKind, decode, files_in, read
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted

_NEVER = "countries, power, cooling, zones, tenants, purposes, storage tiers, keys"
_NO_BORDER = "border leaves and links to the outside"
_NO_PLACES = "sites, halls and racks"
_NO_CABLES = "rails, ports, rates, models of switches, and cables beside one path to each machine"


@frozen_dataclass
class Format:
    """One format.

    Attributes:
        name: its name on the command line.
        kind: the kind of its files.
        endings: ends of the names of its files.
        read: reads texts into a draft.
        cannot_say: what a description may have and the format has no place for.
    """

    name: str
    kind: FileKind
    endings: tuple[str, ...]
    read: Callable[[Sequence[SourceText], SiteDraft], None]
    cannot_say: tuple[str, ...]


@frozen_dataclass
class ReadSite:
    """What was read.

    Attributes:
        format: the format of the files.
        site: what they show.
        files: the files.
    """

    format: Format
    site: StandingSite
    files: tuple[str, ...]


_FORMATS = (
    Format(
        "netbox",
        NETBOX,
        ENDINGS,
        read_netbox,
        (_NEVER, "GPUs of a machine, other than by its model", "optics and cords of links to the outside"),
    ),
    Format(
        "slurm",
        TOPOLOGY,
        ("topology.conf", "topology.yaml", "nodes.conf", "gres.conf", "slurm.conf"),
        read_slurm,
        (_NEVER, _NO_PLACES, _NO_CABLES, _NO_BORDER, "models of machines, other than as a feature of a node"),
    ),
    Format(
        "topograph",
        TOPOLOGY,
        ("topograph.yaml", "topograph.yml"),
        read_topograph,
        (_NEVER, _NO_PLACES, _NO_CABLES, _NO_BORDER, "models and GPUs of machines"),
    ),
    Format(
        "ibnetdiscover",
        SUBNET,
        (".txt", ".ibnetdiscover"),
        read_subnets,
        (_NEVER, _NO_PLACES, "models and GPUs of machines", "networks other than the subnet"),
    ),
    Format(
        "containerlab",
        TOPOLOGY,
        (".clab.yml", ".clab.yaml"),
        read_containerlab,
        (
            _NEVER,
            "sites and halls",
            "models and GPUs of machines",
            "rates of links",
            "links to the outside; of a border its leaves and their links to spines alone",
            "InfiniBand",
        ),
    ),
)
FORMATS: Mapping[str, Format] = {form.name: form for form in _FORMATS}
"""Every format by its name."""


def read_site(
    paths: Sequence[Path], name: str = "", progress: Callable[[str], None] | None = None
) -> ReadSite:
    """Read files of one format.

    Args:
        paths: files, and folders whose files of that format are read.
        name: the format; empty to recognise it by the names of the files.
        progress: receives a line for each file that is about to be read.

    Raises:
        SovereignError: every problem of the files, with file and line; or the format is not known.
    """
    if name and name not in FORMATS:
        message = f"no format is called {name[:60]!r}"
        raise UsageError(Problem("unknown-format", message, hint=nearest(name, FORMATS)))
    form = FORMATS[name] if name else _recognised(paths)
    draft = SiteDraft()
    sources: list[SourceText] = []
    files = _files_of(paths, form)
    if not files:
        message = f"no file of {form.name} is there"
        hint = f"names of files end in {', '.join(form.endings)}"
        raise form.kind.error(Problem(form.kind.code, message, Where(str(paths[0])), hint))
    for file in files:
        if progress is not None:
            progress(f"reading {file}")
        try:
            sources.append(SourceText(str(file), decode(read(file, form.kind), str(file), form.kind)))
        except SovereignError as error:
            draft.problems += error.problems
    if not sources:
        # What else is missing follows from that alone.
        raise form.kind.error(draft.problems)
    return ReadSite(form, site_of(form, sources, draft), tuple(source.file for source in sources))


def site_of(form: Format, sources: Sequence[SourceText], draft: SiteDraft | None = None) -> StandingSite:
    """Return what texts of a format show.

    Args:
        form: the format.
        sources: the texts.
        draft: holds the problems of files that could not be read; None for an empty one.

    Raises:
        SpecError: every problem of the texts.
    """
    draft = draft or SiteDraft()
    try:
        form.read(sources, draft)
    except SovereignError as error:
        # A reader that gives up raises all problems by then, or the one of a text that is none of its own.
        news = [problem for problem in error.problems if problem not in draft.problems]
        raise SpecError([*draft.problems, *news]) from None
    return draft.finish()


def _recognised(paths: Iterable[Path]) -> Format:
    """Return the format of files by their names.

    Raises:
        UsageError: the names are those of no format, or of several.
    """
    forms: dict[str, Format] = {}
    unknown: list[Path] = []
    for path in paths:
        matching = list(_formats_of(path))
        for form in matching:
            forms[form.name] = form
        if not matching:
            unknown.append(path)
    known = ", ".join(FORMATS)
    if unknown:
        raise UsageError([_unknown_problem(path, known) for path in unknown])
    if len(forms) > 1:
        message = f"files of {counted(len(forms), 'format')}: {', '.join(forms)}"
        raise UsageError(Problem("two-formats", message, hint="read one at a time: --format"))
    (form,) = forms.values()
    return form


def _unknown_problem(path: Path, known: str) -> Problem:
    """Return the problem of a path whose format is not recognised, or that is not there."""
    where = Where(str(path))
    if not path.exists():
        hint = f"name files of one format, or a folder of them: {known}"
        return Problem("no-file", "there is no such file or folder", where, hint)
    message = "the format is not recognised by the name"
    return Problem("unknown-format", message, where, f"name it: --format, one of {known}")


def _formats_of(path: Path) -> Iterable[Format]:
    """Return the formats of a file, or of the files of a folder, by their names."""
    # A folder that holds no file of a format is read as NetBox's, whose tables always come in folders.
    is_folder = path.is_dir()
    names = [entry.name for entry in files_in(path, NETBOX, MOST_FILES)] if is_folder else [path.name]
    forms: dict[str, Format] = {}
    for form in _FORMATS:
        if any(name.endswith(form.endings) for name in names):
            forms[form.name] = form
    if not forms and is_folder:
        return [FORMATS["netbox"]]
    # `ibnetdiscover` has no name of its own, and any folder may hold a text beside other files.
    if is_folder and len(forms) > 1:
        forms.pop("ibnetdiscover", None)
    return forms.values()


def _files_of(paths: Sequence[Path], form: Format) -> Sequence[Path]:
    """Return the files to read: those that were named, and those of a folder with a name of the format."""
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        for entry in files_in(path, form.kind, MOST_FILES):
            if entry.name.endswith(form.endings):
                files.append(entry)
    return files
