#!/usr/bin/python3
"""Bring a BMC's settings to what is wanted, over Redfish.

TLS verified, credentials from a file, only what differs is written.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import ssl
import urllib.error
import urllib.request
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: redfish_settings
short_description: Bring a BMC's settings to what is wanted, over Redfish
description:
  - Runs where Ansible runs. A property that the BMC does not have is reported and left; a BMC whose certificate the authority did not
    sign gets no request. Credentials go to the BMC alone - a redirect is refused, and so is a resource outside C(/redfish/) - and
    into no output. Whatever a BMC answers, the module ends with a message within five minutes.
options:
  address: {description: Address and port of the BMC., type: str, required: true}
  credentials: {description: File of mode 0600 that holds C(user:password) in one line., type: path, required: true}
  authority: {description: File of the certificates that may sign the BMC's., type: path, required: true}
  manager: {description: Wanted properties of the manager's network protocols., type: dict, default: {}}
  secure_boot: {description: Whether the system boots signed code alone., type: bool, default: true}
  power_limit: {description: Watts that the machine may draw; 0 leaves its limit as it is., type: int, default: 0}
  boot: {description: Kinds of boot option in their order by Redfish's aliases., type: list, elements: str, default: []}
author: sovereign_ai
"""  # noqa: E501 - one literal text
Json = dict[str, Any]
_MOST_BYTES = 4_000_000
"""Bytes of one answer; the largest resources of real BMCs have some hundred thousand."""
_MOST_SECONDS = 300
"""Seconds for one BMC; a slow one takes a second for each of some twenty answers."""
_BROKEN = (OSError, http.client.HTTPException)
"""What Python raises where a connection breaks, or is none of HTTP."""
_ODD = (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)
"""What Python raises where an answer has another form than Redfish's schemas give it."""


