"""How long a list may be: far beyond what a factory has, and short enough that all other checks end.

The limits are checked before anything is compared or sized. A list that is too long is refused with its
limit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where
from sovereign_ai.spec.checks.lists import lists_of
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory

MOST_OF: Mapping[str, int] = {
    "sites": 200,
    "pools": 500,
    "fabrics": 100,
    "storage": 500,
    "keys": 500,
    "zones": 500,
    "tenants": 2_000,
    "residency": 500,
    "gateways": 1_000,
    "suppliers": 2_000,
    "services": 1_000,
    "providers": 100,
    "workloads": 5_000,
    "waivers": 2_000,
}
"""Field of the factory to the most entries."""
MOST_ENTRIES = 5_000
"""The most entries of every other list, such as a zone's tenants, a flow's ports or the registries."""


def check_limits(factory: AIFactory, fields: Collection[str]) -> Iterator[Problem]:
    """Yield every list that is too long, in some fields of the factory."""
    for path, _, entries in lists_of(factory, fields):
        most = MOST_OF.get(path, MOST_ENTRIES)
        if len(entries) > most:
            message = f"the list has {counted(len(entries), 'entry', 'entries')}, the most is {most:,}"
            hint = f"write at most {most:,}, or describe several factories"
            yield Problem("too-many-entries", message, Where(field=path), hint)
