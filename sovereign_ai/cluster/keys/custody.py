"""The custody file of a control plane: its keys, their module, and the trust level of each namespace.

The file `config/keys.json` in the control plane's folder holds no secret: the module's path, the token's
label, the path of the PIN file, and the trust level of each namespace. While it exists, the control plane
starts with the key service and the secret gate.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sovereign_ai.cluster.state import ClusterDir, read_json, write_json
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, Where, nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass

if TYPE_CHECKING:
    from sovereign_ai.plan import ClusterPlan
    from sovereign_ai.spec import AIFactory

PLANE = "plane"
"""The key under which all secrets and configmaps are stored, whatever their trust level."""
LONGEST_SOCKET = 100
"""Characters of a socket's path, of which unix(7) allows 107."""


@frozen_dataclass
class ModuleLocation:
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


@frozen_dataclass
class Custody:
    """The keys of one control plane.

    Attributes:
        module: where they are kept.
        owner: part of their labels, which no other control plane's keys in the same module have.
        levels: namespace to trust level.
        former: trust levels that a namespace had once; secrets that were sealed then can still be read.
    """

    module: ModuleLocation
    owner: str
    levels: Mapping[str, str]
    former: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The control plane's key, then one for each trust level that a namespace has or had, sorted."""
        return (PLANE, *sorted({*self.levels.values(), *self.former}))

    def label(self, key: str) -> str:
        """Return a key's label in the module."""
        return f"sovereign-ai/{self.owner}/{key}"

    def require_level(self, level: str) -> str:
        """Return a trust level that has a key here.

        Raises:
            UsageError: there is none of that name.
        """
        if level not in self.keys:
            message = f"the control plane has no key {level!r}"
            raise UsageError(Problem("unknown-key", message, hint=nearest(level, self.keys)))
        return level

    def to_data(self) -> dict[str, Any]:
        """Return plain data; nothing in it is secret."""
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


def module_location(library: Path, token: str, pin_file: Path, environment: Sequence[str]) -> ModuleLocation:
    """Check what a user stated about a module.

    Args:
        library: the shared library.
        token: label of the token.
        pin_file: file that holds the PIN.
        environment: `NAME=PATH` variables that the module itself reads.

    Raises:
        UsageError: a variable is not `NAME=PATH`, or names no path: a secret does not belong there.
    """
    problems = []
    variables = {}
    for variable in environment:
        name, _, value = variable.partition("=")
        if name and value.startswith("/") and Path(value).exists():
            variables[name] = value
            continue
        # The value is not repeated: it may be the PIN, in the wrong option.
        message = f"--env {name or '…'} is not NAME=PATH of something that exists"
        problems.append(Problem("module-environment", message, hint="a PIN belongs in --pin-file"))
    if problems:
        raise UsageError(problems)
    return ModuleLocation(library.absolute(), token, pin_file.absolute(), variables)


def levels_of(factory: AIFactory, cluster: ClusterPlan) -> dict[str, str]:
    """Return the trust level of each namespace of a cluster, which is that of its zone."""
    trust = {zone.name: zone.trust for zone in factory.zones}
    return {namespace.name: trust[namespace.zone] for namespace in cluster.namespaces}


def new_owner(name: str) -> str:
    """Return a name for a control plane's keys that another of the same name does not share."""
    return f"{name}-{secrets.token_hex(4)}"


def custody_file(cluster_dir: ClusterDir) -> Path:
    """Return the file that records a control plane's keys."""
    return cluster_dir.config / "keys.json"


def has_custody(cluster_dir: ClusterDir) -> bool:
    """Return whether a control plane has keys in a module."""
    return custody_file(cluster_dir).exists()


def read_custody(cluster_dir: ClusterDir) -> Custody:
    """Read which keys a control plane has.

    Raises:
        EnvironmentLacksError: it has none, or the file is damaged.
    """
    file = custody_file(cluster_dir)
    data = read_json(file)
    if data is None:
        message = f"the control plane {cluster_dir.name!r} has no keys in a module"
        hint = "sovereign-ai keys init STACK --module LIBRARY --token LABEL --pin-file FILE"
        raise EnvironmentLacksError(Problem("no-keys", message, hint=hint))
    try:
        module = data["module"]
        environment = dict(module["environment"])
        place = ModuleLocation(
            Path(module["library"]), module["token"], Path(module["pin_file"]), environment
        )
        return Custody(place, data["owner"], dict(data["levels"]), tuple(data["former"]))
    except (KeyError, TypeError, ValueError):
        message = "the file does not state which keys the control plane has"
        problem = Problem("cluster-state-damaged", message, Where(str(file)), "put it back from a copy")
        raise EnvironmentLacksError(problem) from None


def write_custody(cluster_dir: ClusterDir, custody: Custody) -> None:
    """Record which keys a control plane has.

    Raises:
        EnvironmentLacksError: the path of its folder is too long for a Unix socket.
    """
    check_socket_paths(cluster_dir, custody)
    write_json(custody_file(cluster_dir), custody.to_data())


def check_socket_paths(cluster_dir: ClusterDir, custody: Custody) -> None:
    """Check that a control plane's folder can hold the sockets of its keys.

    Raises:
        EnvironmentLacksError: its path is too long for a Unix socket.
    """
    longest_key = max(custody.keys, key=len)
    if len(str(socket_of(cluster_dir, longest_key))) > LONGEST_SOCKET:
        message = f"{cluster_dir.folder} is too deep to hold a Unix socket"
        hint = "place the state elsewhere with XDG_STATE_HOME"
        raise EnvironmentLacksError(Problem("path-too-long", message, hint=hint))


def with_levels(before: Custody, levels: Mapping[str, str]) -> Custody:
    """Return a control plane's keys with the trust levels of a newer plan."""
    # No key is ever dropped: what was sealed under it must stay readable.
    former = set(before.keys) - {PLANE, *levels.values()}
    return replace(before, levels=dict(levels), former=tuple(sorted(former)))


def levels_digest(levels: Mapping[str, str]) -> str:
    """Return the digest of the trust levels of all namespaces, by which gate and commands compare theirs."""
    text = json.dumps(sorted(levels.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def socket_of(cluster_dir: ClusterDir, key: str) -> Path:
    """Return the Unix socket on which a key is served."""
    return cluster_dir.folder / "kms" / f"{key}.sock"
