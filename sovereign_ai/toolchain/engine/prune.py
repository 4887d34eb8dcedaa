"""Let node images go that a newer one of the same tag has replaced: about a gigabyte each, and nothing names them any more.

prune(Docker(), "internal.sovereign-ai.recipe")     # how many went; one that a container still uses stays
"""

from __future__ import annotations

from sovereign_ai.toolchain.engine.docker import Docker


def prune(docker: Docker, label: str) -> int:
    """Remove images without a name that bear a label of ours; give how many went. Images of others are never touched.

    Args:
        docker: the engine.
        label: the label's key.

    Raises:
        EnvironmentLacksError: no engine answers.
    """
    nameless = docker.lines("images", "--quiet", "--no-trunc", "--filter", "dangling=true", "--filter", f"label={label}")
    return sum(docker.run("image", "rm", identity).returncode == 0 for identity in dict.fromkeys(nameless))
