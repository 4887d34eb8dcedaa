"""Remember which admission policies an API server has accepted, so that a dry run compiles each of them once.

An API server compiles every expression of a policy that it is sent, in a dry run too: 2 to 4 s of processor
time for all policies of a factory (Kubernetes 1.37.2, measured 2026-11). Whether one compiles depends on it
and on the server's version alone. So a policy that a server has accepted is not tried a second time, as by
`up` after `preview`. It is still written: what else may refuse it since, such as a right that was taken away
or a webhook, then ends the deployment before any object that the policy judges.

    accepted = policies_accepted_by(api)
    if not accepted.includes(policy):
        api.create(policy, dry_run=True)
        accepted.add(policy)
    accepted.save()
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

import orjson

from sovereign_ai.cluster.api import Api, ApiError
from sovereign_ai.deploy.state.kept_files import content_if_whole
from sovereign_ai.deploy.state.pulumi_environment import state_dir
from sovereign_ai.files.writing import write_private
from sovereign_ai.frozen_dataclass import frozen_dataclass

_COMPILED = frozenset({"ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"})
_FOLDER = "accepted-policies"
_MOST = 200
"""Digests that are kept for a server: those of several factories, each in a few revisions."""


@frozen_dataclass
class AcceptedPolicies:
    """The digests of the policies that one API server has accepted.

    Attributes:
        path: their file; None where they cannot be remembered.
        digests: the digests, the oldest first.
        new: those that were added since the file was read.
    """

    path: Path | None
    digests: tuple[str, ...] = ()
    new: dict[str, None] = field(default_factory=dict)

    def includes(self, obj: Mapping[str, Any]) -> bool:
        """Return whether the API server accepted this policy before; False for any other object."""
        return obj["kind"] in _COMPILED and _digest(obj) in self.digests

    def add(self, obj: Mapping[str, Any]) -> None:
        """Remember a policy that the API server has just accepted; any other object is ignored."""
        if obj["kind"] in _COMPILED:
            self.new[_digest(obj)] = None

    def save(self) -> None:
        """Write what was added; a file that cannot be written only costs the next dry run."""
        if self.path is None or not self.new:
            return
        kept = list(dict.fromkeys([*self.digests, *self.new]))[-_MOST:]
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            write_private(self.path, orjson.dumps(kept))


def policies_accepted_by(api: Api, *, is_local: bool = False) -> AcceptedPolicies:
    """Return the policies that an API server has accepted, as far as they are remembered.

    A cluster is recognised by the uid of its namespace `kube-system`. Another version of its API server has
    accepted nothing yet. The local control planes of one version are one server: this project builds and
    configures them, so that a new one accepts what the last one did.

    Args:
        api: the cluster.
        is_local: it is a local control plane.

    Raises:
        UnreachableError: there was no answer.
    """
    try:
        server = f"{'local' if is_local else api.identity()} {api.version()}"
    except ApiError:
        return AcceptedPolicies(None)
    path = state_dir() / _FOLDER / f"{hashlib.sha256(server.encode()).hexdigest()[:32]}.json"
    return AcceptedPolicies(path, _read(path))


def _read(path: Path) -> tuple[str, ...]:
    """Return the digests in a file; none where it is missing or damaged."""
    try:
        digests = orjson.loads(content_if_whole(path) or b"")
    except ValueError:
        return ()
    return tuple(map(str, digests)) if isinstance(digests, list) else ()


def _digest(obj: Mapping[str, Any]) -> str:
    """Return the digest of a policy without its metadata, which is not compiled."""
    content = [obj["apiVersion"], obj["kind"], obj["metadata"]["name"], obj.get("spec")]
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
