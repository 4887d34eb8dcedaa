"""Rows that descriptions bring: typed and checked like those of the package, and shadowing nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.catalog import accelerator as accelerators
from sovereign_ai.catalog import parts
from sovereign_ai.catalog import switch as switches
from sovereign_ai.catalog import system as systems
from sovereign_ai.catalog.figures import clear_description_rows
from sovereign_ai.catalog.row_template import template
from sovereign_ai.catalog.user_rows import KINDS, add_rows, blocks
from sovereign_ai.errors import SpecError
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec.reader import load
from sovereign_ai.units import Watts


@pytest.fixture(autouse=True)
def _apart() -> Iterator[None]:
    clear_description_rows()
    yield
    clear_description_rows()


def filled(kind: str, name: str) -> dict[str, Any]:
    text = template(kind, name, date(2026, 11, 27)).replace("FILL IN", "our supplier's data sheet 7")
    row: dict[str, Any] = yaml.safe_load(text)["rows"][0]
    return row


def messages(*rows: dict[str, Any]) -> list[str]:
    return [f"{problem.where.field}: {problem.message}" for problem in add_rows(rows)]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_template_is_right_once_its_sources_are_filled_in(kind: str) -> None:
    assert all(
        "the source is not filled in" in text
        for text in messages(yaml.safe_load(template(kind, "ours", date(2026, 11, 27)))["rows"][0])
    )
    assert messages(filled(kind, "ours")) == []
    assert "ours" in {row.name for row in KINDS[kind].known()}


def test_what_a_row_lacks_it_says() -> None:
    for row in (*systems.systems(), *switches.switches(), *parts.parts()):
        for text in blocks(row):
            assert getattr(row, text.partition(":")[0]) is None
    assert (
        blocks(systems.system("gaudi3-oam8"))[0]
        == "nodes_per_rack: how many stand in a rack follows from the hall's limit and the rack's height"
    )
    row = filled("switch", "dark")
    del row["figures"]["power"]
    assert messages(row) == []
    assert blocks(switches.switch("dark")) == ["power: its watts are the range of its ports"]


def test_no_row_takes_the_name_of_one_of_the_package() -> None:
    [text] = messages(filled("system", "dgx-h100"))
    assert (
        text
        == "catalog[0].name: the catalogue has a system called 'dgx-h100' already, and no row shadows another"
    )
    assert systems.system("dgx-h100").max_power == Watts.parse("10.2 kW")


def test_another_description_with_other_figures_of_the_same_name_is_refused() -> None:
    row = filled("switch", "ours")
    assert messages(row) == messages(row) == []
    other = copy.deepcopy(row)
    other["figures"]["ports"]["value"] = 32
    assert "another description of this process has other figures for 'ours'" in messages(other)[0]
    assert switches.switch("ours").ports == 64


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda row: row.pop("vendor"), "catalog[0].vendor: no supplier is called nothing"),
        (
            lambda row: row.update(accelerator="h1000"),
            "catalog[0].accelerator: no accelerator is called 'h1000'",
        ),
        (lambda row: row.pop("accelerator"), "catalog[0]: a system with GPUs has an accelerator"),
        (lambda row: row.update(colour="red"), "catalog[0].colour: a row has no field 'colour'"),
        (
            lambda row: row["figures"].update(speed={}),
            "catalog[0].figures.speed: no figure is called 'speed'",
        ),
        (lambda row: row["figures"].pop("max_power"), "catalog[0].figures: max_power is absent"),
        (
            lambda row: row["figures"]["max_power"].update(unit="GB"),
            "catalog[0].figures.max_power: '11 GB' is an amount of bytes",
        ),
        (
            lambda row: row["figures"]["gpus"].update(value="eight"),
            "catalog[0].figures.gpus: 'eight' is no whole number",
        ),
        (
            lambda row: row["figures"]["supplies_required"].update(value=7),
            "catalog[0].figures.supplies_required: it requires 7 power supplies and has 6",
        ),
        (
            lambda row: row["figures"]["idle_power"].update(value=12),
            "catalog[0].figures.idle_power: 12 kW without work is more than its 11 kW at most",
        ),
        (lambda row: row.update(scalable_units=[32]), "catalog[0].scalable_units: a scalable unit has"),
        (
            lambda row: row["figures"]["gpus"].pop("source"),
            "catalog[0].figures.gpus: a figure without its 'source'",
        ),
        (
            lambda row: row["figures"]["gpus"].update(grade="rumour"),
            "catalog[0].figures.gpus.grade: 'rumour' is no grade",
        ),
        (
            lambda row: row["figures"]["gpus"].update(read="soon"),
            "catalog[0].figures.gpus.read: 'soon' is no day",
        ),
        (
            lambda row: row["figures"]["gpus"].update(grade="estimate"),
            "catalog[0].figures.gpus: an estimate is a range",
        ),
        (
            lambda row: row["figures"]["gpus"].update(grade="estimate", low=8, high=8),
            "catalog[0].figures.gpus: an estimate from 8 to 8 is no range",
        ),
        (
            lambda row: row["figures"]["gpus"].update(low=9, high=10),
            "catalog[0].figures.gpus: 8 lies outside 9 to 10",
        ),
        (lambda row: row["figures"]["gpus"].update(low=8), "catalog[0].figures.gpus: a range has both ends"),
        (lambda row: row.update(name="Our Server"), "catalog[0].name: 'Our Server' is no name of a row"),
        (lambda row: row["figures"]["gpus"].update(grade=[]), "catalog[0].figures.gpus"),
        (lambda row: row.update(kind="sistem"), "catalog[0].kind: 'sistem' is no kind of row"),
        (lambda row: row.update(figures=[]), "catalog[0].figures: a row has figures"),
    ],
)
def test_a_wrong_row_is_refused_with_what_is_wrong(change: Any, expected: str) -> None:
    row = filled("system", "ours")
    change(row)
    found = messages(row)
    assert any(text.startswith(expected) for text in found), found
    assert all(problem.hint for problem in add_rows([row]))
    assert "ours" not in {one.name for one in systems.systems()}


def test_all_that_is_wrong_with_rows_that_name_each_other_is_told_once() -> None:
    rows = [filled("supplier", "our-maker"), filled("accelerator", "our-chip"), filled("system", "ours")]
    rows[1]["vendor"] = rows[2]["vendor"] = "our-maker"
    rows[2]["accelerator"] = "our-chip"
    del rows[0]["title"], rows[0]["makes"]
    for name in ("tdp", "resource"):
        del rows[1]["figures"][name]
    rows[2]["figures"]["gpus"]["value"] = -8
    assert messages(*rows) == [
        "catalog[0].title: a supplier has a title",
        "catalog[0].makes: a supplier makes something",
        "catalog[1].figures: tdp is absent",
        "catalog[1].figures: resource is absent",
        "catalog[2].figures.gpus: -8 is not between 0 and 1,024",
    ]
    # A row that is right but names a wrong one is not added either.
    rows[2]["figures"]["gpus"]["value"] = 8
    assert len(messages(*rows)) == 4
    assert "ours" not in {one.name for one in systems.systems()}


def description(folder: Path, catalog: str = "catalog: [hardware.yaml]\n") -> Path:
    small = (Path(__file__).parents[1] / "spec" / "small.yaml").read_text()
    text = small.replace("system: dgx-h100", "system: our-system")
    assert text != small
    (folder / "factory.yaml").write_text(catalog + text)
    rows = [
        filled("supplier", "our-maker"),
        filled("accelerator", "our-chip"),
        filled("system", "our-system"),
    ]
    rows[1]["vendor"] = rows[2]["vendor"] = "our-maker"
    rows[2]["accelerator"] = "our-chip"
    rows[2]["figures"]["supplies"]["value"] = 8
    (folder / "hardware.yaml").write_text(yaml.safe_dump({"rows": rows}))
    return folder


def test_a_factory_of_machines_that_nobody_has_heard_of_is_planned(tmp_path: Path) -> None:
    factory = load(description(tmp_path))
    made = plan(factory)
    assert {node.system for node in made.nodes} == {"our-system"}
    assert accelerators.accelerator("our-chip").seat == "DE"


def test_a_row_without_gpus_names_no_accelerator_or_one_that_it_does_not_have() -> None:
    row = filled("system", "ours")
    row["figures"]["gpus"]["value"] = 0
    assert messages(row) == []
    del row["accelerator"]
    assert messages({**row, "name": "ours-too"}) == []


def test_a_machine_without_compute_ports_joins_no_compute_fabric(tmp_path: Path) -> None:
    file = description(tmp_path) / "hardware.yaml"
    rows = yaml.safe_load(file.read_text())
    rows["rows"][2]["figures"]["compute_nics"]["value"] = 0
    file.write_text(yaml.safe_dump(rows))
    with pytest.raises(SpecError, match="our-system of pool train has no compute ports"):
        plan(load(tmp_path))


def test_a_figure_of_a_file_is_in_the_digest_and_the_files_name_is_not(tmp_path: Path) -> None:
    before = load(description(tmp_path)).digest
    clear_description_rows()
    (tmp_path / "hardware.yaml").rename(tmp_path / "other.yaml")
    (tmp_path / "factory.yaml").write_text(
        (tmp_path / "factory.yaml").read_text().replace("hardware.yaml", "other.yaml")
    )
    assert load(tmp_path).digest == before
    clear_description_rows()
    (tmp_path / "other.yaml").write_text(
        (tmp_path / "other.yaml").read_text().replace("value: 130\n", "value: 131\n")
    )
    assert load(tmp_path).digest != before


@pytest.mark.parametrize("name", ["missing.yaml", "../hardware.yaml", "hardware.txt"])
def test_a_file_that_is_not_beside_the_description_is_refused_at_its_name(name: str, tmp_path: Path) -> None:
    description(tmp_path, f"catalog: [{name}]\n")
    with pytest.raises(SpecError) as caught:
        load(tmp_path)
    problem = caught.value.problems[0]
    assert (problem.code, problem.where.field, problem.where.line) == ("no-file", "catalog[0]", 1)


def test_a_problem_of_a_row_has_its_line_in_its_own_file(tmp_path: Path) -> None:
    description(tmp_path)
    file = tmp_path / "hardware.yaml"
    file.write_text(file.read_text().replace("value: 130\n", "value: heavy\n"))
    with pytest.raises(SpecError) as caught:
        load(tmp_path)
    problem = caught.value.problems[0]
    assert (problem.where.file, problem.where.field) == (
        str(file),
        "rows[2].figures.weight_kg",
    )
    assert problem.message == "'heavy' is no number"
