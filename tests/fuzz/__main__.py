"""Fuzzes every reader in turn and prints what is wrong; exit code 1 if anything is.

    python -m tests.fuzz                        ten minutes, shared by all readers
    python -m tests.fuzz --seconds 60 --reader yaml
    python -m tests.fuzz --reader yaml --input .sovereign/fuzz/wrong/yaml-crash-…    one input once more

Inputs that reach code which none before reached are kept in .sovereign/fuzz/corpus, so that the next run
begins where this one ended.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from tests.fuzz.limits import MOST_MEMORY
from tests.fuzz.readers import READERS

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "tests" / "fuzz" / "corpus"
REQUIREMENTS = ROOT / "tests" / "fuzz" / "requirements.txt"
FOLDER = ROOT / ".sovereign" / "fuzz"
_LONGEST_INPUT = 16_384
"""Bytes: enough for every seed; larger inputs only slow the search."""
_BASE_MEMORY = 1_024
"""MiB that the process itself may hold: the interpreter, the package and the fuzzer's own tables."""
_HANG_SECONDS = 60
"""For an input that never ends. Processor time has a limit of its own: the machine may be busy."""


def main() -> int:
    """Fuzz the readers that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="for all readers together")
    parser.add_argument("--reader", choices=sorted(READERS), help="only this one")
    parser.add_argument("--input", type=Path, help="one input, in place of fuzzing")
    asked = parser.parse_args()
    names = [asked.reader] if asked.reader else list(READERS)
    atheris = _atheris()
    wrong = []
    for name in names:
        seconds = max(1, asked.seconds // len(names))
        print(f"{name}: {seconds} s", flush=True)
        if _fuzz(name, atheris, seconds, asked.input):
            wrong.append(name)
    print(f"{len(wrong)} of {len(names)} readers wrong{': ' if wrong else ''}{', '.join(wrong)}")
    return 1 if wrong else 0


def _fuzz(name: str, atheris: Path, seconds: int, single: Path | None) -> int:
    """Fuzz one reader in a process of its own; return its exit status."""
    corpus, wrong = FOLDER / "corpus" / name, FOLDER / "wrong"
    for folder in (corpus, wrong):
        folder.mkdir(parents=True, exist_ok=True)
    # New inputs are written to the first folder; the seeds of the repository are only read.
    inputs = [str(single)] if single else [str(corpus), str(SEEDS / name)]
    memory = _BASE_MEMORY + (MOST_MEMORY >> 20)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={_LONGEST_INPUT}",
        f"-timeout={_HANG_SECONDS}",
        f"-rss_limit_mb={memory}",
        f"-malloc_limit_mb={MOST_MEMORY >> 20}",
        f"-artifact_prefix={wrong}/{name}-",
        "-print_final_stats=1",
        "-verbosity=1",
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(atheris)))}
    command = [sys.executable, "-m", "tests.fuzz.target", name, *inputs, *options]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def _atheris() -> Path:
    """Install the fuzzer into a folder of its own, by hash, and return the folder."""
    version = f"py{sys.version_info.major}.{sys.version_info.minor}"
    folder = FOLDER / f"atheris-{version}"
    mark = folder / ".whole"
    if not mark.exists() or mark.read_bytes() != REQUIREMENTS.read_bytes():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--upgrade"]
        command += ["--target", str(folder), "--requirement", str(REQUIREMENTS)]
        subprocess.run(command, check=True)
        mark.write_bytes(REQUIREMENTS.read_bytes())
    return folder


if __name__ == "__main__":
    sys.exit(main())
