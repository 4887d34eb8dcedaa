#!/usr/bin/python3
"""Set kernel parameters: what the kernel has now, and a file for its next start.

A value that somebody changed manually is seen.
"""

from __future__ import annotations

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: kernel_parameters
short_description: Set kernel parameters now and for the next start
options:
  values: {description: Dotted name to value., type: dict, required: true}
  file: {description: File below /etc/sysctl.d; empty for none., type: str, default: ""}
  absent_ok: {description: Names that a kernel may lack., type: list, elements: str, default: []}
author: sovereign_ai
"""


def place(name: str) -> str:
    """Give the file of a parameter; a slash in a name stands for itself, as `sysctl` has it."""
    return os.path.join("/proc/sys", *(part.replace("/", ".") for part in name.split(".")))


def read(path: str) -> str | None:
    """Read a file, blanks as one; None if it is not there."""
    try:
        with open(path, encoding="utf-8") as opened:
            return opened.read()
    except OSError:
        return None


def read_only(name: str) -> bool:
    """Tell whether the parameter lies on a mount that cannot be written, as a container's does.

    Root may write all others.
    """
    return bool(os.statvfs(place(name)).f_flag & os.ST_RDONLY)


def main() -> None:
    """Compare, and unless this is a check, write what differs and read it again."""
    spec: dict[str, Any] = {
        "values": {"type": "dict", "required": True},
        "file": {"type": "str", "default": ""},
        "absent_ok": {"type": "list", "elements": "str", "default": []},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    values = {name: str(value) for name, value in sorted(module.params["values"].items())}
    have = {name: read(place(name)) for name in values}
    unknown = [
        name for name, value in have.items() if value is None and name not in module.params["absent_ok"]
    ]
    if unknown:
        module.fail_json(msg=f"this kernel has no {', '.join(unknown)}")
    now = {name: " ".join(value.split()) for name, value in have.items() if value is not None}
    fixed = sorted(name for name in now if now[name] != values[name] and read_only(name))
    wrong = {
        name: value
        for name, value in values.items()
        if name in now and now[name] != value and name not in fixed
    }
    path, text = module.params["file"], "".join(f"{name} = {value}\n" for name, value in values.items())
    kept = read(path) if path else text
    before = "".join(f"{name} = {now[name]}\n" for name in wrong) + (
        f"{path}: {'other' if kept else 'absent'}\n" if kept != text else ""
    )
    after = "".join(f"{name} = {value}\n" for name, value in wrong.items()) + (
        f"{path}: written\n" if kept != text else ""
    )
    if not module.check_mode:
        if kept != text:
            scratch = os.path.join(module.tmpdir, "sysctl")
            with open(scratch, "w", encoding="utf-8") as opened:
                opened.write(text)
            module.atomic_move(scratch, path)
            os.chmod(path, 0o644)
        for name, value in wrong.items():
            try:
                with open(place(name), "w", encoding="utf-8") as opened:
                    opened.write(value)
            except OSError as error:
                module.fail_json(msg=f"{name} cannot be set to {value}: {error.strerror}")
    absent = sorted(name for name in values if name not in now)
    notes = (
        [f"of the machine below this container, and so in {path or 'no file'} alone: {', '.join(fixed)}"]
        if fixed
        else []
    )
    module.exit_json(
        changed=bool(wrong) or kept != text,
        diff={"before": before, "after": after},
        absent=absent,
        notes=notes,
    )


if __name__ == "__main__":
    main()
