"""The record of a stack's identity and of the clusters that it was deployed to, kept beside its state.

Two stacks may describe one factory, or two factories plan objects of one name. So each stack has a UUID of
its own, which every object of it carries as a label. The UUID outlives `down` and `down --forget`, so that
objects left behind by a crash or under another address are still recognised as this stack's. A cluster is
recognised by the uid of its namespace `kube-system`, whatever its address, its kubeconfig and its
certificates are.

Where Pulumi keeps the state in a folder, the record is in that folder. For a state elsewhere, as in Pulumi
Cloud or in a bucket, the UUID is derived from its address, so that every host that deploys it uses the same
one.

    record = StackRecord(record_path(pulumi_state(), "lab", "lab"))
    record.identity()                      # created at the first call, and kept
    record.put_cluster("lab", identity)
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import orjson

from sovereign_ai.cluster import write_json
from sovereign_ai.deploy.state.kept_files import content_if_whole
from sovereign_ai.deploy.state.pulumi_environment import state_dir
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.files import SETTINGS
from sovereign_ai.frozen_dataclass import frozen_dataclass

_FOLDER = "identities"
_LAYOUT = 1
_RARE_KINDS, _BEGUN, _RENAMES = "rare_kinds", "begun", "renames"
"""Members of the record that an older version does not write."""


@frozen_dataclass
class ClusterIdentity:
    """The identity of a cluster.

    Attributes:
        uid: the uid of its namespace `kube-system`: the identity itself.
        authority: SHA-256 of the certificates of the authority that the kubeconfig trusts, hexadecimal; it
            may be changed on a cluster that stays the same. Empty where the kubeconfig names none.
        server: the server's URL, for people to read.
    """

    uid: str
    authority: str
    server: str


class StackRecord:
    """The record of one stack; nothing is written before it is needed.

    Args:
        path: the record's file.
        identity: the stack's UUID where it is derived from the state's address; else the file has it.
    """

    def __init__(self, path: Path, identity: str = "") -> None:
        self.path = path
        self._identity = identity

    def identity(self, fallback: str = "") -> str:
        """Return the stack's UUID, created and recorded at the first call.

        Args:
            fallback: the UUID that the state's own objects carry, for a file that is lost.

        Raises:
            EnvironmentLacksError: the file is damaged.
        """
        if self._identity:
            return self._identity
        return self.recorded_identity() or self._make(fallback or str(uuid.uuid4()))

    def recorded_identity(self) -> str:
        """Return the recorded UUID of the stack; empty where there is none.

        Raises:
            EnvironmentLacksError: the file is damaged.
        """
        return str(self._read().get("stack", ""))

    def cluster(self, name: str) -> ClusterIdentity | None:
        """Return the cluster that the stack was deployed to last; None where none is recorded.

        Args:
            name: the deployment's name.

        Raises:
            EnvironmentLacksError: the file is damaged.
        """
        entry = self._read().get("clusters", {}).get(name)
        return ClusterIdentity(**entry) if entry else None

    def put_cluster(self, name: str, identity: ClusterIdentity) -> None:
        """Record the cluster that the stack is deployed to.

        Raises:
            EnvironmentLacksError: the file is damaged.
        """
        data = self._read()
        data["clusters"] = {**data.get("clusters", {}), name: asdict(identity)}
        self._write(data)

    def has_rare_kinds(self, name: str) -> bool:
        """Return whether a deployment may have objects of kinds that only controllers bring.

        Args:
            name: the deployment's name.

        Raises:
            EnvironmentLacksError: the file is damaged.
        """
        return bool(self._noted(_RARE_KINDS).get(name))

    def put_rare_kinds(self, name: str, *, has_any: bool) -> None:
        """Record whether a deployment may have objects of kinds that only controllers bring.

        Raises:
            EnvironmentLacksError: the file is damaged.
        """
        self._note(_RARE_KINDS, name, has_any)

    def begun(self, name: str) -> str:
        """Return the digest of the objects whose deployment was begun last; empty where none is recorded.

        Args:
            name: the deployment's name.

        Raises:
            EnvironmentLacksError: the file is damaged.
        """
        return str(self._noted(_BEGUN).get(name, ""))

    def begun_renames(self, name: str) -> Mapping[str, Any]:
        """Return what the deployment that was begun last took for renamed, as plain data.

        Args:
            name: the deployment's name.

        Raises:
            EnvironmentLacksError: the file is damaged.
        """
        noted = self._noted(_RENAMES).get(name)
        return noted if isinstance(noted, dict) else {}

    def put_begun(self, name: str, digest: str, renames: Mapping[str, Any] | None = None) -> None:
        """Record the objects whose deployment begins, by their digest, and what it takes for renamed.

        Raises:
            EnvironmentLacksError: the file is damaged.
        """
        renamed = {_RENAMES: {**self._noted(_RENAMES), name: dict(renames or {})}}
        self._write({**self._read(), **renamed, _BEGUN: {**self._noted(_BEGUN), name: digest}})

    def _noted(self, member: str) -> dict[str, Any]:
        """Return what is noted of each deployment in a member of the record."""
        noted = self._read().get(member)
        return noted if isinstance(noted, dict) else {}

    def _note(self, member: str, name: str, value: str | bool) -> None:
        """Note something of a deployment in a member of the record."""
        self._write({**self._read(), member: {**self._noted(member), name: value}})

    def drop_clusters(self) -> None:
        """Record that nothing of the stack is deployed any more; its UUID stays.

        Raises:
            EnvironmentLacksError: the file is damaged.
        """
        data = self._read()
        if data.pop("clusters", None):
            self._write(data)

    def _make(self, identity: str) -> str:
        """Record a UUID and return it.

        Where another command recorded one at the same time, return that one.
        """
        self._make_folders()
        scratch = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex}")
        write_json(scratch, {"layout": _LAYOUT, "stack": identity})
        # A hard link appears whole or not at all, and does not replace an existing file, as a rename would.
        try:
            with contextlib.suppress(FileExistsError):
                os.link(scratch, self.path)
        finally:
            scratch.unlink()
        return self.recorded_identity()

    def _write(self, data: Mapping[str, Any]) -> None:
        self._make_folders()
        stack = data.get("stack") or self._identity or str(uuid.uuid4())
        write_json(self.path, {"layout": _LAYOUT, **data, "stack": stack})

    def _make_folders(self) -> None:
        """Create the folders above the file, each with mode 0700."""
        # One by one: `parents=True` alone would give the upper ones the default mode.
        for folder in (self.path.parent.parent.parent, self.path.parent.parent, self.path.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _read(self) -> dict[str, Any]:
        """Return the file's content; empty where there is none."""
        if not os.path.lexists(self.path):
            return {}
        try:
            data = orjson.loads(content_if_whole(self.path) or b"")
        except ValueError:
            data = None
        if isinstance(data, dict) and _is_newer(data):
            raise EnvironmentLacksError(self._newer())
        if isinstance(data, dict) and _is_record(data):
            return data
        # An unreadable record must not count as a new stack: its UUID would not match the live objects.
        hint = (
            "put a copy back, or remove the file: `sovereign-ai up` then reads the stack's identity from its "
            "state, and `sovereign-ai up --adopt` takes over objects of this factory whose stack is lost"
        )
        message = "the record of the stack's identity cannot be read"
        raise EnvironmentLacksError(Problem("stack-record-damaged", message, Where(str(self.path)), hint))

    def _newer(self) -> Problem:
        """Return the problem that a newer version wrote the record, which is whole and must stay."""
        message = "a newer version of sovereign-ai wrote the record of the stack's identity"
        return Problem("state-newer", message, Where(str(self.path)), "use that version, or a later one")


