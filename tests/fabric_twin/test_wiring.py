"""The commands that lay cables and address hosts."""

from __future__ import annotations

from sovereign_ai.fabric_twin.sample import choose_sample
from sovereign_ai.fabric_twin.wiring import apart, cable, host_link
from sovereign_ai.plan.fabric.cables import Cable
from sovereign_ai.render.hosts.network import rail_files
from tests.fabric_twin.planar import planar
from tests.render.lab import stack


def test_a_host_answers_by_the_pinged_rail_and_reaches_no_other_plane_by_it() -> None:
    compute, storage = choose_sample(*stack("lab")).parts
    mine = [end for end in compute.endpoints if end.host == "train-001"]
    assert [end.table for end in mine] == list(range(100, 108))
    for end in mine:
        lines = list(host_link(compute, end))
        assert f"rule add from {end.ip} lookup {end.table} priority 10000" in lines
        assert sum(f"dev {end.interface} src {end.ip}" in line for line in lines) == 8
        kept_out = [line for line in lines if "unreachable" in line]
        assert [line.split()[5] for line in kept_out] == list(storage.rails)
        assert {line.split()[3] for line in kept_out} == {end.ip}


def test_hosts_have_the_tables_and_rules_of_their_network_files() -> None:
    factory, derived = planar(2)
    files = rail_files(derived)
    for part in choose_sample(factory, derived).parts:
        for end in part.endpoints:
            text = files[end.host][f"/etc/systemd/network/30-{end.interface}.network"]
            lines = list(host_link(part, end))
            assert f"Address={end.address}\n" in text
            assert f"From={end.ip}\nTable={end.table}\nPriority=10000\n" in text
            assert text.count("\n[Route]\n") == sum(line.startswith("route add") for line in lines)
            kept_out = [line.split()[5] for line in lines if "unreachable" in line]
            assert [f"From={end.ip}\nTo={one}\nType=unreachable\n" in text for one in kept_out] == [
                True
            ] * len(kept_out)
            assert text.count("Type=unreachable") == len(kept_out)


def test_a_cable_is_a_pair_of_ends_in_two_namespaces() -> None:
    command = cable("twin-lab.", Cable("leaf", "swp1", "spine", "swp9"))
    assert command == ("link add name swp1 netns twin-lab.leaf type veth peer name swp9 netns twin-lab.spine")


def test_the_rules_that_keep_planes_apart_can_be_deleted_one_by_one() -> None:
    part = choose_sample(*stack("lab")).parts[0]
    end = part.endpoints[0]
    added, deleted = list(apart(part, end)), list(apart(part, end, "del"))
    assert deleted == [line.replace("rule add ", "rule del ") for line in added] != []
