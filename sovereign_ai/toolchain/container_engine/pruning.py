"""Remove node images that a newer image with the same tag has replaced; each is about a gigabyte.

prune(Docker(), "internal.sovereign-ai.recipe")     # returns their number; one that a container uses stays
"""

from __future__ import annotations

from sovereign_ai.toolchain.container_engine.docker import Docker


def prune(docker: Docker, label: str) -> int:
    """Remove images that have a label but no name, and return how many were removed.

    Images without the label, which belong to others, are never touched.

    Args:
        docker: the engine.
        label: the label's key.

    Raises:
        EnvironmentLacksError: no engine answers.
    """
    filters = ("--filter", "dangling=true", "--filter", f"label={label}")
    nameless = docker.lines("images", "--quiet", "--no-trunc", *filters)
    removed = 0
    # An image may be listed twice.
    for identity in dict.fromkeys(nameless):
        if docker.run("image", "rm", identity).returncode == 0:
            removed += 1
    return removed
