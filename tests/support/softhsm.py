"""A token in SoftHSM."""

from __future__ import annotations

import functools
import os
import secrets
import shutil
import subprocess
from pathlib import Path

import pytest

from sovereign_ai.cluster.keys.custody import ModuleLocation

LIBRARY = Path("/usr/lib/softhsm/libsofthsm2.so")


# A process reads the module's configuration once, when it loads the library. A second token elsewhere would
# never be seen by tests that happen to run in the same process, so all of them share this one.
@functools.cache
def _token(base: Path) -> ModuleLocation:
    folder = base / "token"
    folder.mkdir(mode=0o700)
    (folder / "tokens").mkdir(mode=0o700)
    config = folder / "softhsm2.conf"
    tokens = f"directories.tokendir = {folder / 'tokens'}"
    config.write_text(f"{tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    pin = folder / "pin"
    pin.touch(mode=0o600)
    pin.write_text(f"{secrets.token_hex(12)}\n")
    command = ["softhsm2-util", "--init-token", "--free", "--label", "tests"]
    command += ["--so-pin", secrets.token_hex(8), "--pin", pin.read_text().strip()]
    assert shutil.which("softhsm2-util"), "these tests need SoftHSM: apt-get install softhsm2"
    environment = os.environ | {"SOFTHSM2_CONF": str(config)}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return ModuleLocation(LIBRARY, "tests", pin, {"SOFTHSM2_CONF": str(config)})


def token(folders: pytest.TempPathFactory) -> ModuleLocation:
    """Create a token with a random PIN in a file; SoftHSM must be installed (Debian's softhsm2)."""
    return _token(folders.getbasetemp())
