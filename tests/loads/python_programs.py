"""Programs of PyPI that outputs are loaded into, in an environment of their own.

    python -m tests.loads.python_programs    install them

They are no dependencies of the project: a test that needs one fails where it is missing.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# Grafana numbers the SDK of Grafana 10.1 in an epoch of its own.
PACKAGES = ("infragraph==3.1.0", "grafana-foundation-sdk==1769699998!10.1.0")
FOLDER = Path(__file__).parents[2] / ".sovereign" / "loads"
PYTHON = FOLDER / "bin" / "python"
_LIST = FOLDER / "installed.txt"


def install() -> None:
    """Install the packages, where they are not installed already."""
    wanted = "\n".join(PACKAGES)
    if _LIST.is_file() and _LIST.read_text() == wanted:
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True)
    pip = (str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run([*pip, *PACKAGES], check=True)
    _LIST.write_text(wanted)


if __name__ == "__main__":
    install()
    sys.stderr.write(f"{', '.join(PACKAGES)}: {FOLDER}\n")
