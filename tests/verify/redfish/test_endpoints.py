"""The endpoints file: everything wrong with it is told, and no secret is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sovereign_ai.errors import SpecError
from sovereign_ai.verify.redfish.comparison import compare
from sovereign_ai.verify.redfish.endpoints import Endpoints, read_endpoints
from sovereign_ai.verify.redfish.names import gpu_of, same_model
from sovereign_ai.verify.redfish.reported_server import ReportedServer
from tests.render.lab import stack
from tests.verify.redfish.racks import PASSWORD, certificates, endpoints


@pytest.fixture
def file(tmp_path: Path) -> Path:
    certificates(tmp_path)
    return endpoints(tmp_path, [{"address": "https://127.0.0.1:1"}])


def refused(file: Path) -> str:
    with pytest.raises(SpecError) as told:
        read_endpoints(file)
    return str(told.value)


def test_a_password_that_others_may_read_is_refused(file: Path) -> None:
    (file.parent / "password").chmod(0o640)
    assert "open-password" in refused(file)
    assert "chmod 600" in refused(file)


def test_the_password_is_shown_nowhere(file: Path) -> None:
    given, access = read_endpoints(file)
    assert access.password == PASSWORD
    assert PASSWORD not in repr(access) + repr(given)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1",
        "127.0.0.1",
        "https://",
        "https://me:word@127.0.0.1",
        "https://127.0.0.1/redfish/v1",
    ],
)
def test_an_address_without_tls_or_with_more_than_a_host_is_refused(file: Path, address: str) -> None:
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump(data | {"endpoints": [{"address": address}]}), encoding="utf-8")
    told = refused(file)
    assert ("[secret]" if "word" in address else "bad-address") in told
    assert "endpoints[0].address" in told
    assert "me:word" not in told


def test_misspelt_fields_are_told_at_once_with_their_names_and_what_is_wrong_in_them(file: Path) -> None:
    file.write_text("usernam: x\npassword_file: password\nendpoints:\n  - {addres: x}\n", encoding="utf-8")
    with pytest.raises(SpecError) as told:
        read_endpoints(file)
    found = {(problem.code, problem.where.line, problem.hint) for problem in told.value.problems}
    assert ("unknown-field", 1, "did you mean 'username'?") in found
    assert ("unknown-field", 4, "did you mean 'address'?") in found
    assert sorted(problem.code for problem in told.value.problems) == [
        "bad-address",
        "unknown-field",
        "unknown-field",
    ]


@pytest.mark.parametrize("value", ["all", "3"])
def test_endpoints_that_are_neither_plan_nor_a_list_are_told_once(file: Path, value: str) -> None:
    file.write_text(f"username: x\npassword_file: password\nendpoints: {value}\n", encoding="utf-8")
    assert refused(file).count("endpoints.yaml") == 1


def test_plan_stands_for_every_machines_address(file: Path) -> None:
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump(data | {"endpoints": "plan"}), encoding="utf-8")
    plan = stack("lab")[1]
    services = read_endpoints(file)[0].services(plan)
    assert {(one.address, one.machine) for one in services} == {
        (f"https://{node.bmc}", node.name) for node in plan.nodes
    }
    assert len(services) == 16


def test_a_model_may_have_further_names() -> None:
    assert same_model("dgx-h100", "DGX H100", ())
    assert not same_model("dgx-h100", "DGX H200", ())
    assert same_model("mi300x-oam8", "AS -8125GS-TNMR2", ("AS-8125GS-TNMR2",))


@pytest.mark.parametrize(
    ("reported", "wanted"),
    [
        ("NVIDIA GB200", "gb200"),
        ("B200", "b200"),
        ("H200 141GB", "h200-sxm"),
        ("AMD Instinct MI300X OAM", "mi300x"),
    ],
)
def test_a_gpu_is_known_by_the_longest_name_in_its_model(reported: str, wanted: str) -> None:
    assert gpu_of(reported) == wanted


def test_a_given_version_counts_more_than_what_most_have() -> None:
    plan = stack("lab")[1]
    racked = [
        ReportedServer(node.name, "https://x", "dgx-h100", power="On", firmware={"BMC": "1"})
        for node in plan.nodes
    ]
    base = {"username": "u", "password_file": "p", "endpoints": "plan"}
    given = Endpoints.model_validate(base | {"firmware": {"dgx-h100": {"BMC": "2"}}})
    fields = [
        str(part) for one in compare(plan, racked, [], given).findings for part in (one.message, *one.also)
    ]
    assert sum(field.startswith("firmware.BMC") for field in fields) == 16
    fields = [
        str(part)
        for one in compare(plan, racked, [], Endpoints.model_validate(base)).findings
        for part in (one.message, *one.also)
    ]
    assert not any(field.startswith("firmware.BMC") for field in fields)
