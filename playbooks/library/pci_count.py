#!/usr/bin/python3
"""Count accelerators on the PCI bus, by vendor.

Classes 0300 and 0302 (display, 3D) and 1200 (processing accelerator).
"""

from __future__ import annotations

import glob

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: pci_count
short_description: Count accelerators on the PCI bus
options:
  vendor: {description: Four hexadecimal digits., type: str, required: true}
author: sovereign_ai
"""
CLASSES = ("0x0300", "0x0302", "0x0380", "0x1200")


def read(path: str) -> str:
    """Read a line; empty if it is gone."""
    try:
        with open(path, encoding="ascii") as opened:
            return opened.read().strip()
    except OSError:
        return ""


def main() -> None:
    """Count."""
    module = AnsibleModule(
        argument_spec={"vendor": {"type": "str", "required": True}}, supports_check_mode=True
    )
    wanted = f"0x{module.params['vendor']}"
    found = [one for one in glob.glob("/sys/bus/pci/devices/*") if read(f"{one}/vendor") == wanted]
    module.exit_json(changed=False, count=sum(read(f"{one}/class").startswith(CLASSES) for one in found))


if __name__ == "__main__":
    main()