def record_path(backend: Path, project: str, stack: str) -> Path:
    """Return the file of a stack's record in the folder of its state."""
    return backend / _FOLDER / project / f"{stack}.json"


def record_of_backend(url: str, organization: str, project: str, stack: str) -> StackRecord:
    """Return a stack's record, wherever its state is.

    Args:
        url: Pulumi's backend, such as `file:///home/me/state` or `s3://bucket`; empty for Pulumi Cloud.
        organization: the stack's organization; backends in a folder have only `organization`.
        project: the Pulumi project.
        stack: the Pulumi stack.
    """
    folder = backend_folder(url)
    if folder is not None:
        return StackRecord(record_path(folder, project, stack))
    address = f"{url.rstrip('/')}/{organization}/{project}/{stack}"
    name = hashlib.sha256(address.encode()).hexdigest()[:16]
    path = record_path(state_dir() / "remote", name, stack)
    return StackRecord(path, str(uuid.uuid5(uuid.NAMESPACE_URL, address)))


def backend_folder(url: str) -> Path | None:
    """Return the folder of a file backend; None for any other backend.

    >>> backend_folder("file:///var/state?no_tmp_dir=true"), backend_folder("s3://bucket")
    (PosixPath('/var/state'), None)
    """
    if not url.startswith("file://"):
        return None
    path = url.removeprefix("file://").partition("?")[0]
    return Path(path).expanduser().absolute()


def current_backend() -> str:
    """Return the backend that Pulumi uses in this environment; empty where none is selected."""
    if url := os.environ.get("PULUMI_BACKEND_URL", ""):
        return url
    # Without the variable, Pulumi uses the backend of the last `pulumi login`.
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    try:
        # Pulumi's file and none of ours: a link in its place is followed.
        kept = content_if_whole(home / "credentials.json", SETTINGS)
        current = orjson.loads(kept or b"").get("current", "")
    except (ValueError, AttributeError):
        return ""
    return current if isinstance(current, str) else ""


def _is_newer(data: Mapping[str, Any]) -> bool:
    """Return whether a record has a layout that this version does not know."""
    layout = data.get("layout")
    return isinstance(layout, int) and layout > _LAYOUT


def _is_record(data: Mapping[str, Any]) -> bool:
    """Return whether a mapping is a record as this version writes it."""
    clusters = data.get("clusters", {})
    if not isinstance(data.get("stack"), str) or not data["stack"] or not isinstance(clusters, dict):
        return False
    parts = {entry.name for entry in fields(ClusterIdentity)}
    for entry in clusters.values():
        if not isinstance(entry, dict) or set(entry) != parts:
            return False
        if not all(isinstance(value, str) for value in entry.values()):
            return False
    return True