class RefuseRedirect(urllib.request.HTTPRedirectHandler):
    """Follow no redirect: urllib would send the credentials to whatever address the answer names."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        """Return no request, so that the answer ends as an HTTP error."""


class Bmc:
    """One BMC, reached by TLS."""

    def __init__(self, module: AnsibleModule) -> None:
        """Read the credentials; a file that others can read is refused."""
        path = module.params["credentials"]
        if os.stat(path).st_mode & 0o077:
            module.fail_json(msg=f"others can read {path}: chmod 600 {path}")
        with open(path, encoding="utf-8") as opened:
            word = opened.read().strip()
        encoded = base64.b64encode(word.encode()).decode()
        self.module = module
        self.head = {"Authorization": f"Basic {encoded}", "Accept": "application/json"}
        # A BMC that repeats what it was sent would have it in Ansible's output and in the results.
        module.no_log_values.update({word, encoded, word.partition(":")[2]} - {""})
        context = ssl.create_default_context(cafile=module.params["authority"])
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        plain = urllib.request.ProxyHandler({})
        https = urllib.request.HTTPSHandler(context=context)
        self.opener = urllib.request.build_opener(plain, https, RefuseRedirect)

    def ask(self, path: str, patch: Json | None = None, tag: str = "") -> tuple[Json, str]:
        """Read a resource, or write a part of it; return the resource and its ETag."""
        # The path comes from the BMC. One such as "@elsewhere/" or ".example/" would change the host of the
        # address.
        if not path.startswith("/redfish/"):
            self.module.fail_json(
                msg=f"the BMC names the resource {path[:100]!r}, which is not below /redfish/"
            )
        url = f"https://{self.module.params['address']}{path}"
        head = dict(self.head)
        data = None
        if patch:
            head["Content-Type"] = "application/json"
            data = json.dumps(patch).encode()
        if tag:
            head["If-Match"] = tag
        request = urllib.request.Request(url, data=data, headers=head, method="PATCH" if patch else "GET")
        try:
            with self.opener.open(request, timeout=30) as answer:
                content = answer.read(_MOST_BYTES + 1)
                if len(content) > _MOST_BYTES:
                    self.module.fail_json(msg=f"{path}: the answer has more than {_MOST_BYTES:,} bytes")
                resource, etag = json.loads(content or b"{}"), answer.headers.get("ETag", "")
        except urllib.error.HTTPError as error:
            self.module.fail_json(
                msg=f"{path}: the BMC answers {error.code} {error.reason}: {_detail(error)}"
            )
        except (*_BROKEN, ValueError, RecursionError) as error:
            reason = getattr(error, "reason", error) or type(error).__name__
            self.module.fail_json(msg=f"{path[:200]}: {reason}")
        if not isinstance(resource, dict):
            self.module.fail_json(msg=f"{path}: the answer is no resource of Redfish")
        return resource, etag

    def first(self, collection: str) -> str:
        """Give the first member of a collection."""
        members = self.ask(collection)[0].get("Members", [])
        if not members:
            self.module.fail_json(msg=f"{collection} has no member")
        return str(members[0]["@odata.id"])


def _detail(error: urllib.error.HTTPError) -> str:
    """Return what an answer that is an error says, short."""
    if 300 <= error.code < 400:
        return f"a redirect to {error.headers.get('Location', 'nowhere')[:200]!r} is not followed"
    return error.read(200).decode(errors="replace")


def differing(have: Json, want: Json, before: str = "") -> tuple[Json, list[str], list[str]]:
    """Give the part of what is wanted that differs, lines that say how, and what the BMC does not have."""
    patch: Json = {}
    lines, absent = [], []
    for key, value in want.items():
        name = f"{before}{key}"
        if key not in have:
            absent.append(name)
        elif isinstance(value, dict):
            inner, more, none = differing(have[key] or {}, value, f"{name}.")
            lines, absent = lines + more, absent + none
            patch |= {key: inner} if inner else {}
        elif have[key] != value:
            patch[key] = value
            lines += [f"- {name}: {json.dumps(have[key])}", f"+ {name}: {json.dumps(value)}"]
    return patch, lines, absent


def boot_order(bmc: Bmc, system: Json, kinds: list[str]) -> list[str]:
    """Give the boot options in the wanted order: those of no wanted kind come last, as they stood."""
    boot = system.get("Boot", {})
    now = list(boot.get("BootOrder", []))
    place = boot.get("BootOptions", {}).get("@odata.id", "")
    options = (
        [bmc.ask(one["@odata.id"])[0] for one in bmc.ask(place)[0].get("Members", [])]
        if place and kinds
        else []
    )
    kind = {one.get("BootOptionReference"): one.get("Alias", "") for one in options}
    return sorted(now, key=lambda name: kinds.index(kind[name]) if kind.get(name) in kinds else len(kinds))


def power_limit(bmc: Bmc, system: Json, watts: int) -> tuple[str, Json]:
    """Give the resource that limits the machine's power, and what is wanted of it; without one an empty path.

    Redfish (DSP0266) has the limit in the chassis' EnvironmentMetrics, as the set point of PowerLimitWatts.
    """
    chassis = system.get("Links", {}).get("Chassis", [])
    path = str(chassis[0]["@odata.id"]) if chassis else bmc.first("/redfish/v1/Chassis")
    metrics = str(bmc.ask(path)[0].get("EnvironmentMetrics", {}).get("@odata.id", ""))
    return metrics, {"PowerLimitWatts": {"SetPoint": watts, "ControlMode": "Automatic"}}


def main() -> None:
    """Read the parameters, and end with a message whatever the BMC answers."""
    spec: dict[str, Any] = {
        "address": {"type": "str", "required": True},
        "credentials": {"type": "path", "required": True},
        "authority": {"type": "path", "required": True},
        "manager": {"type": "dict", "default": {}},
        "secure_boot": {"type": "bool", "default": True},
        "power_limit": {"type": "int", "default": 0},
        "boot": {"type": "list", "elements": "str", "default": []},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    # For all answers together: a BMC that sends a byte from time to time keeps every other limit.
    signal.signal(signal.SIGALRM, too_slow)
    signal.setitimer(signal.ITIMER_REAL, _MOST_SECONDS)
    try:
        settle(module, Bmc(module))
    except _BROKEN as error:
        module.fail_json(msg=f"the BMC's answer breaks off: {error or type(error).__name__}")
    except _ODD as error:
        reason = f"{type(error).__name__}: {error}"
        module.fail_json(msg=f"the BMC answers in another form than Redfish has: {reason}")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def too_slow(_number: int, _frame: object) -> None:
    """End the wait for a BMC.

    Raises:
        TimeoutError: always.
    """
    raise TimeoutError(f"the BMC has not answered everything within {_MOST_SECONDS} s")


def settle(module: AnsibleModule, bmc: Bmc) -> None:
    """Compare what a BMC has with what is wanted, write what differs, and end the module."""
    manager, system = bmc.first("/redfish/v1/Managers"), bmc.first("/redfish/v1/Systems")
    machine = bmc.ask(system)[0]
    order = boot_order(bmc, machine, module.params["boot"])
    requests = [
        (f"{manager}/NetworkProtocol", module.params["manager"]),
        (f"{system}/SecureBoot", {"SecureBootEnable": module.params["secure_boot"]}),
        (system, {"Boot": {"BootOrder": order}} if order else {}),
    ]
    lines, notes = [], []
    if watts := module.params["power_limit"]:
        limit = power_limit(bmc, machine, watts)
        if limit[0]:
            requests.append(limit)
        else:
            notes.append(f"the chassis has no EnvironmentMetrics, so nothing limits it to {watts} W")
    for path, want in requests:
        have, tag = bmc.ask(path)
        patch, changes, absent = differing(have, want)
        notes += [f"{path} has no {name}" for name in absent]
        if patch and not module.check_mode:
            bmc.ask(path, patch, tag)
            if left := differing(bmc.ask(path)[0], want)[1]:
                module.fail_json(msg=f"{path}: the BMC took it and shows {' '.join(left)}")
        lines += [path, *changes] if changes else []
    module.exit_json(
        changed=bool(lines), diff={"prepared": "".join(line + "\n" for line in lines)}, notes=notes
    )


if __name__ == "__main__":
    main()
