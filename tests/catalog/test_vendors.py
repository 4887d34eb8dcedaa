"""Vendors of accelerators: what each has, and that no other room tells them apart."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from sovereign_ai.catalog.accelerator import accelerators
from sovereign_ai.catalog.figures import table
from sovereign_ai.catalog.supplier import supplier
from sovereign_ai.catalog.vendors import local_runtimes, vendor, vendors
from sovereign_ai.sim.features import _PROGRAMS
from tests.render.hosts.test_hosts import of

PACKAGE = Path(__file__).resolve().parents[2] / "sovereign_ai"
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent.name != "catalog"]
KINDS_OF_OTHERS = (
    PACKAGE / "rules" / "placeless_kinds.py",
    *sorted((PACKAGE / "rules" / "addons").glob("*.py")),
)
FORMATS_OF_VENDORS = (
    PACKAGE / "render" / "interop" / "aicr.py",
    PACKAGE / "operate" / "repair" / "maintenance.py",
    *sorted((PACKAGE / "render" / "kubernetes" / "operators").glob("*.py")),
    PACKAGE / "assess" / "fit" / "serving_platforms.py",
)
"""Files that a vendor's own program reads, and objects that it writes, which only its machines have."""
"""List the kinds of objects of many projects by their API groups, which are facts of those projects."""


def vendor_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the lines that name a vendor, its runtime or its domain in a text that is no docstring."""
    names = set()
    domains = []
    for row in vendors():
        names |= {row.name, row.title.casefold()}
        if row.runtime:
            names.add(row.runtime.handler)
        domains.append(re.escape(row.label_domain))
    domain = re.compile(rf"(?<![\w-])({'|'.join(domains)})(?![\w-])")
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in docstrings:
            continue
        if node.value.casefold() in names or domain.search(node.value):
            yield node.lineno, node.value


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('if chip.vendor == "nvidia": pass', 1),
        ('TABLE = {"amd": 1, "intel": 2}', 2),
        ('label = f"nvidia.com/gpu.{name}"', 1),
        ('driver = "gpu.amd.com"', 1),
        ('"""NVIDIA, at nvidia.com/gpu."""', 0),
        ('option = "intel_iommu=on"', 0),
    ],
)
def test_the_walk_sees_a_vendor_named_in_code(text: str, count: int) -> None:
    assert len(list(vendor_names(ast.parse(text)))) == count


def test_no_module_outside_the_catalogue_names_a_vendor() -> None:
    lines = []
    for path in MODULES:
        if path not in (*KINDS_OF_OTHERS, *FORMATS_OF_VENDORS):
            tree = ast.parse(path.read_bytes())
            lines += [f"{path.relative_to(PACKAGE)}:{line}: {text}" for line, text in vendor_names(tree)]
    assert len(MODULES) > 400
    assert lines == []


def test_every_vendor_of_an_accelerator_has_a_row_that_agrees_with_it() -> None:
    for chip in accelerators():
        row = chip.gpu_vendor
        if row.title == row.name:
            # Without a row: the hardware is known and no software of the vendor's.
            assert (row.driver, chip.dra_driver) == (None, None), chip.name
            continue
        assert row.driver, chip.name
        assert chip.resource.startswith(f"{row.label_domain}/"), chip.name
        assert chip.dra_driver == (row.dra.driver if row.dra else None), chip.name
        if row.dra:
            assert row.dra.whole_class.resource == chip.resource


def test_every_vendor_is_a_supplier_and_names_a_source_and_a_day_for_each_part() -> None:
    assert [row.name for row in vendors()] == ["amd", "intel", "nvidia"]
    for row in vendors():
        assert supplier(row.name).title == row.title
        parts = {
            field.name
            for field in dataclasses.fields(row)
            if dataclasses.is_dataclass(getattr(row, field.name))
        }
        assert set(row.sources) == parts
        for source in row.sources.values():
            text, _, day = source.rpartition(", read ")
            assert len(text) > 5
            assert date.fromisoformat(day)


def test_every_program_and_fault_that_a_vendor_names_is_known() -> None:
    programs = {row.features for row in vendors()} - {""}
    assert programs == set(_PROGRAMS)
    faults = [row.faults for row in vendors() if row.faults]
    assert faults
    for codes in faults:
        assert not codes.application & codes.hardware
        assert re.compile(codes.log).groups == 2


def test_a_vendor_without_a_row_has_nothing_but_its_name() -> None:
    row = vendor("example")
    assert (row.name, row.title) == ("example", "example")
    parts = [field.name for field in dataclasses.fields(row) if getattr(row, field.name)]
    assert parts == ["name", "title"]


def test_a_driver_is_pinned_to_the_version_as_its_vendor_writes_it() -> None:
    nvidia, amd = vendor("nvidia").driver, vendor("amd").driver
    assert nvidia is not None
    assert amd is not None
    assert nvidia.pattern("580.95.5") == "580.95.05*"
    assert nvidia.pattern("580.95") == "580.95*"
    assert amd.pattern("6.4.1") == "6.4.1*"
    for row in vendors():
        assert row.driver is not None
        assert set(row.driver.pinned) <= set(row.driver.packages)


@pytest.mark.parametrize(
    ("pool", "pci", "first"),
    [("instinct", "1002", "amdgpu-dkms=6.4.1*"), ("gaudi", "1da3", "habanalabs-dkms=1.22.0*")],
)
def test_each_vendor_has_its_own_driver_at_the_pools_version(pool: str, pci: str, first: str) -> None:
    gpu = of("plural").shared[f"pool_{pool}"]["gpu"]
    assert (gpu["pci"], gpu["packages"][0]) == (pci, first)


def test_the_runtimes_of_vendors_run_pods_on_their_own_machine() -> None:
    handlers = local_runtimes()
    assert {row.runtime.handler for row in vendors() if row.runtime} <= set(handlers)
    # It makes a virtual machine at a cloud's API.
    assert "kata-remote" not in handlers
    assert len(set(handlers)) == len(handlers)
    assert date.fromisoformat(table("vendors.json")["runtimes"]["read"])
