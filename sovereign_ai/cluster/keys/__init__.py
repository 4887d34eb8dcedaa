"""Keys of local control planes, in a PKCS#11 module: one for each trust level, one for the control plane.

Rules of this package:

- A key never leaves its module. What is encrypted under it is a seed, as the KMS v2 API requires.
- The PIN is read from a file of mode 0600. It appears in no argument, environment, log or state.
- The module itself refuses a withdrawn key, so that no process of this package can be made to use it.
- A missing answer is an error. Only the module's own refusal makes a secret withdrawn.

The processes and their calls (docs/adr/0007-key-cut-off.md has the reasons):

    kube-apiserver --KMS v2--> keys (PKCS#11)        the control plane's key: all secrets and configmaps
    kube-apiserver --etcd----> secret-gate --> etcd  secrets only
                               secret-gate --KMS v2--> keys   the trust level's key
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.cluster.keys.control import (
        KeyState,
        create_keys,
        key_states,
        record_levels,
        restore,
        rotate,
        withdraw,
    )
    from sovereign_ai.cluster.keys.custody import ModuleLocation, levels_of, module_location, read_custody
    from sovereign_ai.cluster.keys.pkcs11 import ModuleError, load_library, open_session
    from sovereign_ai.cluster.keys.reencrypt import ReencryptedObjects, reencrypt_objects
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "control": (
                "KeyState",
                "create_keys",
                "key_states",
                "record_levels",
                "restore",
                "rotate",
                "withdraw",
            ),
            "custody": ("ModuleLocation", "levels_of", "module_location", "read_custody"),
            "pkcs11": ("ModuleError", "load_library", "open_session"),
            "reencrypt": ("ReencryptedObjects", "reencrypt_objects"),
        },
    )

__all__ = [
    "KeyState",
    "ModuleError",
    "ModuleLocation",
    "ReencryptedObjects",
    "create_keys",
    "key_states",
    "levels_of",
    "load_library",
    "module_location",
    "open_session",
    "read_custody",
    "record_levels",
    "reencrypt_objects",
    "restore",
    "rotate",
    "withdraw",
]
