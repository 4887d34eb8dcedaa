"""The folders of the deployment's state, and the environment in which Pulumi finds them.

The state is a folder of mode 0700 on the user's own disk. Secrets in it are encrypted under a key file that
the user may place elsewhere. No account, no server and no call home is involved.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from itertools import count
from pathlib import Path

from sovereign_ai.cluster.control_plane import state_folder_name
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.files import STATE_KEY, read
from sovereign_ai.files.writing import open_lock, prepare
from sovereign_ai.toolchain import bin_dir, private_folder
from sovereign_ai.toolchain.install import place_plugins

KEY_FILE = "SOVEREIGN_AI_KEY_FILE"
"""Environment variable that places the key file elsewhere, such as on a removable disk."""
RECORDS = "SOVEREIGN_AI_RECORDS"
"""Environment variable that passes the folder of the stacks' records, that of the state, to a program."""


def state_dir() -> Path:
    """Return the state folder, created with mode 0700: `$XDG_STATE_HOME/sovereign-ai`."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return _closed(Path(home) / "sovereign-ai")


def _closed(folder: Path) -> Path:
    """Create a folder of mode 0700, and remove the permissions of others from an existing one.

    Raises:
        EnvironmentLacksError: another account owns it, or could replace it.
    """
    return private_folder(folder)


def key_file() -> Path:
    """Return the key file that encrypts secrets in the state, created on first use with mode 0600.

    Raises:
        EnvironmentLacksError: the user placed it elsewhere and it does not exist, it is empty, or others can
            read it.
    """
    placed = os.environ.get(KEY_FILE)
    path = Path(placed) if placed else state_dir() / "state.key"
    if not path.exists():
        if placed:
            # A new key in its place, on a disk that is not mounted, would not open the existing secrets.
            message = f"{KEY_FILE} names {placed}, which does not exist"
            hint = "mount it, or unset the variable"
            raise EnvironmentLacksError(Problem("no-key-file", message, hint=hint))
        _make_key(path)
    if not read(path, STATE_KEY).strip():
        message = f"the key file {path} is empty"
        raise EnvironmentLacksError(Problem("empty-key-file", message, hint=STATE_KEY.hint))
    return path


def _make_key(path: Path) -> None:
    """Create a key file, whole or not at all; one that another command created at the same time stays."""
    fresh = prepare(path, f"{secrets.token_urlsafe(32)}\n".encode(), mode=0o600)
    # A hard link does not replace an existing file, as a rename would.
    try:
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink()


def pulumi_state(plane: str = "") -> Path:
    """Return the folder of Pulumi's state, created with mode 0700.

    Some control planes have one of their own, since the same stack may be deployed to several.
    """
    return _closed(state_dir() / state_folder_name(plane))


def keep_no_logs(home: Path) -> None:
    """Put a file where Pulumi would create its folder of logs, so that it writes none.

    The CLI writes every run's verbose log there, with all properties of all resources: 25 MB and two fifths
    of its time for a thousand objects, and no setting turns it off. A run has a log of its own, which
    `Outcome.log` names.

    Existing logs, as of an earlier version, are kept beside it: `logs-before`, `logs-before-2` and so on.
    """
    logs = home / "logs"
    # With such a folder a run works too, only slower.
    with contextlib.suppress(OSError):
        if logs.is_dir() and not logs.is_symlink():
            _set_aside(logs)
        os.close(open_lock(logs))


def _set_aside(folder: Path) -> None:
    """Rename a folder to the first free name; an empty one is removed."""
    with contextlib.suppress(OSError):
        folder.rmdir()
        return
    for number in count(1):
        suffix = "" if number == 1 else f"-{number}"
        kept = folder.with_name(f"{folder.name}-before{suffix}")
        if not os.path.lexists(kept):
            folder.rename(kept)
            return


def engine_variables(stack: str, kubeconfig: Path | None, plane: str = "") -> dict[str, str]:
    """Return the variables with which a plain `pulumi up` in the stack's folder does the same as this tool.

    Args:
        stack: name of the Pulumi stack, which is the cluster's name in the plan.
        kubeconfig: the cluster's kubeconfig; None leaves KUBECONFIG as the user has it.
        plane: `kind` for the kind control plane, whose state is separate; empty for any other.
    """
    state = state_dir()
    home = _closed(state / "pulumi-home")
    place_plugins(home)
    keep_no_logs(home)
    values = {
        # Fewer collections of Go's garbage collector, within a limit on memory.
        "GOGC": "400",
        "GOMEMLIMIT": "2GiB",
        "PATH": f"{bin_dir()}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PULUMI_BACKEND_URL": f"file://{pulumi_state(plane)}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(key_file()),
        # Plugins are installed by this tool, with verified digests: Pulumi must not download any.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_HOME": str(state / "pulumi-home"),
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
        # A provider that cannot reach its cluster would drop every object from the state, or report it
        # unchanged.
        "PULUMI_K8S_DELETE_UNREACHABLE": "false",
        "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE": "false",
        "PULUMI_PARALLEL": "32",
        "PULUMI_SKIP_CHECKPOINTS": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_STACK": stack,
        "PULUMI_PYTHON_CMD": sys.executable,
        RECORDS: str(pulumi_state(plane)),
    }
    if kubeconfig is not None:
        values["KUBECONFIG"] = str(kubeconfig)
    return values
