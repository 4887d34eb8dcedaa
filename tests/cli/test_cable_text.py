"""`plan --cables`: the order list as a table, JSON and CSV, its known cost, and wrong input."""

from __future__ import annotations

import csv
from pathlib import Path

import orjson
import pytest

from sovereign_ai.assess.cost.order_prices import COLUMNS
from tests.cli.test_plan import STACKS, call

LAB = str(STACKS / "lab")


def test_the_table_names_every_part_and_fits_a_terminal() -> None:
    done = call("plan", LAB, "--cables", "--why")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "lab: 532 links, 856 pieces to order"
    assert [line.split() for line in lines if line.startswith("osfp-flat-800g-2xsr4")] == [
        ["osfp-flat-800g-2xsr4", "-", "64", "2"]
    ]
    assert "have no price and are in no total" in done.stdout
    assert any(line.startswith("  polarity: Type B") for line in lines)


def test_json_and_csv_have_the_same_lines_in_the_same_columns(tmp_path: Path) -> None:
    file = tmp_path / "order.csv"
    done = call("plan", LAB, "--cables", "--order", str(file), "--json")
    data = orjson.loads(done.stdout)
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert COLUMNS[:10] == (
        *("site", "phase", "use", "kind", "part", "description"),
        *("connector", "polarity", "length_m", "pieces"),
    )
    assert [row["part"] for row in rows] == [line["part"] for line in data["lines"]]
    assert sum(int(row["pieces"]) for row in rows) == 856
    assert data["links"] == 532
    assert data["cost"]["complete"] is False
    assert data["cost"]["known_usd"] is None
    assert all(row["price_usd"] == "" and row["cost_usd"] == "" for row in rows)


def test_a_price_of_the_user_makes_a_known_part_and_the_rest_stays_out_of_it(tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("price.osfp-flat-800g-2xsr4: {value: 1000, low: 900, high: 1200, source: an offer}\n")
    data = orjson.loads(call("plan", LAB, "--figures", str(prices), "--json").stdout)
    assert data["cost"]["known_usd"] == [59_400.0, 66_000.0, 79_200.0]
    assert data["cost"]["priced_pieces"] == 66
    assert data["cost"]["unpriced_pieces"] == 856 - 66
    shown = call("plan", LAB, "--figures", str(prices)).stdout
    assert "known part of the cost: 66 kUSD [59 to 79], 66 pieces" in shown


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--order", "order.txt"), "end it in .csv"),
        (("--cables", "--phase", "later"), "the description has no phases"),
        (("--cables", "--picture", "plan.svg"), "leave out --output and --picture"),
    ],
)
def test_wrong_options_are_refused_with_what_to_do(arguments: tuple[str, ...], text: str) -> None:
    done = call("plan", LAB, *arguments)
    assert done.exit_code == 2
    assert text in done.output


def test_a_price_of_no_part_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("price.osfp-flat-800g-2xsr: 1\nelectricity.FI: 0.06\n")
    done = call("plan", LAB, "--cables", "--figures", str(prices))
    assert done.exit_code == 2
    assert "price.osfp-flat-800g-2xsr4" in done.output
    assert "electricity" not in done.output
