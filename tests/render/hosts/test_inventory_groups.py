"""No text of an inventory is a template: Ansible itself evaluates none of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.render.hosts.hosts import inventory
from sovereign_ai.render.hosts.inventory_groups import Host, HostInventory, as_data
from sovereign_ai.render.hosts.site_facts import read_site_facts
from tests.hostile.fields import places, replaced
from tests.render.lab import stack

TEMPLATE = "{{ 7*7 }}"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP"
GIVEN: dict[str, Any] = {
    "account": "sovereign",
    "admin_keys": [f"{KEY} ops"],
    "admin_from": ["192.0.2.0/24"],
    "time_servers": ["ntp.example.com"],
    "log_server": "logs.example.com:6514",
    "control_planes": {"lab": "cp:6443"},
    "sandbox_image": "pause:3.10.1",
    "reach": {"train-001": {"connection": "netns", "address": "10.0.0.1", "namespace": "train-001"}},
}


def unmarked(data: Any) -> Iterator[str]:
    """Return the texts that Ansible would evaluate."""
    if isinstance(data, str):
        yield from [data] if "{{" in data or "{%" in data or "{#" in data else []
    elif isinstance(data, dict) and set(data) != {"__ansible_unsafe"}:
        for name, value in data.items():
            yield from unmarked(name)
            yield from unmarked(value)
    elif isinstance(data, list):
        for value in data:
            yield from unmarked(value)


def templated(value: Any, text: str) -> Any:
    """Return a variable with another text in place of each of its own."""
    if isinstance(value, dict):
        return {name: templated(item, text) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [templated(item, text) for item in value]
    return text if isinstance(value, str) else value


TEXTS = [at for at in places(GIVEN) if at[-1] not in ("control_planes", "reach", "train-001")]


@pytest.mark.parametrize("at", TEXTS, ids=lambda at: ".".join(map(str, at)))
@pytest.mark.parametrize(
    "text",
    [TEMPLATE, f"{KEY} {TEMPLATE}", f"{KEY} {{% raw %}}", f"{KEY} {{# x #}}"],
)
def test_a_template_in_a_field_of_the_hosts_file_is_refused_or_marked(
    at: tuple[str | int, ...], text: str, tmp_path: Path
) -> None:
    file = tmp_path / "hosts.yaml"
    file.write_text(json.dumps(replaced(GIVEN, at, text)))
    if at[0] != "admin_keys" or text == TEMPLATE or at == ("admin_keys",):
        with pytest.raises(SpecError):
            read_site_facts(file)
        return
    given = read_site_facts(file)
    written = inventory(*stack("lab"), given).to_json()
    assert "__ansible_unsafe" in written
    assert list(unmarked(json.loads(written))) == []


def test_ansible_evaluates_no_text_of_an_inventory(tmp_path: Path) -> None:
    whole = inventory(*stack("lab"), read_given_data(tmp_path))
    machine = whole.hosts[0]
    variables = templated(dict(machine.variables), TEMPLATE)
    shared = {group: templated(dict(values), TEMPLATE) for group, values in whole.shared.items()}
    part = HostInventory((Host("a-host", "unit", machine.groups, variables),), shared)
    data = json.loads(part.to_json())
    data["all"]["vars"]["control"] = TEMPLATE  # not marked: shows that this Ansible evaluates what is not
    inventory_file = tmp_path / "inventory.json"
    inventory_file.write_text(json.dumps(data))
    said = debugged(inventory_file, tmp_path)
    assert said.pop("control") == "49"
    texts = json.dumps(said)
    assert "49" not in texts
    assert texts.count(TEMPLATE) > 20


def read_given_data(folder: Path) -> Any:
    """Return what the whole hosts file says."""
    file = folder / "hosts.yaml"
    file.write_text(json.dumps(GIVEN))
    return read_site_facts(file)


def debugged(file: Path, folder: Path) -> dict[str, str]:
    """Return what Ansible makes of each variable of the one host, each written as text."""
    names = sorted(
        name for name in _variables(json.loads(file.read_text())) if not name.startswith("ansible_")
    )
    play = [{"hosts": "all", "connection": "local", "gather_facts": False, "become": False}]
    texts = ", ".join(f"{name!r}: {name} | string" for name in names)
    out = folder / "out.json"
    play[0]["tasks"] = [{"copy": {"dest": str(out), "content": f"{{{{ {{{texts}}} | to_json }}}}"}}]  # type: ignore[assignment]
    (folder / "play.yml").write_text(json.dumps(play))
    program = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        "-i",
        str(file),
        str(folder / "play.yml"),
    ]
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "LANG": "C.UTF-8",
    }
    options = [
        "-e",
        json.dumps(
            {
                "ansible_connection": "local",
                "ansible_become": False,
                "ansible_host": "a-host",
                "ansible_user": "x",
            }
        ),
    ]
    done = subprocess.run(
        [*program, *options], capture_output=True, text=True, env=environment, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    found: dict[str, str] = json.loads(out.read_text())
    return found


def _variables(data: Any) -> set[str]:
    names = set(data["all"]["vars"])
    for group in data["all"]["children"].values():
        names |= set(group.get("vars", {}))
        names |= {name for values in group["hosts"].values() for name in values}
    return names


def test_variables_without_templates_are_written_as_they_are() -> None:
    assert as_data({"a": ["x", 1, True, None, {"b": "{ c } %}"}]}) == {
        "a": ["x", 1, True, None, {"b": "{ c } %}"}]
    }
