"""The configuration of hosts by Ansible: one Pulumi resource, its provider, and the runs behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.deploy.hosts.configuration import hosts_of
    from sovereign_ai.deploy.hosts.events import HostResult
    from sovereign_ai.deploy.hosts.journal import Journal
    from sovereign_ai.deploy.hosts.program import HostsEngine, HostsProgram
    from sovereign_ai.deploy.hosts.runner import HostRun, RunRequest, configure_twin, require_ansible, run
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "configuration": ("hosts_of",),
            "events": ("HostResult",),
            "journal": ("Journal",),
            "program": ("HostsEngine", "HostsProgram"),
            "runner": ("HostRun", "RunRequest", "configure_twin", "require_ansible", "run"),
        },
    )

__all__ = [
    "HostResult",
    "HostRun",
    "HostsEngine",
    "HostsProgram",
    "Journal",
    "RunRequest",
    "configure_twin",
    "hosts_of",
    "require_ansible",
    "run",
]
