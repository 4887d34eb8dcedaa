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
from sovereign_ai.toolchain.cache import cache_dir, entry_dir
from sovereign_ai.toolchain.digests import file_sha256
from sovereign_ai.toolchain.locate import cached, located
from sovereign_ai.toolchain.table import KIND_TOOLS, TOOLS, Tool

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component

_NAMESPACE = uuid.UUID("6c1d9c0e-52a5-5f0e-9a3f-3d1d0f6f7a11")
"""Name space of the serial numbers of this project; any fixed value does."""
_PROPERTY = "sovereign-ai:go:"


def installed() -> dict[str, Path]:
    """Return the Go binaries of the toolchain that are there, by name.

    Those of the kind backend, the controllers of queues and what watches are listed where they are installed.

    Raises:
        EnvironmentLacksError: one is missing; an incomplete bill would be wrong.
    """
    binaries: dict[str, Path] = {}
    problems = []
    for row in TOOLS.values():
        if row.kind not in ("binary", "plugin") or row.optional:
            continue
        installed_tool = located(row)
        if installed_tool is None:
            message = f"{row.name} {row.wanted} is not installed, and cannot be listed"
            problems.append(Problem("tool-missing", message, hint="run `sovereign-ai tools install`"))
        else:
            binaries[row.name] = installed_tool.path
    if problems:
        raise EnvironmentLacksError(problems)
    wanted_by_name = [row for row in TOOLS.values() if row.group in ("queues", "monitoring")]
    for row in (*wanted_by_name, *KIND_TOOLS.values()):
        # Custom resource definitions are a module's files, and no binary.
        if row.kind == "module":
            continue
        # What is built where it is wanted, and the kind backend's tools: a missing one is no problem.
        optional_tool = cached(row)
        if optional_tool is not None:
            binaries[row.name] = optional_tool.path
    return binaries


def sbom(binaries: Mapping[str, Path] | None = None) -> bytes:
    """Write the bill of materials of the given binaries, or of the installed ones, as canonical JSON.

    Raises:
        EnvironmentLacksError: a tool is missing, or a binary has no build information.
    """
    return bom_bytes(_bom(installed() if binaries is None else binaries))


def bom_bytes(bom: Bom) -> bytes:
    """Write a bill of materials as canonical JSON: the same bill gives the same bytes."""
    from cyclonedx.output.json import JsonV1Dot6  # noqa: PLC0415 - slow to import

    document = orjson.loads(JsonV1Dot6(bom).output_as_string())
    # The time and a random serial number would make every bill differ; the serial number is derived from the
    # content.
    document["metadata"].pop("timestamp", None)
    document.pop("serialNumber", None)
    content = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(_NAMESPACE, hashlib.sha256(content).hexdigest())}"
    return orjson.dumps(
        document, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )


def _bom(binaries: Mapping[str, Path]) -> Bom:
    """Return the bill of tools, modules and their dependencies."""
    from cyclonedx.model.bom import Bom  # noqa: PLC0415
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415

    bom = Bom()
    project = Component(
        name="sovereign-ai-toolchain",
        version=_own_version(),
        type=ComponentType.APPLICATION,
        bom_ref="toolchain",
    )
    bom.metadata.component = project
    modules: dict[GoModule, Component] = {}
    tools = []
    for name, path in sorted(binaries.items()):
        info = read_build_info(path)
        component = _tool_component(name, TOOLS.get(name) or KIND_TOOLS.get(name), path, info)
        dependencies = []
        for module in _versioned_modules(info):
            if module not in modules:
                modules[module] = _module_component(module)
                bom.components.add(modules[module])
            dependencies.append(modules[module])
        bom.components.add(component)
        bom.register_dependency(component, dependencies)
        tools.append(component)
    bom.register_dependency(project, tools)
    return bom


def _versioned_modules(info: BuildInfo) -> list[GoModule]:
    """Return the modules of a binary that have a version, with Go's standard library."""
    standard = GoModule("std", info.go.removeprefix("go"), "")
    # `(devel)` is the module that was built itself: the tool, which has a component of its own.
    return [module for module in (*info.modules, standard) if module.version not in ("", "(devel)")]


def _own_version() -> str:
    """Return the installed version of this project."""
    return metadata.version("sovereign-ai")


def _tool_component(name: str, row: Tool | None, path: Path, info: BuildInfo) -> Component:
    """Describe one binary."""
    from cyclonedx.model import HashAlgorithm, HashType, Property  # noqa: PLC0415
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415
    from cyclonedx.model.contact import OrganizationalEntity  # noqa: PLC0415
    from cyclonedx.model.license import DisjunctiveLicense  # noqa: PLC0415

    digest = file_sha256(path)
    properties = [
        Property(name=f"{_PROPERTY}package", value=info.package),
        Property(name=f"{_PROPERTY}version", value=info.go),
    ]
    properties += [Property(name=f"{_PROPERTY}setting:{key}", value=value) for key, value in info.settings]
    way = "cache" if path.is_relative_to(cache_dir()) else "path"
    properties.append(Property(name="sovereign-ai:way", value=way))
    # Only of an own build is the source known; a tool on PATH may be built from anything.
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


def _reference(module: GoModule) -> str:
    """Return the reference of a module within the bill, which no other module of the bill has.

    Its hash is part of it, since one binary may record the hash of a module and another, built from a
    vendored copy of the same version, none. The library replaces references that occur twice by random ones.
    """
    name = f"go:{module.path}@{module.version}"
    return f"{name}#{module.h1}" if module.h1 else name


def _module_component(module: GoModule) -> Component:
    """Describe one Go module."""
    from cyclonedx.model import Property  # noqa: PLC0415
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415
    from packageurl import PackageURL  # noqa: PLC0415

    folder, _, last = module.path.rpartition("/")
    name = "stdlib" if module.path == "std" else last
    purl = PackageURL(type="golang", namespace=folder or None, name=name, version=module.version)
    return Component(
        name=module.path,
        version=module.version,
        type=ComponentType.LIBRARY,
        bom_ref=_reference(module),
        purl=purl,
        properties=[Property(name=f"{_PROPERTY}h1", value=module.h1)] if module.h1 else [],
    )
