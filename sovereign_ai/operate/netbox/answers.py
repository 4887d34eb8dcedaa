"""NetBox's lists, page by page, and its rows, of which no field is taken on trust."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.operate.netbox.connection import NetBoxConnection

_PAGE = 500
_MOST_OBJECTS = 1_000_000
"""Objects of one list; the largest plan has a tenth of that."""
_MOST_PAGES = 20_000
"""Pages of one list, since a NetBox may be set to pages of fifty."""
_LONGEST = 2_000
"""Characters of a field that is compared; NetBox's own longest has 200."""
PATHS = {
    "manufacturers": "dcim/manufacturers",
    "device-roles": "dcim/device-roles",
    "device-types": "dcim/device-types",
    "sites": "dcim/sites",
    "racks": "dcim/racks",
    "devices": "dcim/devices",
    "interfaces": "dcim/interfaces",
    "cables": "dcim/cables",
    "vrfs": "ipam/vrfs",
    "prefixes": "ipam/prefixes",
    "ip-addresses": "ipam/ip-addresses",
    "custom-fields": "extras/custom-fields",
}
"""Kind of object to its path below `/api/`."""


def bad_answer(what: str) -> EnvironmentLacksError:
    """Return the error that an answer is not as NetBox writes it."""
    message = f"NetBox answers what NetBox 4 does not: {what}"
    hint = "look at NetBox, and whether --url is its address"
    return EnvironmentLacksError(Problem("netbox-answer", message, hint=hint))


@frozen_dataclass
class NetBoxRow:
    """One object of a list.

    Attributes:
        kind: its kind, for messages.
        data: its members.
    """

    kind: str
    data: Mapping[str, Any]

    def number(self, name: str = "id") -> int:
        """Return a number of an object, or a count.

        Raises:
            EnvironmentLacksError: it is none.
        """
        value = self.data.get(name)
        if type(value) is not int or not 0 <= value < 1 << 63:
            raise self._bad(name)
        return value

    def count(self, *names: str) -> int:
        """Return the sum of counts; one that this version of NetBox does not have counts nothing."""
        total = 0
        for name in names:
            if self.data.get(name) is not None:
                total += self.number(name)
        return total

    def text(self, name: str) -> str:
        """Return a text; empty where there is none.

        Raises:
            EnvironmentLacksError: it is something else, or very long.
        """
        value = self.data.get(name)
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > _LONGEST:
            raise self._bad(name)
        return value

    def choice(self, name: str) -> str | int:
        """Return the value of a choice, which NetBox writes with its label; empty where none is made."""
        value = self.data.get(name)
        if isinstance(value, Mapping):
            value = value.get("value")
        if value is None:
            return ""
        if type(value) is int or (isinstance(value, str) and len(value) <= _LONGEST):
            return value
        raise self._bad(name)

    def decimal(self, name: str) -> Decimal | None:
        """Return an exact number; None where there is none."""
        value = self.data.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)) > 40:
            raise self._bad(name)
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            raise self._bad(name) from None
        if not number.is_finite():
            raise self._bad(name)
        return number

    def inner(self, name: str) -> NetBoxRow | None:
        """Return another object that this one refers to; None where it refers to none."""
        value = self.data.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self._bad(name)
        return NetBoxRow(self.kind, value)

    def reference(self, name: str) -> int | None:
        """Return the number of another object; None where there is none."""
        other = self.inner(name)
        return None if other is None else other.number()

    def inner_rows(self, name: str) -> list[NetBoxRow]:
        """Return a list of objects within this one."""
        return rows_of(self.kind, self.data.get(name))

    def mark(self, name: str) -> str:
        """Return the text of a custom field; empty where it has none."""
        fields = self.inner("custom_fields")
        value = None if fields is None else fields.data.get(name)
        # A field of another sort is no mark of anybody's.
        return value if isinstance(value, str) else ""

    def _bad(self, name: str) -> EnvironmentLacksError:
        return bad_answer(f"{name} of one of the {self.kind}")


def rows_of(kind: str, data: Any) -> list[NetBoxRow]:
    """Return the objects of a list.

    Raises:
        EnvironmentLacksError: it is no list of objects.
    """
    if not isinstance(data, list) or not all(isinstance(entry, Mapping) for entry in data):
        raise bad_answer(f"no list of {kind}")
    return [NetBoxRow(kind, entry) for entry in data]


def list_rows(
    connection: NetBoxConnection, kind: str, query: Sequence[tuple[str, object]], fields: Sequence[str]
) -> Iterator[NetBoxRow]:
    """Yield every object of a list, by number.

    The pages are asked for by their place and not by the address that an answer names for the next one.

    Raises:
        EnvironmentLacksError: the list is not as NetBox writes it, or changes while it is read.
    """
    last, seen = 0, 0
    for _ in range(_MOST_PAGES):
        parameters = [*query, ("fields", ",".join(("id", *fields))), ("ordering", "id")]
        parameters += [("limit", _PAGE), ("offset", seen)]
        page = connection.request("GET", f"{PATHS[kind]}/?{urlencode(parameters)}")
        if not isinstance(page, Mapping):
            raise bad_answer(f"no list of {kind}")
        total = NetBoxRow(kind, page).number("count")
        if total > _MOST_OBJECTS:
            raise bad_answer(f"{total:,} {kind}, more than {_MOST_OBJECTS:,}")
        rows = rows_of(kind, page.get("results"))
        if len(rows) > _PAGE:
            raise bad_answer(f"a page of more than {_PAGE} {kind}")
        for row in rows:
            number = row.number()
            if number <= last:
                raise _changed(kind)
            last = number
            yield row
        seen += len(rows)
        if seen >= total:
            return
        if not rows:
            raise _changed(kind)
    raise bad_answer(f"{kind} in more than {_MOST_PAGES:,} pages")


def _changed(kind: str) -> EnvironmentLacksError:
    """Return the error that a list was not the same from page to page."""
    message = f"NetBox's list of {kind} changed while it was read"
    return EnvironmentLacksError(Problem("netbox-changed", message, hint="run it again"))
