from __future__ import annotations

import re
import subprocess
from pathlib import Path

import orjson
import pytest
import yaml

from sovereign_ai.toolchain.node_image import parts
from sovereign_ai.toolchain.node_image.build import TAG, recipe
from sovereign_ai.toolchain.table import KIND_TOOLS, TOOLS

SCRIPTS = sorted((parts.FILES / "usr/local/bin").iterdir())
UNITS = parts.FILES / "etc/systemd/system"


@pytest.mark.parametrize("script", SCRIPTS, ids=[path.name for path in SCRIPTS])
def test_every_script_of_a_node_can_be_read_by_its_shell(script: Path) -> None:
    shell = script.read_text().splitlines()[0].removeprefix("#!")
    assert shell in {"/bin/sh", "/bin/bash"}
    done = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_unit_that_is_switched_on_is_there_and_none_is_masked_as_well() -> None:
    names = {entry.name.rpartition("/")[2]: entry.content for entry in parts.units()}
    wanted = {name for name, target in names.items() if target == f"../{name}"}
    assert wanted
    by_another = {
        word
        for path in UNITS.iterdir()
        for word in re.findall(r"^Wants=(.+)$", path.read_text(), re.MULTILINE)
    }
    assert {path.name for path in UNITS.iterdir()} == wanted | by_another
    assert by_another == {"load-images.service"}, (
        "kind waits for multi-user.target, which waits for what it wants itself"
    )
    assert not [name for name, target in names.items() if target == "/dev/null" and name in wanted]


def test_every_program_that_a_unit_starts_is_in_the_image() -> None:
    there = {f"/{place}" for place in parts.PROGRAMS.values()}
    there |= {f"/{path.relative_to(parts.FILES)}" for path in parts.FILES.rglob("*") if path.is_file()}
    for unit in UNITS.iterdir():
        for line in unit.read_text().splitlines():
            if line.startswith(("ExecStart=", "ExecStartPre=")):
                assert line.partition("=")[2].split()[0] in there, unit.name


def test_no_unit_asks_for_what_a_machine_may_withhold() -> None:
    for unit in UNITS.iterdir():
        assert "Limit" not in "".join(
            line for line in unit.read_text().splitlines() if not line.startswith("StartLimit")
        ), unit.name
        assert "OOMScoreAdjust" not in unit.read_text()


def test_the_audit_policy_writes_down_who_did_what_and_never_a_body() -> None:
    policy = orjson.loads((parts.FILES / "etc/sovereign-ai/audit.json").read_bytes())
    assert {rule["level"] for rule in policy["rules"]} == {"None", "Metadata"}
    assert policy["rules"][-1] == {"level": "Metadata"}


def test_each_node_makes_a_key_of_its_own_once(tmp_path: Path) -> None:
    script = (parts.FILES / "usr/local/bin/sovereign-secrets").read_text()
    keys = []
    for name in ("one", "two"):
        file = tmp_path / name / "encryption.json"
        file.parent.mkdir()
        for _ in range(2):
            subprocess.run(
                ["bash", "-c", script.replace("/etc/sovereign-ai/encryption.json", str(file))], check=True
            )
            keys.append(file.read_bytes())
        assert file.stat().st_mode & 0o777 == 0o600
        document = orjson.loads(file.read_bytes())
        first, last = document["resources"][0]["providers"]
        assert len(first["secretbox"]["keys"]) == 1
        assert last == {"identity": {}}
    assert keys[0] == keys[1]
    assert keys[2] == keys[3]
    assert keys[0] != keys[2]


def test_the_network_is_run_by_an_image_that_is_never_pulled_and_not_on_simulated_machines() -> None:
    documents = list(yaml.safe_load_all((parts.FILES / "kind/manifests/default-cni.yaml").read_text()))
    pod = next(one for one in documents if one["kind"] == "DaemonSet")["spec"]["template"]["spec"]
    for container in (*pod["initContainers"], *pod["containers"]):
        assert (container["image"], container["imagePullPolicy"]) == ("@KUBE_ROUTER@", "Never")
    (term,) = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ]
    assert term["matchExpressions"] == [{"key": "type", "operator": "NotIn", "values": ["kwok"]}]


def test_every_program_of_the_image_is_pinned_in_the_table() -> None:
    table = {**TOOLS, **KIND_TOOLS}
    assert set(parts.PROGRAMS) | set(parts.SERVERS) | set(parts.AGENTS) <= set(table)
    assert TAG.endswith(table["kubeadm"].version)
    assert recipe() == recipe()
