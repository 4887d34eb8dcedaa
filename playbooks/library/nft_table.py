#!/usr/bin/python3
"""Bring one nftables table to a text.

What the kernel has is compared with what the text would give, both as `nft` lists them.

The text is loaded into an empty network namespace to see how it lists; so a rule that somebody added
manually is seen as well.
"""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: nft_table
short_description: Bring one nftables table to a text
options:
  name: {description: Family and name., type: str, required: true}
  content: {description: The text; it replaces the table in one step., type: str, required: true}
author: sovereign_ai
"""


def main() -> None:
    """Compare, and unless this is a check, load the text."""
    spec = {"name": {"type": "str", "required": True}, "content": {"type": "str", "required": True}}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    name, content = module.params["name"], module.params["content"]
    if module.get_bin_path("nft") is None:
        if module.check_mode:
            module.exit_json(changed=True, diff={"prepared": f"+ table {name}, once nftables is installed\n"})
        module.fail_json(msg="nft is not there; install nftables")
    listing = ["nft", "--stateless", "list", "table", *name.split()]
    script = f"nft -f - && {' '.join(listing)}"
    code, want, err = module.run_command(["unshare", "--net", "/bin/sh", "-c", script], data=content)
    if code:
        module.fail_json(msg=f"nft refuses the table: {err.strip()[:400]}")
    _, have, _ = module.run_command(listing)
    diff = {"before": have, "after": want, "after_header": f"table {name}"}
    if have != want and not module.check_mode:
        code, _, err = module.run_command(["nft", "-f", "-"], data=content)
        if code:
            module.fail_json(msg=f"nft: {err.strip()[:400]}", diff=diff)
    module.exit_json(changed=have != want, diff=diff)


if __name__ == "__main__":
    main()
