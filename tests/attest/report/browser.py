"""Headless Chromium through its DevTools protocol over a pipe: no port, no driver, no other library.

A page is opened from a file. Everything that it asks for, logs or throws is kept, so that a test can say that
nothing was. No name is ever looked up: the resolver maps every host to nothing.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--allow-file-access-from-files=false",
)
_PATIENCE = 240
"""Seconds for one answer: a laden machine takes long over a page of megabytes."""


class BrowserError(AssertionError):
    """Chromium is not there, ended, or refused a command."""


def _started(command: list[str]) -> tuple[int, int, int]:
    """Start a program that reads commands from descriptor 3 and writes answers to 4.

    Give process, pipe to it, pipe from it.
    """
    to_read, write = os.pipe()
    read, to_write = os.pipe()
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (to_read, to_write)]
    quiet = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    pipes = [(os.POSIX_SPAWN_DUP2, end, number) for end, number in zip(ends, (3, 4), strict=True)]
    try:
        return os.posix_spawn(command[0], command, os.environ, file_actions=[*quiet, *pipes]), write, read
    finally:
        for end in (*ends, to_read, to_write):
            os.close(end)


class Browser:
    """One Chromium with one tab.

    Attributes:
        asked: addresses that the tab asked for.
        said: errors and warnings of its console and log, and what it threw.
    """

    def __init__(self, profile: Path) -> None:
        """Start Chromium with an empty profile."""
        program = (
            shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        )
        if program is None:
            raise BrowserError("no Chromium is installed; on Debian: apt-get install chromium")
        self.asked: list[str] = []
        self.said: list[str] = []
        self._events: deque[dict[str, Any]] = deque()
        self._number = 0
        self._rest = b""
        flags = [*_FLAGS, f"--user-data-dir={profile}"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
        self._process, self._write, self._read = _started([program, *flags, "about:blank"])
        target = self.call("Target.createTarget", session="", url="about:blank")["targetId"]
        self._session: str = self.call("Target.attachToTarget", session="", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        """Give the browser."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End Chromium and wait for it."""
        try:
            self.call("Browser.close", session="")
        except (BrowserError, OSError):
            os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._write)
        os.close(self._read)

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send one command and give its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        where = self._session if session is None else session
        if where:
            message["sessionId"] = where
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._noted(answer)

    def _next(self) -> dict[str, Any]:
        """Read one message."""
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], _PATIENCE)
            piece = os.read(self._read, 1 << 20) if ready else b""
            if not piece:
                raise BrowserError(
                    "Chromium ended" if ready else f"Chromium did not answer for {_PATIENCE} s"
                )
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def _noted(self, event: dict[str, Any]) -> None:
        """Keep what a test asks about."""
        method, params = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in {"error", "warning", "assert"}:
            self.said.append(f"console: {params['args']}")
        elif method == "Runtime.exceptionThrown":
            self.said.append(f"thrown: {params['exceptionDetails']['text']}")
        elif method == "Log.entryAdded" and params["entry"]["level"] in {"error", "warning"}:
            self.said.append(f"log: {params['entry']['text']}")
        elif method == "Page.loadEventFired":
            self._events.append(event)

    def open(
        self, file: Path, width: int, *, height: int = 900, scheme: str = "light", media: str = "screen"
    ) -> None:
        """Open a file in a window of a width, in a colour scheme, and wait until it has loaded."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 640,
        )
        self._events.clear()
        self.call("Page.navigate", url=file.as_uri())
        ends = time.monotonic() + _PATIENCE
        while not self._events and time.monotonic() < ends:
            self._noted(self._next())

    def run(self, script: str) -> Any:
        """Evaluate an expression in the page and give its value."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise BrowserError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def picture(self, file: Path, box: tuple[float, float, float, float] | None = None) -> Path:
        """Write a PNG of the window, or of a box of the page (left, top, width, height)."""
        more: dict[str, Any] = {}
        if box is not None:
            more = {
                "clip": dict(zip(("x", "y", "width", "height"), box, strict=True), scale=1),
                "captureBeyondViewport": True,
            }
        found = self.call("Page.captureScreenshot", format="png", **more)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(found["data"]))
        return file

    def printed(self, file: Path) -> Path:
        """Write the page as it prints on A4, as PDF."""
        found = self.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=False)
        file.write_bytes(base64.b64decode(found["data"]))
        return file
