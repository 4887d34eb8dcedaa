"""How long a list may be: far beyond what a factory has, and short enough that all other checks end.

The limits are checked before anything is compared or sized. A list that is too long is refused with its
limit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where
from sovereign_ai.files import below
from sovereign_ai.spec.base import Model

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
    for name in type(factory).model_fields:
        if name in fields:
            yield from _walk(getattr(factory, name), name, MOST_OF.get(name, MOST_ENTRIES))


def _walk(value: object, path: str, most: int) -> Iterator[Problem]:
    """Check a value and every part below it."""
    if isinstance(value, tuple):
        if len(value) > most:
            message = f"the list has {len(value):,} entries, the most is {most:,}"
            hint = f"write at most {most:,}, or describe several factories"
            yield Problem("too-many-entries", message, Where(field=path), hint)
        # Only parts have lists below them: names and numbers are not walked.
        if value and isinstance(value[0], Model):
            for index, item in enumerate(value):
                yield from _walk(item, below(path, index), MOST_ENTRIES)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _walk(item, below(path, name), MOST_ENTRIES)
    elif isinstance(value, Model):
        for name, info in type(value).model_fields.items():
            yield from _walk(getattr(value, name), below(path, info.alias or name), MOST_ENTRIES)
