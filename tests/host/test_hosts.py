"""Host roles on real booted Debian systems, judged by what the machines show and never by Ansible's word."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.host.conftest import BROKEN, LAB, NAMES, Program, Said
from tests.host.machines import ADMIN, PREFIX, STRANGER

pytestmark = pytest.mark.host
MACHINES = NAMES[:3]


def address(program: Program, name: str) -> str:
    return next(node.address for node in program.plan.nodes if node.name == name)


def test_every_host_answers_before_anything_is_done(program: Program) -> None:
    said = program("prep", "--output", str(program.folder / "inventories"))
    assert (said.code, said.data["reach"]["states"]) == (0, {"ok": 4})
    assert sorted(file.name for file in (program.folder / "inventories").iterdir()) == [
        "fra1-serve-su0.json",
        "fra1-train-su0.json",
        "models-fra1-half0.json",
    ]


def test_a_broken_host_is_named_with_its_reason_and_the_others_finish(first: Said) -> None:
    assert first.code == 4
    assert first.states == {name: "failed" if name == BROKEN else "changed" for name in NAMES}
    assert "baseline: Packages" in first.hosts[BROKEN].failure
    assert "nftables" in first.hosts[BROKEN].failure or "kmod" in first.hosts[BROKEN].failure


def test_a_resumed_run_does_what_was_left_and_nothing_else(resumed: Said) -> None:
    assert (resumed.code, resumed.states) == (0, {BROKEN: "changed"})
    assert resumed.data["done_before"] == sorted(set(NAMES) - {BROKEN})


def test_the_second_run_changes_nothing(again: Said) -> None:
    assert {name: one.changes for name, one in again.hosts.items()} == {name: [] for name in NAMES}
    assert (again.code, again.states) == (0, dict.fromkeys(NAMES, "ok"))


def test_the_results_of_a_run_are_in_the_chain_and_a_changed_result_is_found(
    program: Program, first: Said
) -> None:
    evidence, result = program.folder / "first.evidence.json", program.folder / "first.json"
    verify = [
        str(Path(sys.executable).with_name("sovereign-ai")),
        "evidence",
        "verify",
        str(evidence),
        str(LAB),
    ]
    verify += ["--key", str(program.folder / "public.pem"), "--hosts"]
    good = subprocess.run(
        [*verify, str(result)], capture_output=True, text=True, check=False, env=program.environment
    )
    assert good.returncode == 0, good.stdout + good.stderr
    other = program.folder / "other.json"
    other.write_text(result.read_text().replace('"failed"', '"ok"'), encoding="utf-8")
    assert (
        subprocess.run(
            [*verify, str(other)], capture_output=True, check=False, env=program.environment
        ).returncode
        == 1
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_kernel_has_the_planned_parameters_now_and_after_a_boot(
    program: Program, again: Said, name: str
) -> None:
    machine = program.machine(name)
    assert machine.read("/proc/sys/net/ipv4/conf/all/arp_ignore").strip() == "1"
    assert machine.read("/proc/sys/net/ipv4/conf/all/accept_redirects").strip() == "0"
    kept = machine.read("/etc/sysctl.d/80-sovereign.conf")
    assert "net.ipv4.conf.all.arp_ignore = 1\n" in kept
    assert "vm.panic_on_oom = 0\n" in kept


def test_machines_have_huge_pages_and_memory_mapping_on_their_command_line(
    program: Program, again: Said
) -> None:
    text = program.machine("train-001").read("/etc/default/grub.d/80-sovereign.cfg")
    assert "iommu=pt numa_balancing=disable transparent_hugepage=madvise hugepagesz=2M hugepages=5120" in text


@pytest.mark.parametrize("name", MACHINES)
def test_units_run_and_those_of_the_next_boot_are_enabled(program: Program, again: Said, name: str) -> None:
    machine = program.machine(name)
    for unit in ("ssh", "containerd", "sovereign-firewall", "systemd-networkd", "systemd-journald"):
        assert machine.ask("systemctl", "is-active", unit, check=False).strip() == "active", unit
    for unit in ("ssh", "containerd", "sovereign-firewall", "kubelet", "chrony"):
        assert machine.ask("systemctl", "is-enabled", unit, check=False).strip() == "enabled", unit
    assert machine.ask("systemctl", "is-enabled", "ctrl-alt-del.target", check=False).strip() == "masked"
    failed = {
        line.split()[0]
        for line in machine.ask(
            "systemctl", "list-units", "--state=failed", "--no-legend", "--plain"
        ).splitlines()
    }
    assert failed <= {"run-rpc_pipefs.mount"}, (
        "a container may not mount the file system of NFS's daemons; nothing else may fail"
    )


def test_a_storage_server_has_no_runtime_and_no_kubelet(program: Program, again: Said) -> None:
    installed = program.machine("models-fra1-s001").ask("dpkg-query", "-W", "-f", "${Package}\n").split()
    assert {"nftables", "rdma-core"} <= set(installed)
    assert not {"containerd", "kubelet"} & set(installed)


def test_sshd_takes_keys_alone_and_an_administrator_gets_in_and_may_act(
    program: Program, again: Said
) -> None:
    effective = program.machine("train-001").ask("sshd", "-T").splitlines()
    assert {
        "passwordauthentication no",
        "permitrootlogin no",
        "allowusers sovereign",
        "authenticationmethods publickey",
    } <= set(effective)
    mate = program.machine("train-002")
    mate.write("/srv/id", program.private.read_text())
    mate.ask("chmod", "600", "/srv/id")
    options = [
        "-i",
        "/srv/id",
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "BatchMode=yes",
    ]
    target = f"sovereign@{address(program, 'train-001')}"
    assert mate.ask("ssh", *options, target, "sudo", "id", "-un").strip() == "root"
    refused = mate.ask("ssh", *options, target.replace("sovereign", "root"), "id", check=False)
    assert refused == ""


def test_ssh_answers_administrators_and_no_stranger(program: Program, again: Said) -> None:
    for name in MACHINES:
        assert program.site.connect("hub", ADMIN, address(program, name), 22)
        assert not program.site.connect("hub", STRANGER, address(program, name), 22)


def test_the_packet_filter_keeps_zones_apart_and_opens_what_is_declared(
    program: Program, again: Said
) -> None:
    here, mate, other = (address(program, name) for name in MACHINES)
    with program.site.listener("train-001", (8443, 9000)), program.site.listener("serve-001", (8443, 9000)):
        assert program.site.connect("train-002", mate, here, 9000)
        assert not program.site.connect("serve-001", other, here, 9000)
        assert not program.site.connect("serve-001", other, here, 8443)
        assert program.site.connect("train-001", here, other, 8443)
        assert not program.site.connect("train-001", here, other, 9000)


def test_a_storage_server_answers_its_own_zone_on_its_rail_and_no_other(
    program: Program, again: Said
) -> None:
    def rail(name: str) -> str:
        rows = json.loads(program.machine(name).ask("ip", "-j", "-4", "addr", "show", "storage0"))
        return str(rows[0]["addr_info"][0]["local"])

    with program.site.listener("models-fra1-s001", (2049,)):
        assert program.site.connect("serve-001", rail("serve-001"), rail("models-fra1-s001"), 2049)
        assert not program.site.connect("train-001", rail("train-001"), rail("models-fra1-s001"), 2049)


def test_a_rail_has_its_address_frame_and_table_in_the_kernel(program: Program, again: Said) -> None:
    machine = program.machine("train-001")
    link = json.loads(machine.ask("ip", "-j", "-4", "addr", "show", "compute0"))[0]
    assert (link["mtu"], link["operstate"], link["addr_info"][0]["local"]) == (9000, "UP", "10.64.0.66")
    rules = json.loads(machine.ask("ip", "-j", "rule", "show"))
    assert {"src": "10.64.0.66", "table": "100"}.items() <= next(
        one for one in rules if one.get("src") == "10.64.0.66"
    ).items()
    routes = json.loads(machine.ask("ip", "-j", "route", "show", "table", "100"))
    assert {route["dst"] for route in routes} == {
        one.cidr for one in program.plan.prefixes if one.use == "rail" and "compute" in one.owner
    }


def test_containerd_itself_says_that_it_took_its_settings(program: Program, again: Said) -> None:
    dump = program.machine("serve-001").ask("containerd", "config", "dump")
    assert 'sandbox_image = "registry.example.com/ai/pause:3.10.1"' in dump
    assert dump.count("SystemdCgroup = true") == 2
    assert (
        program.machine("serve-001").ask("test", "-S", "/run/containerd/containerd.sock", check=False) == ""
    )


def test_the_kubelet_is_of_the_planned_version_and_its_join_data_say_where_it_stands(
    program: Program, again: Said
) -> None:
    machine = program.machine("serve-001")
    assert machine.ask("dpkg-query", "-W", "-f", "${Version}", "kubelet").startswith("1.37.2-")
    join = yaml.safe_load(machine.read("/etc/kubernetes/join.yaml"))
    assert join["nodeRegistration"]["name"] == "serve-001"
    assert join["nodeRegistration"]["taints"][0]["value"] == "open"
    assert machine.ask("stat", "-c", "%a %U", "/etc/kubernetes/join.yaml").strip() == "600 root"


def test_without_a_gpu_the_driver_is_held_and_not_installed_and_that_is_said(
    program: Program, again: Said
) -> None:
    held = program.machine("train-001").read("/etc/apt/preferences.d/80-sovereign-gpu")
    assert "Package: nvidia-open\nPin: version 580.95.05*\nPin-Priority: 1001\n" in held
    assert any(
        note.startswith("0 of 8 accelerators of vendor 10de") for note in again.hosts["train-001"].notes
    )


def test_a_storage_tier_is_mounted_when_it_is_used_in_its_own_zone_alone(
    program: Program, again: Said
) -> None:
    assert (
        program.machine("serve-001").ask("systemctl", "is-enabled", "srv-models.automount").strip()
        == "enabled"
    )
    assert "What=10.64.1.119:/models" in program.machine("serve-001").read(
        "/etc/systemd/system/srv-models.mount"
    )
    assert program.machine("train-001").ask("ls", "/etc/sovereign/storage").split() == ["scratch.json"]


def test_what_somebody_changed_by_hand_is_named_and_put_right(program: Program, again: Said) -> None:
    machine = program.machine("serve-001")
    machine.ask("/bin/sh", "-c", "echo 0 > /proc/sys/net/ipv4/conf/all/arp_ignore")
    machine.ask("nft", "insert", "rule", "inet", "sovereign", "input", "tcp", "dport", "31337", "accept")
    machine.ask(
        "/bin/sh", "-c", "echo 'PasswordAuthentication yes' > /etc/ssh/sshd_config.d/80-sovereign.conf"
    )
    machine.ask("systemctl", "stop", "containerd")
    seen = program("check", "--limit", "serve-001", "--limit", "train-002")
    assert seen.code == 1
    assert seen.states == {"serve-001": "drift", "train-002": "ok"}
    named = {
        change["task"].rpartition(" : ")[2]: change["diff"] for change in seen.hosts["serve-001"].changes
    }
    assert named.keys() == {"Kernel parameters", "SSH by key alone", "Packet filter", "Units"}
    assert "- \t\ttcp dport 31337 accept\n" in named["Packet filter"]
    assert machine.read("/proc/sys/net/ipv4/conf/all/arp_ignore").strip() == "0"
    mended = program("configure", "--limit", "serve-001")
    assert (mended.code, mended.states) == (0, {"serve-001": "changed"})
    assert machine.read("/proc/sys/net/ipv4/conf/all/arp_ignore").strip() == "1"
    assert "31337" not in machine.ask("nft", "list", "table", "inet", "sovereign")
    assert "passwordauthentication no" in machine.ask("sshd", "-T")
    assert machine.ask("systemctl", "is-active", "containerd").strip() == "active"


def test_a_run_over_ssh_that_is_cancelled_leaves_no_process_behind_here_or_there(
    program: Program, again: Said
) -> None:
    machine, remote = program.machine("train-001"), program.over_ssh("train-001")
    machine.write("/usr/local/sbin/systemctl", "#!/bin/sh\nsleep 4711\n")
    machine.ask("chmod", "755", "/usr/local/sbin/systemctl")
    try:
        said = remote.until("baseline: Units", "configure", "--limit", "train-001")
        assert (said.code, said.states) == (4, {"train-001": "cancelled"}), said.hosts["train-001"].failure
        assert said.data["stopped"] == "cancelled in fra1-train-su0"
        assert machine.marked() == []
        for words in ("sleep\0004711", "ansible-playbook", "ControlPath", "[mux]"):
            assert words not in processes()
    finally:
        machine.ask("rm", "/usr/local/sbin/systemctl")
    assert remote("configure", "--resume", "--limit", "train-001").states == {"train-001": "ok"}
    assert "[mux]" not in processes()


def processes() -> str:
    """Give the command lines of every process of this machine, its containers' too, but this one's own."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(file.read_text(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)


def test_a_host_that_does_not_answer_is_unreachable_and_the_others_are_seen(
    program: Program, again: Said, tmp_path: Path
) -> None:
    given = json.loads((program.folder / "hosts.yaml").read_text())
    given["reach"]["train-002"] = {"connection": "ssh", "address": "127.0.0.1", "port": 9}
    file = tmp_path / "hosts.yaml"
    file.write_text(json.dumps(given), encoding="utf-8")
    said = program("prep", "--given", str(file), "--output", str(tmp_path / "inventories"))
    states = {one["host"]: one["state"] for one in said.data["reach"]["hosts"]}
    assert (said.code, states) == (
        1,
        {name: "unreachable" if name == "train-002" else "ok" for name in NAMES},
    )
    assert PREFIX not in json.dumps(said.data)
