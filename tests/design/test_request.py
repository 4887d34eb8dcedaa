"""What is wanted: machines, an ample site, and a site that fits its design."""

from __future__ import annotations

import pytest

from sovereign_ai.catalog.system import system, systems
from sovereign_ai.design.candidates import compute_fabrics, other_fabrics
from sovereign_ai.design.request import DesignRequest, fit_site
from sovereign_ai.errors import UsageError
from sovereign_ai.plan.factory import plan
from sovereign_ai.plan.feasibility import feasible
from sovereign_ai.spec.reader import read_data


@pytest.mark.parametrize("name", [machine.name for machine in systems() if machine.gpus])
def test_every_system_of_the_catalogue_has_a_site_on_which_it_fits(name: str) -> None:
    request = DesignRequest("x", 100, system(name), "DE")
    assert (request.machines - 1) * system(name).gpus < 100 <= request.machines * system(name).gpus
    ample = read_data(request.base(), "test").factory
    assert feasible(ample) == []
    fitted = read_data(fit_site(request.base(), ample, 0), "test").factory
    assert feasible(fitted) == []


def test_a_machine_without_gpus_has_no_number_of_them() -> None:
    with pytest.raises(UsageError, match="r660 has no GPUs"):
        DesignRequest("x", 100, system("r660"), "DE")


@pytest.mark.parametrize("name", ["dgx-h100", "dgx-b200", "dgx-b300"])
def test_a_fitted_site_survives_each_feed_and_is_hardly_larger_than_its_load(name: str) -> None:
    request = DesignRequest("x", 512, system(name), "DE")
    ample = read_data(request.base(), "test").factory
    data = fit_site(request.base(), ample, 35_000)
    [power] = plan(read_data(data, "test").factory).power
    assert all(power.survives.values())
    assert len(power.survives) > 1
    # Switches and servers are in the budget, and this plan has none.
    load = power.it_load + 35_000
    assert load <= power.it_budget < load + 10_000


def test_the_budget_of_a_fitted_site_is_refused_one_step_smaller() -> None:
    request = DesignRequest("x", 512, system("dgx-h100"), "DE")
    ample = read_data(request.base(), "test").factory
    data = fit_site(request.base(), ample, 0)
    budget = int(data["sites"][0]["power"]["it_budget"].removesuffix(" kW"))
    data["sites"][0]["power"]["it_budget"] = f"{budget - 10} kW"
    assert [problem.code for problem in feasible(read_data(data, "test").factory)] != []


def test_no_gpus_and_too_many_machines_are_refused() -> None:
    for gpus in (0, 10**10):
        with pytest.raises(UsageError):
            DesignRequest("x", gpus, system("dgx-h100"), "DE")


def test_what_nobody_asked_for_is_stated() -> None:
    said = " ".join(DesignRequest("x", 9, system("mi300x-oam8"), "SE").assumptions())
    assert "2 machines have 16" in said
    assert "assumed in SE" in said
    assert "no source gives the power supplies of mi300x-oam8" in said
    assert "no storage servers" in said
    assert "no storage servers" not in " ".join(
        DesignRequest("x", 8, system("dgx-h100"), "SE", storage="1 PB").assumptions()
    )


@pytest.mark.parametrize(
    ("gpus", "left", "nearest"),
    [
        (4, "1 machine is only", "72 GPUs in 1 rack"),
        (73, "1 machine is only", "72 GPUs in 1 rack, or 144 GPUs in 2 racks"),
        (71_000, "2 machines are only", "70,992 GPUs in 986 racks, or 71,064 GPUs in 987 racks"),
    ],
)
def test_a_part_of_an_nvlink_rack_is_told_with_the_nearest_whole_ones(
    gpus: int, left: str, nearest: str
) -> None:
    [note] = [text for text in _assumptions(gpus, "gb300-nvl72-tray") if "NVLink" in text]
    assert note.startswith(left)
    assert note.endswith(f"the nearest whole racks are {nearest}")


@pytest.mark.parametrize(
    ("gpus", "name"), [(72, "gb300-nvl72-tray"), (141, "gb300-nvl72-tray"), (73, "dgx-h100")]
)
def test_whole_nvlink_racks_and_machines_without_such_a_domain_are_no_part_of_one(
    gpus: int, name: str
) -> None:
    assert not any("NVLink" in text for text in _assumptions(gpus, name))


def _assumptions(gpus: int, name: str) -> list[str]:
    return DesignRequest("x", gpus, system(name), "SE", storage="1 PB").assumptions()


@pytest.mark.parametrize("gpus", [90_000, 100_000, 132_000])
@pytest.mark.parametrize("name", ["dgx-b200", "gb300-nvl72-tray", "gaudi3-oam8"])
def test_everything_around_the_compute_fabric_of_a_gigafactory_can_be_built(name: str, gpus: int) -> None:
    request = DesignRequest("x", gpus, system(name), "DE")
    _, compute = next(compute_fabrics(request))
    around = other_fabrics(request, compute)
    # The storage fabric follows the model of compute, so some do not carry so many machines.
    management = [fabric for fabric in around if fabric["role"] != "storage"]
    assert feasible(read_data({**request.base(), "fabrics": management}, "test").factory) == []


def test_ranges_that_a_user_gives_stay_as_they_are() -> None:
    given = {"network": {"pods": "10.0.0.0/9", "nodes": "172.16.0.0/12"}}
    request = DesignRequest("x", 200_000, system("gb300-nvl72-tray"), "DE", context=given)
    assert request.base()["network"] == given["network"]
