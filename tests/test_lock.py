"""The lock holds what the project declares and all that follows from it, each package at one version and with
its digests.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ENTRY = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ]+) \\\n(?P<hashes>(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",  # noqa: E501 - one literal text
    re.MULTILINE,
)
LOCKED = {found["name"]: found["version"] for found in ENTRY.finditer(LOCK)}


def declared() -> list[Requirement]:
    project = DECLARED["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [
        Requirement(line)
        for line in (*project["dependencies"], *extras, *DECLARED["build-system"]["requires"])
    ]


def followed() -> Iterator[str]:
    """Return every package that is needed by a declared one here, as the packages themselves say."""
    rest, seen = [canonicalize_name(one.name) for one in declared()], set()
    while rest:
        name = rest.pop()
        if name in seen:
            continue
        seen.add(name)
        yield name
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # a builder, which an installation does not keep
            continue
        requirements = [Requirement(line) for line in needed]
        rest += [
            canonicalize_name(one.name)
            for one in requirements
            if one.marker is None or one.marker.evaluate({"extra": ""})
        ]


def test_every_declared_package_is_locked_at_its_version() -> None:
    wanted = {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in declared()}
    assert {name: LOCKED.get(name) for name in wanted} == wanted


def test_everything_that_follows_is_locked_too() -> None:
    assert sorted(set(followed()) - set(LOCKED)) == []


def test_every_line_of_the_lock_belongs_to_a_package_with_digests() -> None:
    rest = [
        line
        for line in ENTRY.sub("", LOCK).splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    assert rest == []
    assert len(LOCKED) > 80


def test_the_packages_in_use_are_those_of_the_lock() -> None:
    here = {
        name: metadata.version(name)
        for name in followed()
        if name in {canonicalize_name(one.name) for one in metadata.distributions()}
    }
    assert {name: version for name, version in here.items() if LOCKED[name] != version} == {}


def test_setup_installs_by_digest_and_nothing_beside_the_lock() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    installs = re.findall(r"\$\(BIN\)/pip install[^\n]*", makefile)
    assert len(installs) == 2
    assert "--require-hashes" in installs[0]
    assert {"--no-deps", "--no-build-isolation"} <= set(installs[1].split())
