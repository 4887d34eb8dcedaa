#!/usr/bin/python3
"""Write many small files at once: their text, owner and mode. One connection for all of a role's files."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: files
short_description: Write many small files at once
options:
  files:
    description: Each has C(path) and C(content); C(mode) is 0644, C(owner) and C(group) root unless given. With C(absent) it is removed.
    type: list
    elements: dict
    required: true
  validate: {description: A command that must accept all of it once written; else everything is put back., type: str, default: ""}
author: sovereign_ai
"""  # noqa: E501 - one literal text
OPTIONS: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "content": {"type": "str", "default": ""},
    "mode": {"type": "str", "default": "0644"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "absent": {"type": "bool", "default": False},
}
Seen = tuple[str | None, int, int, int]


def seen(path: str) -> Seen:
    """Give a file's text, mode and owners; None for its text if it is not there."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as opened:
            text = opened.read()
        state = os.stat(path)
    except FileNotFoundError:
        return (None, 0, 0, 0)
    return (text, stat.S_IMODE(state.st_mode), state.st_uid, state.st_gid)


def wanted(row: dict[str, Any], module: AnsibleModule) -> Seen:
    """Give what shall be; an owner who is not there yet is -1 in a check."""
    if row["absent"]:
        return (None, 0, 0, 0)
    try:
        user, group = pwd.getpwnam(row["owner"]).pw_uid, grp.getgrnam(row["group"]).gr_gid
    except KeyError:
        if not module.check_mode:
            module.fail_json(msg=f"{row['path']}: there is no owner {row['owner']}:{row['group']}")
        user = group = -1
    return (row["content"], int(row["mode"], 8), user, group)


def write(path: str, want: Seen) -> None:
    """Bring one file there in one step; its folder is made with mode 0755."""
    text, mode, user, group = want
    if text is None:
        if os.path.exists(path):
            os.unlink(path)
        return
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    fresh = f"{path}.sovereign-new"
    with open(
        os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        "w",
        encoding="utf-8",
        errors="surrogateescape",
    ) as opened:
        opened.write(text)
    os.chmod(fresh, mode)
    os.chown(fresh, user, group)
    os.replace(fresh, path)


def difference(path: str, have: Seen, want: Seen) -> dict[str, str]:
    """Say what differs, the modes and owners where the text is the same."""
    if have[0] != want[0]:
        return {"before": have[0] or "", "after": want[0] or "", "after_header": path}
    return {
        "before": f"mode {have[1]:04o} owner {have[2]}:{have[3]}\n",
        "after": f"mode {want[1]:04o} owner {want[2]}:{want[3]}\n",
        "after_header": path,
    }


def main() -> None:
    """Compare, and unless this is a check, write what differs.

    If the validator refuses, put everything back.
    """
    spec = {
        "files": {"type": "list", "elements": "dict", "options": OPTIONS, "required": True},
        "validate": {"type": "str", "default": ""},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    before = {row["path"]: seen(row["path"]) for row in module.params["files"]}
    after = {row["path"]: wanted(row, module) for row in module.params["files"]}
    paths = [path for path, want in after.items() if before[path] != want]
    diff = [difference(path, before[path], after[path]) for path in paths]
    if paths and not module.check_mode:
        for path in paths:
            write(path, after[path])
        if module.params["validate"]:
            code, out, err = module.run_command(module.params["validate"])
            if code:
                for path in paths:
                    write(path, before[path])
                module.fail_json(
                    msg=f"`{module.params['validate']}` refuses it, and all is as before: {(err or out).strip()[:400]}",  # noqa: E501 - one literal text
                    diff=diff,
                )
    module.exit_json(changed=bool(paths), paths=paths, diff=diff)


if __name__ == "__main__":
    main()
