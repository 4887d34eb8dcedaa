"""The process that stands for the exporters of an embedded plane's simulated machines, for Prometheus.

    python -m sovereign_ai.sim.exporter FOLDER PORT

It answers `/nodes`, `/gpus`, `/controllers` and `/jobs` (`machine_pages.py`) on loopback, each with the
metrics of all machines: thousands of listeners would be thousands of ports. Prometheus alone may read them.
What they say follows from the description in the control plane's folder, read again when it has changed, and
from what the API server says at most ten seconds before. Where it says nothing, a page is an error, so that
nobody takes an old reading for a new one.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, cast

from sovereign_ai.cluster import (
    MACHINE_METRICS,
    MONITORING_CA,
    PROMETHEUS_USER,
    SUPERVISOR,
    CertificateHandler,
    CertificateServer,
    ClusterDir,
    description_file,
    server_context,
)
from sovereign_ai.cluster.api import Api, open_cluster
from sovereign_ai.errors import SovereignError
from sovereign_ai.files import DESCRIPTION, parse_json, read
from sovereign_ai.plan import Plan, plan
from sovereign_ai.sim.faults import faults
from sovereign_ai.sim.machine_pages import Seen, machine_pages
from sovereign_ai.spec import AIFactory, read_data
from sovereign_ai.text import clean

PAGES = ("nodes", "gpus", "controllers", "jobs")
FRESH_SECONDS = 10.0
"""How long a reading serves: the pages of one round of scrapes are of one moment, more or less."""
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class MachineReadings:
    """The pages of one cluster, made anew when they are old."""

    def __init__(self, cluster_dir: ClusterDir) -> None:
        self._where = cluster_dir
        self._lock = threading.Lock()
        self._api: Api | None = None
        self._described: tuple[int, AIFactory, Plan] | None = None
        self._pages: Mapping[str, str] = {}
        self._read_at = 0.0

    def page(self, name: str) -> str:
        """Return a page.

        Raises:
            SovereignError: the API server gave no answer or refused, or the description has problems.
            OSError: the description cannot be read.
        """
        with self._lock:
            if not self._pages or time.monotonic() - self._read_at > FRESH_SECONDS:
                self._pages = {}
                self._pages = self._read()
                self._read_at = time.monotonic()
            return self._pages[name]

    def _read(self) -> Mapping[str, str]:
        """Read the cluster once."""
        factory, derived = self._description()
        if self._api is None:
            self._api = open_cluster(self._where.identity(MACHINE_METRICS))
        api = self._api
        seen = Seen(
            nodes=api.list("v1", "Node"),
            pods=api.list("v1", "Pod"),
            claims=api.list("resource.k8s.io/v1", "ResourceClaim"),
            faults=faults(api, factory),
            at=datetime.now(UTC),
        )
        return machine_pages(derived, self._where.name, seen)

    def _description(self) -> tuple[AIFactory, Plan]:
        """Return description and plan, from the file where it has changed."""
        file = description_file(self._where)
        changed = file.stat().st_mtime_ns
        if self._described is None or self._described[0] != changed:
            factory = read_data(
                parse_json(read(file, DESCRIPTION), str(file), DESCRIPTION).data, str(file)
            ).factory
            self._described = (changed, factory, plan(factory, factory.where))
        return self._described[1:]


class MachineMetricsServer(CertificateServer):
    """Answers Prometheus and the supervisor.

    Attributes:
        readings: the pages.
    """

    def __init__(self, cluster_dir: ClusterDir, port: int) -> None:
        """Listen on a port of loopback."""
        self.readings = MachineReadings(cluster_dir)
        tls = server_context(cluster_dir.pki, MONITORING_CA, f"{MACHINE_METRICS}-server")
        super().__init__(port, _MetricsHandler, tls)


class _MetricsHandler(CertificateHandler):
    """One scrape, or one probe."""

    callers: ClassVar[Mapping[str, str]] = {
        "/healthz": f"sovereign-ai:{SUPERVISOR}",
        **{f"/{page}": PROMETHEUS_USER for page in PAGES},
    }

    def do_GET(self) -> None:  # noqa: N802 - the name that the standard library calls
        """Answer with a page, or that this process lives."""
        # A path that nobody may request is refused by `may`, whichever it is asked about.
        if not self.may(self.requested if self.requested in self.callers else "/healthz"):
            return
        if self.requested == "/healthz":
            self.send(200, b"ok", "text/plain")
            return
        server = cast("MachineMetricsServer", self.server)
        try:
            text = server.readings.page(self.requested.removeprefix("/"))
        except (SovereignError, OSError, KeyError) as error:
            _say(f"{self.requested}: {type(error).__name__}: {error}")
            self.send(503, b"", "text/plain")
            return
        self.send(200, text.encode(), _TEXT)


def _say(line: str) -> None:
    """Write a line to the log, with the time."""
    sys.stdout.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {clean(line)}\n")
    sys.stdout.flush()


def main(folder: Path, port: int) -> None:
    """Answer until the process is ended."""
    with MachineMetricsServer(ClusterDir(folder.name, folder), port) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
