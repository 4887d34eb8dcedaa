"""NetBox itself, by its own import pages: lab, superpod and plural in one instance, and each a second time.

The second time nothing is changed. Skipped where NetBox cannot be had. Its forms take a tenth of a second a
cable.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.render.interop.netbox_exports import read_netbox_exports
from sovereign_ai.render.interop.output_files import DeliveredFacts, files
from tests.loads.netbox_instance import Instance, instance, missing
from tests.render.interop.test_output_files import SMALL, rows
from tests.render.lab import stack

pytestmark = pytest.mark.loads


@pytest.fixture(scope="module")
def netbox() -> Iterator[Instance]:
    reason = missing()
    if reason:
        pytest.skip(reason)
    # Sockets have short paths, and pytest's own folders long ones that no other account may enter.
    with tempfile.TemporaryDirectory(prefix="netbox-") as folder, instance(Path(folder)) as running:
        yield running


def exports(netbox: Instance, folder: Path) -> tuple[DeliveredFacts, dict[str, int]]:
    """Export everything; return it as `fabric render` reads it, and NetBox's number of rows a list."""
    folder.mkdir()
    (lines,) = netbox.drive("export", folder)
    return DeliveredFacts(netbox=read_netbox_exports(folder)), lines


def bring(netbox: Instance, name: str, folder: Path, known: DeliveredFacts) -> list[dict[str, Any]]:
    """Write a stack's import files and import them."""
    folder.mkdir()
    for file, text in files(*stack(name), known):
        if file.startswith("netbox/"):
            (folder / Path(file).name).write_text(text)
    return netbox.drive("import", folder)


def test_netbox_takes_every_stack_side_by_side_and_again_without_a_change(
    netbox: Instance, tmp_path: Path
) -> None:
    expected = {"sites": 0, "racks": 0, "devices": 0, "interfaces": 0, "cables": 0, "ip-addresses": 0}
    known, _ = exports(netbox, tmp_path / "before")
    for name in SMALL:
        told = bring(netbox, name, tmp_path / name, known)
        assert not [line for line in told if line["refused"]]
        again, counts = exports(netbox, tmp_path / f"after-{name}")
        for what in expected:
            (file,) = (line["file"] for line in told if line["file"].endswith(f"-{what}.csv"))
            expected[what] += len(rows(name, f"netbox/{file}"))
        assert {what: counts[what] for what in expected} == expected
        told = bring(netbox, name, tmp_path / f"{name}-again", again)
        assert not [line for line in told if line["refused"] or line["changes"]]
        # What the next stack's files are written after, too.
        known, unchanged = exports(netbox, tmp_path / f"end-{name}")
        assert unchanged == counts


def test_an_import_that_netbox_refuses_is_seen_as_refused(netbox: Instance, tmp_path: Path) -> None:
    # The test above would be worth nothing if the driver called a refusal an import.
    folder = tmp_path / "cables"
    folder.mkdir()
    columns = "side_a_device,side_a_type,side_a_name,side_b_device,side_b_type,side_b_name"
    (folder / "8-cables.csv").write_text(f"{columns}\nnobody,dcim.interface,a,nobody,dcim.interface,b\n")
    (line,) = netbox.drive("import", folder)
    assert line["refused"]
    assert line["changes"] == 0
