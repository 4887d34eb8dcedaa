#!/usr/bin/python3
"""Bring FRR's running configuration to a text, through FRR's own `frr-reload.py`.

Only what differs is sent to the daemons.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: frr_config
short_description: Bring FRR's running configuration to a text
description:
  - Compares the running configuration with the text and tells the daemons the difference alone, so that sessions that do not
    change are not disturbed. The text is kept as C(frr.conf) for the daemons' next start.
options:
  content: {description: The whole configuration., type: str, required: true}
  folder: {description: Where C(frr.conf) is kept., type: path, default: /etc/frr}
  socket: {description: Folder of the daemons' sockets., type: path, default: /run/frr}
  owner: {description: Owner and group of the file., type: str, default: frr}
author: sovereign_ai
"""  # noqa: E501 - one literal text
RELOAD = "/usr/lib/frr/frr-reload.py"
DEFAULTS = {
    "no bgp ebgp-requires-policy",  # of the profile `datacenter`
    "detect-multiplier 3",
    "receive-interval 300",
    "transmit-interval 300",
}
"""Lines that FRR keeps to itself because they are its defaults; the opposite of each it does show."""
HEADS = {"Lines To Delete": "-", "Lines To Add": "+"}


def delta(text: str) -> list[str]:
    """Read what `frr-reload.py --test` prints.

    The lines to take away have `-` before them, those to add `+`. Each change stands
    below its context; a change that is none is left out with its context.
    """
    blocks: list[list[str]] = []
    sign = ""
    for line in text.splitlines():
        if line.strip() in HEADS:
            sign = HEADS[line.strip()]
        elif sign and line.strip() and set(line.strip()) != {"="}:
            if line[0] != " " or not blocks or blocks[-1][0][0] != sign:
                blocks.append([])
            blocks[-1].append(f"{sign} {line.rstrip()}")
    return [line for block in blocks if not silent(block) for line in block]


def silent(block: list[str]) -> bool:
    """Tell whether a change is one that FRR would never show as made.

    Its own name, and values that are its defaults.
    """
    words = block[-1][1:].strip()
    if words.removeprefix("no ").startswith(("hostname ", "service integrated-vtysh-config")):
        return True
    return block[-1].startswith("+") and words in DEFAULTS


def run(module: AnsibleModule, verb: str, path: str, scratch: str) -> str:
    """Run frr-reload and give what it prints; its failure is the module's."""
    folder, socket = module.params["folder"], module.params["socket"]
    places = [
        "--confdir",
        folder,
        "--vty_socket",
        socket,
        "--rundir",
        scratch,
        "--stdout",
        "--log-level",
        "error",
    ]
    code, out, err = module.run_command([RELOAD, verb, *places, path])
    wrong = [line for line in err.splitlines() if "ERROR" in line]
    if code or wrong:
        module.fail_json(
            msg=f"frr-reload {verb}: {' / '.join((wrong or (err or out).splitlines())[-4:])[:600]}"
        )
    return out


def answering(module: AnsibleModule) -> str:
    """Return the daemons that answer, for one that ended takes no configuration and is not missed."""
    socket = module.params["socket"]
    _code, out, _err = module.run_command(["vtysh", "--vty_socket", socket, "-c", "show daemons"])
    return " ".join(out.split()) or "none"


def main() -> None:
    """Compare, and unless this is a check, tell the difference and see that none is left."""
    spec: dict[str, Any] = {
        "content": {"type": "str", "required": True},
        "folder": {"type": "path", "default": "/etc/frr"},
        "socket": {"type": "path", "default": "/run/frr"},
        "owner": {"type": "str", "default": "frr"},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    content, file = module.params["content"], os.path.join(module.params["folder"], "frr.conf")
    if not os.path.exists(RELOAD):
        module.fail_json(msg=f"{RELOAD} is not there; install frr-pythontools")
    kept = ""
    if os.path.exists(file):
        with open(file, encoding="utf-8") as opened:
            kept = opened.read()
    scratch = tempfile.mkdtemp(dir=module.tmpdir)
    candidate = os.path.join(scratch, "frr.conf")
    with open(candidate, "w", encoding="utf-8") as opened:
        opened.write(content)
    lines = delta(run(module, "--test", candidate, scratch))
    diff = {
        "before_header": "running",
        "after_header": file,
        "prepared": "".join(line + "\n" for line in lines),
    }
    changed = bool(lines) or kept != content
    if changed and not module.check_mode:
        if kept != content:
            module.atomic_move(candidate, file)
            shutil.chown(file, module.params["owner"], module.params["owner"])
            os.chmod(file, 0o640)
        if lines:
            run(module, "--reload", file, scratch)
            left = delta(run(module, "--test", file, scratch))
            if left:
                message = f"FRR did not take it; {len(left)} lines still differ: {' / '.join(left[:4])}"
                module.fail_json(msg=f"{message}; daemons that answer: {answering(module)}", diff=diff)
    module.exit_json(changed=changed, diff=diff)


if __name__ == "__main__":
    main()
