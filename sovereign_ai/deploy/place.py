"""Where the deployment's state lies, and the environment in which Pulumi finds it.

State is a folder of mode 0700 on the user's own disk. Secrets in it are encrypted under a key
file that the user may place elsewhere; no account, no server and no call home is involved.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from pathlib import Path

from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.toolchain.install import place_plugins
from sovereign_ai.toolchain.place import bin_dir

KEY_FILE = "SOVEREIGN_AI_KEY_FILE"
"""Environment variable that places the key file elsewhere, such as on a removable disk."""


def state_dir() -> Path:
    """Give the state folder, made with mode 0700: `$XDG_STATE_HOME/sovereign-ai`."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return _closed(Path(home) / "sovereign-ai")


def _closed(folder: Path) -> Path:
    """Make a folder of mode 0700, and close it to others if it is open."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    return folder


def key_file() -> Path:
    """Give the key file that encrypts secrets in the state, made on first use with mode 0600.

    Raises:
        EnvironmentLacksError: the user placed it elsewhere and it is not there, it is empty, or others can read it.
    """
    placed = os.environ.get(KEY_FILE)
    path = Path(placed) if placed else state_dir() / "state.key"
    if not path.exists():
        if placed:
            raise EnvironmentLacksError(
                Problem("no-key-file", f"{KEY_FILE} names {placed}, which does not exist", hint="mount it, or unset the variable")
            )
        _make_key(path)
    if not path.read_bytes().strip():
        hint = "put the key back from where it is kept; a new one opens no state that was written before"
        raise EnvironmentLacksError(Problem("empty-key-file", f"the key file {path} is empty", hint=hint))
    if path.stat().st_mode & 0o077:
        raise EnvironmentLacksError(Problem("open-key-file", f"others can read the key file {path}", hint=f"chmod 600 {path}"))
    return path


def _make_key(path: Path) -> None:
    """Make a key file, whole or not at all; where another command made one at the same time, that one stays."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink()


def pulumi_state(plane: str = "") -> Path:
    """Give the folder of Pulumi's state, made with mode 0700; the kind plane has one of its own, since the same stack may run on both."""
    return _closed(state_dir() / (f"pulumi-{plane}" if plane else "pulumi"))


def environment(stack: str, kubeconfig: Path | None, plane: str = "") -> dict[str, str]:
    """Give the variables under which a plain `pulumi up` in the stack's folder does what we do.

    Args:
        stack: name of the Pulumi stack, which is the cluster's name in the plan.
        kubeconfig: the cluster's kubeconfig; None leaves KUBECONFIG as the user has it.
        plane: `kind` for the kind plane, whose state lies apart; empty for any other.
    """
    state = state_dir()
    place_plugins(_closed(state / "pulumi-home"))
    values = {
        "PATH": f"{bin_dir()}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PULUMI_BACKEND_URL": f"file://{pulumi_state(plane)}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(key_file()),
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_HOME": str(state / "pulumi-home"),
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
        "PULUMI_SKIP_CHECKPOINTS": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_STACK": stack,
        "PULUMI_PYTHON_CMD": sys.executable,
    }
    if kubeconfig is not None:
        values["KUBECONFIG"] = str(kubeconfig)
    return values
