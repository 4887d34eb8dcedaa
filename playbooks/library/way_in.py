#!/usr/bin/python3
"""Refuse a packet filter that would lock out whoever is about to load it.

Where this run came in by SSH, the next connection of the same sort is tried against the filter before
anything is written: a network namespace with the filter, the host's address and port, and the name of the
port it came in by; another with the client's address; a cable between them; and a real connection. So it is
the kernel that answers, not a reading of the rules. A host that is reached otherwise, as a container of this
machine is, has no way to lose, and that is reported.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: way_in
short_description: Refuse a packet filter that would lock out the connection it comes by
description:
  - Changes nothing, in no mode. Fails the host if a new connection from this run's own client would be refused.
options:
  content: {description: The filter as C(nft -f) reads it., type: str, required: true}
author: sovereign_ai
"""  # noqa: E501 - one literal text
NEW_NET = 0x40000000
SECONDS = 2.0


def way() -> tuple[str, str, int] | None:
    """Give client, own address and own port of the SSH connection that this run came by.

    None if it came by none.

    sshd passes it to what it starts, so the nearest process above this one has it, as long as it is in the
    same network.
    """
    pid, here = os.getpid(), os.stat("/proc/self/ns/net").st_ino
    while pid > 1:
        try:
            if os.stat(f"/proc/{pid}/ns/net").st_ino != here:
                return None
            with open(f"/proc/{pid}/environ", "rb") as opened:
                connections = [
                    part.partition(b"=")[2]
                    for part in opened.read().split(b"\0")
                    if part.startswith(b"SSH_CONNECTION=")
                ]
            with open(f"/proc/{pid}/stat", "rb") as opened:
                parent = int(opened.read().rpartition(b")")[2].split()[1])
        except OSError:
            return None
        if connections:
            client, _, own, port = connections[0].decode().split()
            return client, own, int(port)
        pid = parent
    return None


def bare(address: str) -> str:
    """Give an address without its zone."""
    return address.partition("%")[0]


def interface(module: AnsibleModule, client: str, own: str) -> str | None:
    """Give the port by which a client is reached; None if it is this host itself."""
    code, out, err = module.run_command(["ip", "-j", "route", "get", bare(client), "from", bare(own)])
    if code:
        code, out, err = module.run_command(["ip", "-j", "route", "get", bare(client)])
    if code:
        module.fail_json(msg=f"no way back to {client}, from where this run comes: {err.strip()[:200]}")
    row = json.loads(out)[0]
    return None if row.get("type") == "local" or row.get("dev") == "lo" else str(row["dev"])


def unshare() -> None:
    """Enter a network namespace of one's own."""
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_NET):
        raise OSError(ctypes.get_errno(), "no network namespace can be made")


def addressed(module: AnsibleModule, port: str, own: str, other: str) -> None:
    """Give one end of the cable its address, and the way to the other's."""
    width, more = ("128", ["nodad"]) if ":" in own else ("32", [])
    run_checked(module, "ip", "link", "set", port, "up")
    run_checked(module, "ip", "addr", "add", f"{bare(own)}/{width}", "dev", port, *more)
    run_checked(module, "ip", "route", "replace", f"{bare(other)}/{width}", "dev", port)


def run_checked(module: AnsibleModule, *command: str, data: str | None = None) -> None:
    """Run a program; its failure is raised."""
    code, _, err = module.run_command(list(command), data=data)
    if code:
        raise OSError(f"{command[0]} {command[1]}: {err.strip()[:200]}")


def caller(module: AnsibleModule, ask: int, answer: int, client: str, own: str, port: int) -> None:
    """Be the client, in a namespace of its own.

    Connect once there is a cable, and say by one letter what came of it.
    """
    try:
        unshare()
        os.write(answer, b"r")
        if os.read(ask, 1) != b"g":
            return
        addressed(module, "probe", client, own)
        scope = socket.if_nametoindex("probe") if own.startswith("fe80") else 0
        try:
            with socket.socket(socket.AF_INET6 if ":" in own else socket.AF_INET, socket.SOCK_STREAM) as one:
                one.settimeout(SECONDS)
                one.connect((bare(own), port, 0, scope) if ":" in own else (own, port))
            os.write(answer, b"y")
        except OSError:
            os.write(answer, b"n")
    except OSError:
        os.write(answer, b"?")


def tried(module: AnsibleModule, content: str, name: str, found: tuple[str, str, int]) -> bool:
    """Tell whether a host with the filter takes a new connection; run in a process of one's own.

    Raises:
        OSError: it could not be tried.
    """
    client, own, port = found
    (ask_out, ask_in), (answer_out, answer_in) = os.pipe(), os.pipe()
    unshare()
    child = os.fork()
    if child == 0:
        os.close(ask_in)
        caller(module, ask_out, answer_in, client, own, port)
        os._exit(0)
    os.close(answer_in)
    try:
        if os.read(answer_out, 1) != b"r":
            raise OSError("the client's namespace could not be made")
        run_checked(module, "ip", "link", "set", "lo", "up")
        run_checked(
            module,
            "ip",
            "link",
            "add",
            "dev",
            name,
            "type",
            "veth",
            "peer",
            "name",
            "probe",
            "netns",
            str(child),
        )
        addressed(module, name, own, client)
        run_checked(module, "nft", "-f", "-", data=content)
        scope = socket.if_nametoindex(name) if own.startswith("fe80") else 0
        with socket.socket(socket.AF_INET6 if ":" in own else socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.bind((bare(own), port, 0, scope) if ":" in own else (own, port))
            listener.listen()
            os.write(ask_in, b"g")
            reply = os.read(answer_out, 1)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if reply not in (b"y", b"n"):
        raise OSError("the client's end of the cable could not be made")
    return reply == b"y"


def admits(module: AnsibleModule, content: str, name: str, found: tuple[str, str, int]) -> bool:
    """Try it in a process of its own, so that this one stays in the host's network."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(into, b"y" if tried(module, content, name, found) else b"n")
        except (OSError, ValueError) as error:
            os.write(into, f"?{error}".encode()[:300])
        finally:
            os._exit(0)
    os.close(into)
    reply = os.read(out, 400).decode()
    os.waitpid(child, 0)
    if reply not in ("y", "n"):
        module.fail_json(
            msg=f"whether the packet filter would lock this run out could not be tried: {reply[1:]}"
        )
    return reply == "y"


def main() -> None:
    """Find the way in, and try whether it stays open."""
    spec: dict[str, Any] = {"content": {"type": "str", "required": True}}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    found = way()
    if found is None:
        module.exit_json(
            changed=False, msg="this run came by no connection that a packet filter could refuse"
        )
    client, own, port = found
    name = interface(module, client, own)
    if name is None or module.get_bin_path("nft") is None:
        module.exit_json(
            changed=False,
            msg="nothing to lock out: the client is this host, or nftables is not installed yet",
        )
    if not admits(module, module.params["content"], name, found):
        width = "/128, which only IPv4 ranges can be" if ":" in client else "/32"
        module.fail_json(
            msg=f"the packet filter would lock this run out: it comes from {client} to port {port}, by {name}, and a new connection from "  # noqa: E501 - one literal text
            f"there would be refused; add {bare(client)}{width} to admin_from in hosts.yaml, or reach the host from a range in it or from "  # noqa: E501 - one literal text
            "the management range; nothing was changed"
        )
    module.exit_json(changed=False, msg=f"{client} still gets in at port {port}")


if __name__ == "__main__":
    main()
