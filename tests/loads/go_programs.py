"""Programs that outputs are loaded into, built from their Go modules into a folder of their own.

    python -m tests.loads.go_programs    build them; the first time takes minutes

They are no tools of the project: a test that needs one fails where it is missing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".sovereign" / "loads-go"
HELM = FOLDER / "helm"
_HELM = "helm.sh/helm/v4/cmd/helm@v4.3.1"


def build() -> None:
    """Build what is missing."""
    if HELM.is_file():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOBIN": str(FOLDER), "CGO_ENABLED": "0"}
    subprocess.run(["go", "install", "-trimpath", _HELM], check=True, env=environment, cwd=FOLDER)


if __name__ == "__main__":
    build()
    sys.stderr.write(f"{_HELM}: {FOLDER}\n")
