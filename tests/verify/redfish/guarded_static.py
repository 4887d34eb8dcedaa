"""sushy-tools' `sushy-static`, as it is, behind Basic authentication, which it does not have: run as a
program by the tests.

The service root is open to everybody and all else is not, as the Redfish specification has it.

The account stands in a file named by the environment, so that it is in no argument.
"""

from __future__ import annotations

import base64
import hmac
import os
import sys
from pathlib import Path

from sushy_tools.static import main as static


def guard() -> None:
    """Let every request without the account be refused."""
    account = Path(os.environ["ACCOUNT_FILE"]).read_text(encoding="utf-8").strip()
    wanted = "Basic " + base64.b64encode(account.encode()).decode()
    handler = static.RequestHandler
    handler._log_request = lambda _self, _method: None  # it prints headers, and with them the account

    for verb in ("do_GET", "do_POST", "do_PATCH"):
        plain = getattr(handler, verb)

        def guarded(self: static.RequestHandler, plain: object = plain) -> None:
            open_root = self.path.rstrip("/") == self.REDFISH_SUBURI
            if open_root or hmac.compare_digest(self.headers.get("Authorization") or "", wanted):
                plain(self)  # type: ignore[operator]
            else:
                self.send_error(401)

        setattr(handler, verb, guarded)


if __name__ == "__main__":
    guard()
    sys.exit(static.main())
