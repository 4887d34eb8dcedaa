"""Open the guard of the admission policies for a moment, and close it whatever happens.

with released(cluster_dir, api):
    ...                             # policies may be deleted
keep_guard(cluster_dir, api)        # in every command: closes what a dead process left open
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sovereign_ai.cluster.api.client import Api, UnreachableError
from sovereign_ai.cluster.guard import NOTHING, load_guard
from sovereign_ai.cluster.guard_record import (
    damaged_record,
    guard_file,
    is_readable,
    note_guard,
    read_record,
    write_guard_file,
)
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import SovereignError
from sovereign_ai.files import CLUSTER, content_if_whole, content_of, read


@contextlib.contextmanager
def released(cluster_dir: ClusterDir, api: Api) -> Iterator[None]:
    """Allow policies to be deleted while a block runs; if the block fails, restore the guard.

    A process that is killed in the block leaves a record of what to restore, which the next command does.

    Args:
        cluster_dir: the local control plane.
        api: its API.

    Raises:
        EnvironmentLacksError: the API server did not load the change.
    """
    path = guard_file(cluster_dir)
    record = read_record(cluster_dir)
    # The file may be damaged: the record has what it should hold.
    before = content_of(path, CLUSTER) if record is None else record.content
    before = NOTHING if before is None else before
    note_guard(cluster_dir, before, opened=True)
    try:
        load_guard(cluster_dir, api, NOTHING)
        yield
    except BaseException:
        _close(cluster_dir, api, before)
        raise
    # The guarded policies are deleted. Another guard that was written in the meantime must stay.
    if content_if_whole(path, CLUSTER) == NOTHING:
        note_guard(cluster_dir, NOTHING)


def restore_guard_file(cluster_dir: ClusterDir) -> str:
    """Write the guard's file anew if it is damaged or was left open.

    Returns:
        The repair in words, or that no record has the content; empty if the file is whole.
    """
    record = damaged_record(cluster_dir)
    if record is not None:
        write_guard_file(cluster_dir, record.content)
        note_guard(cluster_dir, record.content)
        why = "left open by a command that died" if record.pid else "damaged"
        return f"the guard of the admission policies was {why}; it is restored"
    if read_record(cluster_dir) is None and not is_readable(cluster_dir):
        file = guard_file(cluster_dir)
        damage_text = f"{file} is damaged, so that the admission policies may be unguarded"
        return f"{damage_text}: `sovereign-ai up` writes it anew"
    return ""


def restore_guard(cluster_dir: ClusterDir, api: Api) -> str:
    """Restore the guard if it is damaged or was left open, and wait until the API server has loaded it.

    Args:
        cluster_dir: the local control plane, which runs.
        api: its API.

    Returns:
        The repair in words, or that no record has the content; empty if the file is whole.

    Raises:
        EnvironmentLacksError: the API server did not load the restored guard.
    """
    restored = damaged_record(cluster_dir) is not None
    line = restore_guard_file(cluster_dir)
    if restored:
        # Without an answer the file is still right, and an API server that starts reads it.
        with contextlib.suppress(UnreachableError):
            load_guard(cluster_dir, api, read(guard_file(cluster_dir), CLUSTER))
    return line


def _close(cluster_dir: ClusterDir, api: Api, content: bytes) -> None:
    """Restore a guard: write the file whatever happens, then wait until it is in force, if that works."""
    path = guard_file(cluster_dir)
    if content_if_whole(path, CLUSTER) not in (None, NOTHING):
        return  # another command wrote a newer one
    write_guard_file(cluster_dir, content)
    note_guard(cluster_dir, content)
    with contextlib.suppress(SovereignError):  # the reason why the block ended counts
        load_guard(cluster_dir, api, content)
