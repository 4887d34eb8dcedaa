"""Which keys a plane has, where their module is, and which namespace stands under which: one file a plane.

The file `config/keys.json` in the plane's folder holds no secret: the module's path, the token's label, the
path of the PIN file, and the trust level of each namespace. While it is there, the plane starts with
the key service and the secret gate.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sovereign_ai.cluster.state import Place, read_json, write_json
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, nearest

if TYPE_CHECKING:
    from sovereign_ai.plan.clusters import ClusterPlan
    from sovereign_ai.spec.factory import AIFactory

PLANE = "plane"
"""The key that all secrets and configmaps of a plane stand under, whatever their trust level."""
LONGEST_SOCKET = 100
"""A Unix socket's path has at most 107 characters (unix(7))."""


@dataclass(frozen=True, slots=True)
class ModulePlace:
    """Where a PKCS#11 module is and how to log in.

    Attributes:
        library: the module's shared library.
        token: label of the token.
        pin_file: file of mode 0600 that holds the user's PIN.
        environment: variables that the module itself reads, such as SOFTHSM2_CONF; paths, never secrets.
    """

    library: Path
    token: str
    pin_file: Path
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Custody:
    """The keys of one plane.

    Attributes:
        module: where they are kept.
        owner: tells this plane's keys from others' in the same module.
        levels: namespace to trust level.
        former: trust levels that a namespace had once; what was written then can still be read.
    """

    module: ModulePlace
    owner: str
    levels: Mapping[str, str]
    former: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The plane's key and one for each trust level that a namespace has or had, sorted."""
        return (PLANE, *sorted({*self.levels.values(), *self.former}))

    def label(self, key: str) -> str:
        """Give a key's label in the module."""
        return f"sovereign-ai/{self.owner}/{key}"

    def insist(self, level: str) -> str:
        """Give a trust level that has a key here.

        Raises:
            UsageError: there is none of that name.
        """
        if level not in self.keys:
            raise UsageError(Problem("unknown-key", f"the plane has no key {level!r}", hint=nearest(level, self.keys)))
        return level

    def to_data(self) -> dict[str, Any]:
        """Give plain data; nothing in it is secret."""
        module = {
            "library": str(self.module.library),
            "token": self.module.token,
            "pin_file": str(self.module.pin_file),
            "environment": dict(self.module.environment),
        }
        return {
            "layout": 1,
            "module": module,
            "owner": self.owner,
            "levels": dict(sorted(self.levels.items())),
            "former": list(self.former),
        }


def module_place(library: Path, token: str, pin_file: Path, environment: Sequence[str]) -> ModulePlace:
    """Take what a person said of a module.

    Args:
        library: the shared library.
        token: label of the token.
        pin_file: file that holds the PIN.
        environment: `NAME=PATH` that the module itself reads.

    Raises:
        UsageError: a variable is not `NAME=PATH`, or names no path: a secret does not belong there.
    """
    pairs = [one.partition("=") for one in environment]
    problems = [
        Problem("module-environment", f"--env {name or '…'} is not NAME=PATH of something that exists", hint="a PIN belongs in --pin-file")
        for name, _, value in pairs
        if not name or not value.startswith("/") or not Path(value).exists()
    ]
    if problems:
        raise UsageError(problems)
    return ModulePlace(library.absolute(), token, pin_file.absolute(), {name: value for name, _, value in pairs})


def levels_of(factory: AIFactory, cluster: ClusterPlan) -> dict[str, str]:
    """Give the trust level of each namespace of a cluster: that of its zone."""
    trust = {zone.name: zone.trust for zone in factory.zones}
    return {namespace.name: trust[namespace.zone] for namespace in cluster.namespaces}


def new_owner(name: str) -> str:
    """Name a plane so that another of the same name has other keys in a shared module."""
    return f"{name}-{secrets.token_hex(4)}"


def custody_file(where: Place) -> Path:
    """Give the file that says which keys a plane has."""
    return where.config / "keys.json"


def has_custody(where: Place) -> bool:
    """Tell whether a plane has keys in a module."""
    return custody_file(where).exists()


def read_custody(where: Place) -> Custody:
    """Read which keys a plane has.

    Raises:
        EnvironmentLacksError: it has none, or the file is damaged.
    """
    data = read_json(custody_file(where))
    if data is None:
        hint = "sovereign-ai keys init STACK --module LIBRARY --token LABEL --pin-file FILE"
        raise EnvironmentLacksError(Problem("no-keys", f"the plane {where.name!r} has no keys in a module", hint=hint))
    module = data["module"]
    place = ModulePlace(Path(module["library"]), module["token"], Path(module["pin_file"]), module["environment"])
    return Custody(place, data["owner"], data["levels"], tuple(data["former"]))


def write_custody(where: Place, custody: Custody) -> None:
    """Write which keys a plane has.

    Raises:
        EnvironmentLacksError: the plane's folder is too deep for a Unix socket.
    """
    insist_on_room(where, custody)
    write_json(custody_file(where), custody.to_data())


def insist_on_room(where: Place, custody: Custody) -> None:
    """See that a plane's folder can hold the sockets of its keys.

    Raises:
        EnvironmentLacksError: it is too deep for a Unix socket.
    """
    if len(str(socket_of(where, max(custody.keys, key=len)))) > LONGEST_SOCKET:
        hint = "place the state elsewhere with XDG_STATE_HOME"
        raise EnvironmentLacksError(Problem("path-too-long", f"{where.folder} is too deep to hold a Unix socket", hint=hint))


def with_levels(before: Custody, levels: Mapping[str, str]) -> Custody:
    """Give a plane's keys under the trust levels of a newer plan; no key is ever forgotten."""
    return replace(before, levels=dict(levels), former=tuple(sorted(set(before.keys) - {PLANE, *levels.values()})))


def levels_digest(levels: Mapping[str, str]) -> str:
    """Give the digest of which namespace stands under which level, by which gate and commands see that they mean the same."""
    return hashlib.sha256(json.dumps(sorted(levels.items())).encode()).hexdigest()


def socket_of(where: Place, key: str) -> Path:
    """Give the Unix socket on which a key is served."""
    return where.folder / "kms" / f"{key}.sock"
