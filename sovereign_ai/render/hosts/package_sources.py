"""The package sources of hosts: named ones alone, each with its own key, and none abroad.

apt is told to read one file of sources, so that what an installation, a vendor's package or a person left in
`/etc/apt` is not asked. A source names the `packages` service of the description that stands behind it, and
that service's country must be one in which every residency policy permits data: what it hands over runs as
root on every host.

    >>> armour(bytes(3)).splitlines()[0]
    '-----BEGIN PGP PUBLIC KEY BLOCK-----'
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Iterator

from sovereign_ai.catalog import expand
from sovereign_ai.errors import Problem, SpecError, Where, nearest
from sovereign_ai.key_material import exact_base64
from sovereign_ai.render.hosts.site_facts import PackageSource, SiteFacts
from sovereign_ai.spec import AIFactory

SOURCES, KEYRINGS = "/etc/apt/sovereign.sources", "/etc/apt/keyrings"
# apt reads these files in the order of their names, and the last word counts.
SETTINGS = "/etc/apt/apt.conf.d/zz-sovereign"
_SETTINGS_TEXT = f"""\
// Only these sources are asked, whatever else lies in /etc/apt.
Dir::Etc::sourcelist "{SOURCES}";
Dir::Etc::sourceparts "/dev/null";
// This file is read after all others of its folder, and would be followed by apt.conf.
Dir::Etc::main "/dev/null";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::Check-Valid-Until "true";
Acquire::https::Verify-Peer "true";
Acquire::https::Verify-Host "true";
"""
_CRC_START, _CRC_POLYNOMIAL = 0xB704CE, 0x1864CFB
"""The check sum of armoured text (RFC 9580, section 6.1.1)."""
_LINE = 64
"""Letters of a line of armoured text."""


def package_files(given: SiteFacts) -> list[dict[str, str]]:
    """Return the files of a host's package sources; none where none are given."""
    if not given.package_sources:
        return []
    files = [{"path": SETTINGS, "content": _SETTINGS_TEXT}]
    stanzas = []
    for source in given.package_sources:
        files.append({"path": _keyring(source), "content": armour(exact_base64(source.key))})
        stanzas.append(_stanza(source))
    files.append({"path": SOURCES, "content": "\n".join(stanzas)})
    files.sort(key=_path)
    return files


def _path(file: dict[str, str]) -> str:
    """Return the key that sorts files."""
    return file["path"]


def _keyring(source: PackageSource) -> str:
    """Return the file of a source's key."""
    return f"{KEYRINGS}/sovereign-{source.name}.asc"


def _stanza(source: PackageSource) -> str:
    """Return a source as sources.list(5) has it."""
    lines = ["Types: deb", f"URIs: {source.uri}", f"Suites: {' '.join(source.suites)}"]
    if not _is_flat(source):
        lines.append(f"Components: {' '.join(source.components)}")
    lines.append(f"Signed-By: {_keyring(source)}")
    return "".join(f"{line}\n" for line in lines)


def _is_flat(source: PackageSource) -> bool:
    """Return whether a source has a folder of packages, and no suites with components."""
    return all(suite.endswith("/") for suite in source.suites)


def armour(key: bytes) -> str:
    """Return an OpenPGP public key as text (RFC 9580, section 6.2)."""
    encoded = b64encode(key).decode()
    lines = [encoded[start : start + _LINE] for start in range(0, len(encoded), _LINE)]
    check = b64encode(_check_sum(key).to_bytes(3, "big")).decode()
    body = "\n".join(lines)
    return f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{body}\n={check}\n-----END PGP PUBLIC KEY BLOCK-----\n"


def _check_sum(data: bytes) -> int:
    """Return the 24 bits of the check sum."""
    value = _CRC_START
    for octet in data:
        value ^= octet << 16
        for _ in range(8):
            value <<= 1
            if value & 0x1000000:
                value ^= _CRC_POLYNOMIAL
    return value & 0xFFFFFF


def judge_sources(factory: AIFactory, given: SiteFacts) -> None:
    """Check where the package sources of hosts are.

    Raises:
        SpecError: one is abroad, or nobody says where it is; all such sources at once.
    """
    problems = list(_source_problems(factory, given))
    if problems:
        raise SpecError(problems)


def _source_problems(factory: AIFactory, given: SiteFacts) -> Iterator[Problem]:
    """Yield what is wrong with the sources beside each one's own form."""
    services = {}
    for service in factory.services:
        if service.kind == "packages" and service.used:
            services[service.name] = service
    allowed = _allowed_countries(factory)
    names: set[str] = set()
    for number, source in enumerate(given.package_sources):
        place = f"package_sources[{number}]"
        if source.name in names:
            message = f"two package sources are called {source.name}"
            yield Problem("duplicate-source", message, Where(field=f"{place}.name"), "give each its own name")
        names.add(source.name)
        if not _is_flat(source) and any(suite.endswith("/") for suite in source.suites):
            hint = "list folders and suites as two sources"
            message = f"the package source {source.name} has folders beside suites"
            yield Problem("mixed-suites", message, Where(field=f"{place}.suites"), hint)
        behind = services.get(source.service)
        where = Where(field=f"{place}.service")
        if behind is None:
            message = f"the description has no service of kind 'packages' called {source.service}"
            yield Problem("unknown-service", message, where, _hint(source.service, services))
        elif behind.jurisdiction is None:
            message = f"no country is known of the package source {source.name}"
            hint = f"write the jurisdiction of the service {behind.name} into the description"
            yield Problem("unplaced-packages", message, where, hint)
        elif behind.jurisdiction not in allowed:
            message = (
                f"the package source {source.name} is under the law of {behind.jurisdiction}; what it hands "
                "over runs as root on every host, and is permitted from "
                f"{', '.join(sorted(allowed)) or 'nowhere'}"
            )
            yield Problem("foreign-packages", message, where, "name a mirror there")


def _hint(name: str, services: Collection[str]) -> str:
    """Return what to write where a service is not known."""
    if services:
        return nearest(name, services)
    return "add the mirror under 'services' with kind: packages and its jurisdiction"


def _allowed_countries(factory: AIFactory) -> frozenset[str]:
    """Return the countries in which every residency policy permits data; without one, those of the sites."""
    countries = frozenset(site.country for site in factory.sites)
    permitted: frozenset[str] | None = None
    for policy in factory.residency:
        within = frozenset(expand(policy.within))
        permitted = within if permitted is None else permitted & within
    return countries if permitted is None else permitted
