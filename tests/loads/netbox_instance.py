"""A NetBox of our own for one test: PostgreSQL, Redis and NetBox as `nobody`, on sockets in one folder.

    python -m tests.loads.netbox_instance    install NetBox, where there is a Python for it, with its tables

Nothing listens on a network address, and everything ends with the instance.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VERSION = "4.7.3"
FOLDER = Path(__file__).parents[2] / ".sovereign" / "netbox"
PYTHON = FOLDER / "bin" / "python"
_TABLES = FOLDER / f"tables-{VERSION}.sql"
"""An empty NetBox's database, which its migrations take minutes to make."""
DRIVER = Path(__file__).with_name("netbox_driver.py")
POSTGRES = Path("/usr/lib/postgresql/15/bin")
_AS_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
# What NetBox writes its manual with; nothing else needs it.
_MANUAL = re.compile(r"mkdocs|zensical|pymdown")
_CONFIGURATION = """RUN = {folder!r}
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
API_TOKEN_PEPPERS = {{1: "no secret either: the tokens end with this NetBox and are of fifty characters"}}
DATABASES = {{"default": {{"NAME": "netbox", "USER": "netbox", "HOST": RUN, "CONN_MAX_AGE": 300}}}}
REDIS = {{
    "tasks": {{"URL": f"unix://{{RUN}}/redis.sock?db=0", "DATABASE": 0}},
    "caching": {{"URL": f"unix://{{RUN}}/redis.sock?db=1", "DATABASE": 1}},
}}
SECRET_KEY = "no secret: this NetBox ends with its test and holds a plan that is public"
"""


def _pythons() -> Iterator[str]:
    """Yield interpreters that NetBox may run on: of the path, and those that pyenv keeps off it."""
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in (12, 13, 14):
        on_path = shutil.which(f"python3.{minor}")
        if on_path is not None:
            yield on_path
        for python in sorted(kept.glob(f"3.{minor}.*/bin/python")):
            yield str(python)


def install() -> str:
    """Install NetBox; return why it cannot be had, empty where it can."""
    if (FOLDER / ".installed").is_file():
        return ""
    for python in _pythons():
        # A version manager's stand-in may be there without the version.
        words = [python, "-m", "venv", "--clear", str(FOLDER)]
        if subprocess.run(words, check=False, stderr=subprocess.DEVNULL).returncode == 0:
            break
    else:
        return "NetBox 4.7 needs Python 3.12 or later, and there is none"
    pip = (str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run([*pip, "--no-deps", f"netbox=={VERSION}"], check=True)
    (metadata,) = FOLDER.glob("lib/*/site-packages/netbox-*.dist-info/METADATA")
    needed = []
    for line in metadata.read_text().splitlines():
        requirement = line.removeprefix("Requires-Dist: ")
        if requirement != line and "extra ==" not in line and not _MANUAL.match(requirement):
            # The client of PostgreSQL that is compiled already.
            needed.append(requirement.replace("[c,pool]", "[binary,pool]"))
    subprocess.run([*pip, *needed], check=True)
    (FOLDER / ".installed").touch()
    return ""


def missing() -> str:
    """Return why no instance can run here; empty where one can."""
    if os.geteuid():
        return "NetBox's database is started as another account, which takes root"
    if not (POSTGRES / "initdb").is_file() or shutil.which("redis-server") is None:
        return "no PostgreSQL 15 or Redis: run `make loads`"
    if not (FOLDER / ".installed").is_file():
        return "no NetBox: `make loads` installs it where there is Python 3.12 or later"
    return ""


class Instance:
    """A running NetBox."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def drive(self, action: str, folder: Path) -> list[dict[str, Any]]:
        """Import or export a folder and return what the driver says."""
        words = [str(PYTHON), str(DRIVER), action, str(folder)]
        done = subprocess.run(words, env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    @contextmanager
    def serve(self, folder: Path) -> Iterator[tuple[str, str]]:
        """Serve the REST API over TLS with server.pem and server.key of a folder; give address and token."""
        words = [str(PYTHON), str(DRIVER), "serve", str(folder)]
        pipe = subprocess.PIPE
        program = subprocess.Popen(words, env=self._environment, stdin=pipe, stdout=pipe, text=True)
        try:
            assert program.stdout is not None
            line = next(line for line in program.stdout if line.startswith("{"))
            told = json.loads(line)
            yield f"https://127.0.0.1:{told['port']}", told["token"]
        finally:
            # It ends with its input.
            program.communicate()


def _fill(folder: Path, environment: Mapping[str, str]) -> None:
    """Give the database NetBox's tables: by its seven hundred migrations, or as they left them before."""
    client = ("-h", folder, "-U", "netbox")
    if _TABLES.is_file():
        words = (POSTGRES / "psql", *client, "-q", "-v", "ON_ERROR_STOP=1", "-1", "-f", _TABLES, "netbox")
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        return
    migrate = (str(FOLDER / "bin" / "netbox"), "migrate", "--verbosity", "0")
    subprocess.run(migrate, check=True, env=environment, stdout=subprocess.DEVNULL)
    # Under another name first: a file that was cut off would count as whole.
    part = _TABLES.with_suffix(".part")
    subprocess.run((POSTGRES / "pg_dump", *client, "-f", part, "netbox"), check=True)
    part.replace(_TABLES)


@contextmanager
def instance(folder: Path) -> Iterator[Instance]:
    """Run NetBox with an empty database below a folder, whose path must be short: sockets are in it."""
    data, log = folder / "database", folder / "database.log"
    shutil.chown(folder, "nobody", "nogroup")
    initdb = (POSTGRES / "initdb", "-D", data, "-A", "trust", "-U", "netbox", "-E", "UTF8", "--no-sync")
    subprocess.run([*_AS_NOBODY, *initdb], check=True, capture_output=True, cwd=folder)
    options = f"-c listen_addresses='' -k {folder} -c fsync=off"
    control = (*_AS_NOBODY, POSTGRES / "pg_ctl", "-D", data, "-l", log, "-w")
    redis_words = ("redis-server", "--port", "0", "--unixsocket", folder / "redis.sock", "--save", "")
    redis = subprocess.Popen([*_AS_NOBODY, *redis_words], cwd=folder, stdout=subprocess.DEVNULL)
    try:
        subprocess.run([*control, "-o", options, "start"], check=True, cwd=folder, stdout=subprocess.DEVNULL)
        subprocess.run([POSTGRES / "createdb", "-h", folder, "-U", "netbox", "netbox"], check=True)
        (folder / "netbox_test_configuration.py").write_text(_CONFIGURATION.format(folder=str(folder)))
        environment = {
            **os.environ,
            "NETBOX_CONFIGURATION": "netbox_test_configuration",
            "PYTHONPATH": str(folder),
        }
        _fill(folder, environment)
        yield Instance(environment)
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, cwd=folder, capture_output=True)
        redis.terminate()
        redis.wait()


def make_tables() -> None:
    """Make the tables before tests run side by side, each of which would make them."""
    if not missing() and not _TABLES.is_file():
        with tempfile.TemporaryDirectory(prefix="netbox-") as folder, instance(Path(folder)):
            pass


if __name__ == "__main__":
    reason = install()
    make_tables()
    sys.stderr.write((reason or f"NetBox {VERSION}: {FOLDER}") + "\n")
