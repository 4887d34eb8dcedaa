"""The toolchain's bill of materials, CycloneDX 1.6 JSON, read from the binaries themselves.

Each installed Go tool is a component with the digest of its file; each Go module inside it is a
component with its `h1:` hash, and hangs under the tools that hold it. The project's own language
host and the Python packages it stands on are listed from the interpreter. Licences are those of
the table; a module's licence is not guessed. The same binaries give the same bytes: there is no
time, and the serial number is derived from the content.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.toolchain.build_info import BuildInfo, GoModule, read_build_info
from sovereign_ai.toolchain.locate import cached, on_path
from sovereign_ai.toolchain.place import entry_dir
from sovereign_ai.toolchain.table import KIND_TOOLS, TOOLS, Tool

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component

_NAMESPACE = uuid.UUID("6c1d9c0e-52a5-5f0e-9a3f-3d1d0f6f7a11")
"""Name space of our serial numbers; any fixed value does."""
_PROPERTY = "sovereign-ai:go:"


def installed() -> dict[str, Path]:
    """Give the Go binaries of the toolchain that are there, by name; those of the kind plane where they are installed.

    Raises:
        EnvironmentLacksError: one is missing; a bill with holes would be a lie.
    """
    binaries: dict[str, Path] = {}
    problems = []
    for row in TOOLS.values():
        if row.kind not in ("binary", "plugin") or row.optional:
            continue
        found = cached(row) or on_path(row)
        if found is None:
            problems.append(
                Problem("tool-missing", f"{row.name} {row.wanted} is not there to be listed", hint="run `sovereign-ai tools install`")
            )
        else:
            binaries[row.name] = found.path
    if problems:
        raise EnvironmentLacksError(problems)
    for row in KIND_TOOLS.values():
        found = cached(row)
        if found is not None:
            binaries[row.name] = found.path
    return binaries


def sbom(binaries: Mapping[str, Path] | None = None) -> bytes:
    """Write the bill of materials of the given binaries, or of the installed ones, as canonical JSON.

    Raises:
        EnvironmentLacksError: a tool is missing, or a binary says nothing of its making.
    """
    from cyclonedx.output.json import JsonV1Dot6  # noqa: PLC0415 - slow to import

    bom = _bom(installed() if binaries is None else binaries)
    document = orjson.loads(JsonV1Dot6(bom).output_as_string())
    document["metadata"].pop("timestamp", None)
    document.pop("serialNumber", None)
    content = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(_NAMESPACE, hashlib.sha256(content).hexdigest())}"
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _bom(binaries: Mapping[str, Path]) -> Bom:
    """Put tools, modules and their dependencies together."""
    from cyclonedx.model.bom import Bom  # noqa: PLC0415
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415

    bom = Bom()
    project = Component(name="sovereign-ai-toolchain", version=_own_version(), type=ComponentType.APPLICATION, bom_ref="toolchain")
    bom.metadata.component = project
    modules: dict[GoModule, Component] = {}
    tools = []
    for name, path in sorted(binaries.items()):
        info = read_build_info(path)
        component = _tool_component(name, TOOLS.get(name) or KIND_TOOLS.get(name), path, info)
        parts = [
            one for one in (*info.modules, GoModule("std", info.go.removeprefix("go"), "")) if one.version and one.version != "(devel)"
        ]
        for one in parts:
            if one not in modules:
                modules[one] = _module_component(one)
                bom.components.add(modules[one])
        bom.components.add(component)
        bom.register_dependency(component, [modules[one] for one in parts])
        tools.append(component)
    bom.register_dependency(project, tools)
    return bom


def _own_version() -> str:
    """Give the installed version of this project."""
    return metadata.version("sovereign-ai")


def _tool_component(name: str, row: Tool | None, path: Path, info: BuildInfo) -> Component:
    """Describe one binary."""
    from cyclonedx.model import HashAlgorithm, HashType, Property  # noqa: PLC0415
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415
    from cyclonedx.model.contact import OrganizationalEntity  # noqa: PLC0415
    from cyclonedx.model.license import DisjunctiveLicense  # noqa: PLC0415

    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    properties = [Property(name=f"{_PROPERTY}package", value=info.package), Property(name=f"{_PROPERTY}version", value=info.go)]
    properties += [Property(name=f"{_PROPERTY}setting:{key}", value=value) for key, value in info.settings]
    if row is not None and row.source is not None and path.is_relative_to(entry_dir(row)):
        properties.append(Property(name=f"{_PROPERTY}root-module-h1", value=row.source.h1))
    return Component(
        name=name,
        version=row.version if row else None,
        type=ComponentType.APPLICATION,
        bom_ref=f"tool:{name}",
        description=row.purpose if row else None,
        supplier=OrganizationalEntity(name=row.supplier) if row else None,
        licenses=[DisjunctiveLicense(id=row.licence)] if row else None,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        properties=properties,
    )


def _module_component(one: GoModule) -> Component:
    """Describe one Go module."""
    from cyclonedx.model import Property  # noqa: PLC0415
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415
    from packageurl import PackageURL  # noqa: PLC0415

    folder, _, last = one.path.rpartition("/")
    return Component(
        name=one.path,
        version=one.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"go:{one.path}@{one.version}",
        purl=PackageURL(type="golang", namespace=folder or None, name="stdlib" if one.path == "std" else last, version=one.version),
        properties=[Property(name=f"{_PROPERTY}h1", value=one.h1)] if one.h1 else [],
    )
