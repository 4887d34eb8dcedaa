"""The record of the guard's content, apart from the guard's file, so that a damaged file is written anew.

The API server reads an empty file as a guard that guards nothing, and keeps its last content where the file
is no JSON. So the file alone proves nothing. The record is in a folder that the API server does not read, is
written before the file, and names the process that holds the guard open for a moment, if there is one.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import orjson

from sovereign_ai.cluster.process import is_running, started_at
from sovereign_ai.cluster.state import ClusterDir, write_json
from sovereign_ai.errors import SovereignError
from sovereign_ai.files import CLUSTER, content_if_whole, content_of
from sovereign_ai.files.writing import replace
from sovereign_ai.frozen_dataclass import frozen_dataclass


@frozen_dataclass
class GuardRecord:
    """What is recorded of a guard.

    Attributes:
        content: the content that its file must have.
        pid: the process that holds it open; 0 if none does.
        started: when that process started, in clock ticks since boot.
        loaded: whether the API server has reported since that it has loaded this content.
    """

    content: bytes
    pid: int = 0
    started: int = 0
    loaded: bool = False

    @property
    def is_open(self) -> bool:
        """Whether a process that still runs holds the guard open."""
        return bool(self.pid) and is_running(self.pid, self.started)


def guard_file(cluster_dir: ClusterDir) -> Path:
    """Return the file from which the API server reads the guard."""
    return cluster_dir.folder / "admission" / "guard.json"


def write_guard_file(cluster_dir: ClusterDir, content: bytes) -> None:
    """Write the guard's file in one step, which the API server sees as one change of its folder.

    At each change of the folder the API server compiles the whole guard (WatchUntil in
    pkg/util/filesystem of k8s.io/apiserver 0.37.2): a temporary file in it would cost four compilations more.

    Raises:
        OSError: it cannot be written; an older file is then as it was.
    """
    replace(guard_file(cluster_dir), content, mode=0o600, scratch=cluster_dir.folder)


def record_file(cluster_dir: ClusterDir) -> Path:
    """Return the file of the record."""
    return cluster_dir.folder / "guard-record.json"


def read_record(cluster_dir: ClusterDir) -> GuardRecord | None:
    """Return the record; None where an older version wrote none, or the record is damaged."""
    try:
        data = orjson.loads(content_if_whole(record_file(cluster_dir), CLUSTER) or b"")
        content = str(data["content"]).encode()
        # Content of a damaged record must not be restored into the guard.
        if hashlib.sha256(content).hexdigest() != data["sha256"]:
            return None
        # Versions before this one did not record what was loaded.
        pid, started = data["pid"], data["started"]
        if type(pid) is not int or type(started) is not int:
            return None
        return GuardRecord(content, pid, started, data.get("loaded") is True)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def is_in_force(cluster_dir: ClusterDir, content: bytes) -> bool:
    """Return whether the guard's file has a content that the API server has loaded.

    An API server that starts reads the file before it answers. What loads another guard, or opens this one,
    records that first.
    """
    is_written = content_if_whole(guard_file(cluster_dir), CLUSTER) == content
    return is_written and read_record(cluster_dir) == GuardRecord(content, loaded=True)


def note_guard(
    cluster_dir: ClusterDir, content: bytes, *, opened: bool = False, loaded: bool = False
) -> None:
    """Record the content of the guard's file, before the file is written.

    Args:
        cluster_dir: the local control plane.
        content: the content that the file must have in the end.
        opened: whether this process opens the guard for a moment.
        loaded: whether the file has been written, and the API server has reported that it has loaded it.
    """
    pid = os.getpid() if opened else 0
    data = {
        "content": content.decode(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "pid": pid,
        "started": (started_at(pid) or 0) if pid else 0,
        "loaded": loaded,
    }
    write_json(record_file(cluster_dir), data)


def damaged_record(cluster_dir: ClusterDir) -> GuardRecord | None:
    """Return the record if the guard's file differs from it; None if it does not, or is open on purpose."""
    record = read_record(cluster_dir)
    if record is None or record.is_open:
        return None
    is_whole = content_if_whole(guard_file(cluster_dir), CLUSTER) == record.content
    # A process that is recorded and does not run any more died while it held the guard open.
    return None if is_whole and not record.pid else record


def is_readable(cluster_dir: ClusterDir) -> bool:
    """Return whether the guard's file is a list of policies: no more can be checked without a record."""
    try:
        content = content_of(guard_file(cluster_dir), CLUSTER)
        data = {"items": []} if content is None else orjson.loads(content)
    except (SovereignError, ValueError):
        return False
    return isinstance(data, dict) and isinstance(data.get("items"), list)
