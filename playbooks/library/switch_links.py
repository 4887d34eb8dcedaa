#!/usr/bin/python3
"""Bring a Linux switch's links to what is declared.

Ports, bridges, VXLANs, VLANs and VRFs, as the kernel itself shows them.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: switch_links
short_description: Bring a Linux switch's links to what is declared
description:
  - Each link has a C(name), a C(kind) (port, bridge, vxlan, vlan, vrf), an C(mtu), the C(master) it is in (empty for none), and
    what its kind needs; with C(down) it stays down. A port that is not there is a failure; a bridge or VXLAN of our naming that is not declared is removed.
options:
  links: {description: The links., type: list, elements: dict, required: true}
  file: {description: Where the commands that make them from nothing are kept for the next boot; empty for nowhere., type: str, default: ""}
author: sovereign_ai
"""  # noqa: E501 - one literal text
OURS = re.compile(r"(br|vni)[0-9]+")
MAKE = {
    "bridge": "link add {name} type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
    "vxlan": "link add {name} type vxlan id {id} local {local} dstport 4789 nolearning",
    "vlan": "link add link {link} name {name} type vlan id {id}",
    "vrf": "link add {name} type vrf table {table}",
}
IDENTITY = {"vxlan": ("id", "local"), "vlan": ("id",), "vrf": ("table",)}
Link = dict[str, Any]


def seen(module: AnsibleModule) -> dict[str, Link]:
    """Give what the kernel shows, by name."""
    _, out, _ = module.run_command(["ip", "-d", "-j", "link", "show"], check_rc=True)
    found = {}
    for row in json.loads(out):
        info = row.get("linkinfo", {})
        kind = info.get("info_kind", "port")
        data = info.get("info_data", {})
        found[row["ifname"]] = {
            "kind": kind if kind in MAKE else "port",
            "mtu": row["mtu"],
            "master": row.get("master", ""),
            "up": "UP" in row["flags"],
            "learning": bool(data.get("learning")),
            **{key: data[key] for key in ("id", "local", "table") if key in data},
        }
    return found


def commands(want: Link, have: Link | None) -> list[str]:
    """Give the `ip` commands that bring one link there; none if it is right."""
    name, found = want["name"], []
    if have is not None and want["kind"] != "port":
        other = any(have.get(key) != want[key] for key in IDENTITY.get(want["kind"], ()))
        if have["kind"] != want["kind"] or other or (want["kind"] == "vxlan" and have["learning"]):
            found, have = [f"link del {name}"], None
    if have is None:
        found.append(MAKE[want["kind"]].format(**want))
        have = {"mtu": None, "master": "", "up": False}
    changes = []
    if have["mtu"] != want["mtu"]:
        changes.append(f"mtu {want['mtu']}")
    if have["master"] != want["master"]:
        quiet = " addrgenmode none" if want["master"] and not want.get("routed") else ""
        changes.append(f"master {want['master']}{quiet}" if want["master"] else "nomaster addrgenmode eui64")
    if want.get("down"):
        # Of a port at boot (None) nobody knows.
        changes += ["down"] if have["up"] is not False else []
    elif not have["up"]:
        changes.append("up")
    return [*found, *([f"link set {name} {' '.join(changes)}"] if changes else [])]


def from_nothing(wanted: list[Link]) -> str:
    """Give the batch that makes all of it on a switch that has its ports alone, as it boots."""
    bare = {"kind": "port", "mtu": None, "master": "", "up": None}
    return "".join(
        f"{line}\n" for one in wanted for line in commands(one, dict(bare) if one["kind"] == "port" else None)
    )


def keep(module: AnsibleModule, wanted: list[Link]) -> str:
    """Keep that batch, unless this is a check; give a line if it was not there so."""
    path, text = module.params["file"], from_nothing(wanted)
    kept = None
    if path and os.path.exists(path):
        with open(path, encoding="ascii") as opened:
            kept = opened.read()
    if not path or kept == text:
        return ""
    if not module.check_mode:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        fresh = f"{path}.new"
        with open(fresh, "w", encoding="ascii") as opened:
            opened.write(text)
        os.replace(fresh, path)
    return f"+ {path}\n"


def main() -> None:
    """Compare, and unless this is a check, run what differs as one batch."""
    spec: dict[str, Any] = {
        "links": {"type": "list", "elements": "dict", "required": True},
        "file": {"type": "str", "default": ""},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    wanted: list[Link] = module.params["links"]
    have = seen(module)
    gone = [one["name"] for one in wanted if one["kind"] == "port" and one["name"] not in have]
    if gone:
        module.fail_json(msg=f"{len(gone)} ports are not there: {', '.join(gone[:8])}")
    names = {one["name"] for one in wanted}
    lines = [
        f"link del {name}"
        for name in have
        if OURS.fullmatch(name) and name not in names and have[name]["kind"] in MAKE
    ]
    for one in wanted:
        lines += commands(one, have.get(one["name"]))
    kept = keep(module, wanted)
    diff = {"prepared": "".join(f"+ ip {line}\n" for line in lines) + kept}
    if lines and not module.check_mode:
        code, _, err = module.run_command(["ip", "-batch", "-"], data="".join(line + "\n" for line in lines))
        if code:
            module.fail_json(msg=f"ip: {' / '.join(err.splitlines()[:3])}", diff=diff)
    module.exit_json(changed=bool(lines or kept), diff=diff)


if __name__ == "__main__":
    main()
