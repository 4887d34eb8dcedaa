#!/usr/bin/python3
"""Bring systemd units to where they belong: enabled and running, or masked.

Restarted when a file of theirs is newer than they are.

That a restart is due is read from the machine and not remembered by the run, so a run that was cut off loses
none.
"""

from __future__ import annotations

import os
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: units
short_description: Bring systemd units to where they belong
options:
  running: {description: Unit to the files that it reads at its start., type: dict, default: {}}
  enabled: {description: Units that the next boot starts and this run does not., type: list, elements: str, default: []}
  masked: {description: Units that shall never run., type: list, elements: str, default: []}
author: sovereign_ai
"""  # noqa: E501 - one literal text
ASKED = "Id,LoadState,UnitFileState,ActiveState,SubState,ConditionResult,ConditionTimestampMonotonic,ActiveEnterTimestampMonotonic,NeedDaemonReload"  # noqa: E501 - one literal text


def show(module: AnsibleModule, unit: str) -> dict[str, str]:
    """Ask systemd for a unit."""
    _, out, _ = module.run_command(["systemctl", "show", "--property", ASKED, unit], check_rc=True)
    return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)


def started(state: dict[str, str]) -> float:
    """Give when it began to run, in seconds since the epoch."""
    return int(state.get("ActiveEnterTimestampMonotonic") or 0) / 1e6 + time.time() - time.monotonic()


def newer(files: list[str], moment: float) -> list[str]:
    """Give the files that were changed since."""
    return [path for path in files if os.path.exists(path) and os.stat(path).st_ctime > moment]


def due(unit: str, files: list[str], state: dict[str, str]) -> list[list[str]]:
    """Give the commands that a unit needs; none if it is as it should be.

    A unit whose conditions this machine does not meet, as a clock's in a container, need not run; a unit that
    does its work and ends counts as running.
    """
    found = []
    if state["LoadState"] == "masked":
        found.append(["unmask", unit])
    if state["UnitFileState"] in ("disabled", "masked", ""):
        found.append(["enable", unit])
    active = state["ActiveState"] in ("active", "activating", "reloading")
    if (not active and not barred(state)) or (active and newer(files, started(state))):
        found.append(["restart", unit])
    return found


def barred(state: dict[str, str]) -> bool:
    """Tell whether systemd has looked at the unit's conditions since it booted, and they are not met."""
    return state["ConditionResult"] == "no" and int(state.get("ConditionTimestampMonotonic") or 0) > 0


def wanted(module: AnsibleModule) -> list[list[str]]:
    """Give the commands that all units need."""
    running, enabled, masked = (module.params[key] for key in ("running", "enabled", "masked"))
    names = (*running, *enabled, *masked)
    states = {unit: show(module, unit) for unit in names}
    if any(state.get("NeedDaemonReload") == "yes" for state in states.values()) and not module.check_mode:
        module.run_command(["systemctl", "daemon-reload"], check_rc=True)
        states = {unit: show(module, unit) for unit in names}
    found = [["mask", "--now", unit] for unit in masked if states[unit]["LoadState"] != "masked"]
    found += [["enable", unit] for unit in enabled if states[unit]["UnitFileState"] != "enabled"]
    for unit, files in running.items():
        if states[unit]["LoadState"] != "not-found":
            found += due(unit, list(files or []), states[unit])
        elif module.check_mode:
            found.append(["enable", "--now", unit])
        else:
            module.fail_json(msg=f"there is no unit {unit}")
    return found


def main() -> None:
    """Compare, and unless this is a check, tell systemd."""
    names = {"type": "list", "elements": "str", "default": []}
    spec: dict[str, Any] = {"running": {"type": "dict", "default": {}}, "enabled": names, "masked": names}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    commands, notes = wanted(module), []
    for command in [] if module.check_mode else commands:
        if command[0] == "mask":
            unlink(command[-1])
        code, out, err = module.run_command(["systemctl", *command])
        if code:
            module.fail_json(msg=f"systemctl {' '.join(command)}: {(err or out).strip()[:400]}")
        if command[0] == "restart":
            notes += settle(module, command[1])
    diff = {"prepared": "".join(f"+ systemctl {' '.join(command)}\n" for command in commands)}
    module.exit_json(changed=bool(commands), diff=diff, notes=notes)


def unlink(unit: str) -> None:
    """Take away a link of the unit's name, which would keep it from being masked.

    Another name that a first boot gave some unit.
    """
    path = f"/etc/systemd/system/{unit}"
    if os.path.islink(path) and os.readlink(path) != "/dev/null":
        os.unlink(path)


def settle(module: AnsibleModule, unit: str) -> list[str]:
    """See that a unit runs after its start, or say that its conditions keep it from it."""
    state = show(module, unit)
    if barred(state):
        return [f"{unit} does not run: its conditions are not met on this machine"]
    if state["ActiveState"] not in ("active", "activating", "reloading"):
        module.fail_json(msg=f"{unit} is {state['ActiveState']} after its start")
    return []


if __name__ == "__main__":
    main()
