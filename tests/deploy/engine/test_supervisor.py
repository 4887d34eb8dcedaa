"""The program between a command and its engine, by itself.

With a command around it, in test_process.py.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from sovereign_ai.deploy.engine import supervisor as engine_supervisor

FILE = Path(engine_supervisor.__file__)


def test_it_needs_the_standard_library_alone() -> None:
    imported = {
        node.names[0].name for node in ast.walk(ast.parse(FILE.read_text())) if isinstance(node, ast.Import)
    }
    assert imported <= set(sys.stdlib_module_names)


def test_it_hands_a_request_on_that_came_while_it_started(tmp_path: Path) -> None:
    engine = "import signal, sys\nsignal.signal(signal.SIGINT, lambda *_: sys.exit(5))\nprint('begun', flush=True)\nsignal.pause()"  # noqa: E501 - one literal text
    start = (
        "import os, signal, subprocess, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n"
        "life, ours = os.pipe(); output, _ = os.pipe()\n"
        f"argv = [sys.executable, '-I', '-S', {str(FILE)!r}, str(life), str(output), '1', '', '--', sys.executable, '-c', {engine!r}]\n"  # noqa: E501 - one literal text
        "child = subprocess.Popen(argv, pass_fds=(life, output), stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "child.send_signal(signal.SIGINT)\n"
        "sys.exit(child.wait())\n"
    )
    assert (
        subprocess.run([sys.executable, "-c", start], cwd=tmp_path, check=False, timeout=30).returncode == 5
    )
