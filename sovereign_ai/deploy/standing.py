"""On which cluster stands what a state holds.

Pulumi removes from the cluster that the state names and not from the one that a person names: the provider's kubeconfig of
the last deployment is kept. Where the two differ, what is true is said before anything is touched.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sovereign_ai.errors import Problem

_PROVIDER = "pulumi:providers:kubernetes"
_OBJECT = "kubernetes:"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a state holds of one stack.

    Attributes:
        stack: the stack's name.
        folder: the stack's folder.
        objects: how many Kubernetes objects.
        kubeconfig: the file by which they were deployed; None where no object was.
    """

    stack: str
    folder: Path
    objects: int
    kubeconfig: Path | None

    def is_on(self, kubeconfig: Path | None) -> bool:
        """Tell whether all of it stands on the cluster of this kubeconfig; nothing at all stands on every one."""
        if not self.objects or self.kubeconfig is None or kubeconfig is None:
            return True
        return self.kubeconfig.resolve() == kubeconfig.resolve()

    def elsewhere(self, kubeconfig: Path | None) -> Problem | None:
        """Say where it stands and what to do, if that is not the cluster of this kubeconfig."""
        if self.is_on(kubeconfig):
            return None
        down = f"sovereign-ai down {shlex.quote(str(self.folder))}"
        held = f"the state holds {self.objects} objects of {self.stack!r} on the cluster of {self.kubeconfig}"
        if self.kubeconfig is not None and self.kubeconfig.is_file():
            hint = f"they are removed by `{down} --cluster kubeconfig --kubeconfig {shlex.quote(str(self.kubeconfig))}`"
            return Problem("other-cluster", f"{held}, and not on that of {kubeconfig}", hint=hint)
        hint = (
            "put the file back and name it by --cluster kubeconfig --kubeconfig; if that cluster is no more, or has another kubeconfig now, "
            f"`{down} --forget` drops it from the state, and `up` takes over what still stands"
        )
        return Problem("cluster-gone", f"{held}, and that file is gone", hint=hint)


def standing(stack: str, folder: Path, resources: Iterable[Mapping[str, Any]]) -> Standing:
    """Read from a state's resources what it holds.

    Args:
        stack: the stack's name.
        folder: its folder.
        resources: as `pulumi stack export` gives them.
    """
    listed = list(resources)
    named = [one.get("inputs", {}).get("kubeconfig") for one in listed if one["type"] == _PROVIDER]
    path = next((folder / one for one in named if isinstance(one, str) and one and "\n" not in one), None)
    return Standing(stack, folder, sum(one["type"].startswith(_OBJECT) for one in listed), path)
