"""Storage grades: how fast shared storage should be, by node and by scalable unit; watts of storage servers.

The published table truncates two of its write figures: one scalable unit at `good` is printed as
7 GB/s and at `best` as 62, where a quarter of the printed figures for four units is 7.5 and 62.5.
The rows carry the exact values, and keep what was printed beside them.

    >>> good = grade("good")
    >>> str(good.unit_write), good.printed_unit_write, str(good.cluster_write(4))
    ('7.5 GB/s', 7, '30 GB/s')

A description names no model of a storage server, so its power is a range by medium and number of drives.

    >>> power = server_power("nvme", 24)
    >>> power.low, power.high, power.grade
    (520, 1600, <Grade.ESTIMATE: 'estimate'>)
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from sovereign_ai.catalog.figures import Figure, Grade, Row, Sourced, UnknownNameError, rows
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted
from sovereign_ai.units import BytesPerSecond, Watts


@frozen_dataclass(kw_only=True)
class StorageGrade(Sourced):
    """One grade of shared storage.

    Attributes:
        rank: order of the grades, 1 for `good`.
        suits: the work the grade is meant for.
        node_read: read rate that a single node can reach.
        node_write: write rate that a single node can reach.
        unit_read: read rate of all storage for one scalable unit.
        unit_write: write rate of all storage for one scalable unit, exact.
        four_units_read: read rate for four scalable units, as printed.
        four_units_write: write rate for four scalable units, as printed.
        printed_unit_write: whole GB/s that the table prints for `unit_write`, cut off.
    """

    rank: int
    suits: tuple[str, ...]
    node_read: BytesPerSecond
    node_write: BytesPerSecond
    unit_read: BytesPerSecond
    unit_write: BytesPerSecond
    four_units_read: BytesPerSecond
    four_units_write: BytesPerSecond
    printed_unit_write: int

    def cluster_read(self, units: int) -> BytesPerSecond:
        """Return the read rate of all storage for a number of scalable units; it grows in proportion."""
        return self.unit_read * units

    def cluster_write(self, units: int) -> BytesPerSecond:
        """Return the write rate of all storage for a number of scalable units; it grows in proportion."""
        return self.unit_write * units


def _grade(row: Row) -> StorageGrade:
    """Build one grade from its row."""

    def rate(key: str) -> BytesPerSecond:
        return row.needed_quantity(key, BytesPerSecond)

    # The planner multiplies the exact value; the printed one is kept only to compare it with its source.
    printed = row.needed_whole("printed_unit_write")
    return StorageGrade(
        name=row.name(),
        figures=row.figures,
        rank=row.needed_whole("rank"),
        suits=tuple(row.raw["suits"]),
        node_read=rate("node_read"),
        node_write=rate("node_write"),
        unit_read=rate("unit_read"),
        unit_write=rate("unit_write"),
        four_units_read=rate("four_units_read"),
        four_units_write=rate("four_units_write"),
        printed_unit_write=printed,
    )


@cache
def _by_name() -> Mapping[str, StorageGrade]:
    """Read the table once, from the lowest grade to the highest."""
    unsorted = [_grade(row) for row in rows("storage_grades.json")]
    by_rank = sorted(unsorted, key=lambda grade: grade.rank)
    return MappingProxyType({grade.name: grade for grade in by_rank})


def grades() -> tuple[StorageGrade, ...]:
    """Return every grade, from `good` to `best`."""
    return tuple(_by_name().values())


def grade(name: str) -> StorageGrade:
    """Return one grade.

    Raises:
        UnknownNameError: there is no such name.
    """
    try:
        return _by_name()[name]
    except KeyError:
        raise UnknownNameError("storage grade", name, _by_name()) from None


@frozen_dataclass(kw_only=True)
class StorageMedium(Sourced):
    """What a storage server of a medium draws; both figures are ranges.

    Attributes:
        server_power: power of a server without its drives.
        drive_power: power of each drive.
    """

    server_power: Watts
    drive_power: Watts


@cache
def _media() -> Mapping[str, StorageMedium]:
    """Read the table once."""
    by_name: dict[str, StorageMedium] = {}
    for row in rows("storage_media.json"):
        by_name[row.name()] = StorageMedium(
            name=row.name(),
            figures=row.figures,
            server_power=row.needed_quantity("server_power", Watts),
            drive_power=row.needed_quantity("drive_power", Watts),
        )
    return MappingProxyType(by_name)


def media() -> tuple[StorageMedium, ...]:
    """Return every storage medium, sorted by name."""
    return tuple(_media().values())


@cache
def server_power(medium: str, drives: int) -> Figure:
    """Return the power of a storage server in watts, as a range.

    Its ends are those of the server plus those of each drive; the value is the upper end, which plans take.

    Args:
        medium: `nvme`, `ssd`, `hdd` or `tape`.
        drives: drives in the server.

    Raises:
        UnknownNameError: there is no such medium.
    """
    try:
        row = _media()[medium]
    except KeyError:
        raise UnknownNameError("storage medium", medium, _media()) from None
    ends = [0, 0]
    for field, count in (("server_power", 1), ("drive_power", drives)):
        figure = row.source_of(field)
        for end, watts in enumerate((figure.low, figure.high) if figure else ()):
            ends[end] += count * round(watts or 0)
    server, drive = row.figures
    return Figure(
        field="power",
        value=ends[1],
        low=ends[0],
        high=ends[1],
        unit="W",
        source=f"{server.source}; {counted(drives, 'drive')}: {drive.source}",
        read=max(server.read, drive.read),
        grade=Grade.ESTIMATE,
    )
