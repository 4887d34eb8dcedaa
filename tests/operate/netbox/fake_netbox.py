"""A small NetBox on loopback: real HTTP, lists in memory, and the rules of NetBox that a push depends on.

Refused as NetBox refuses them: names that exist, ports that have a cable, height units that are taken, and
the deletion of what others are in. A batch is carried out as a whole or not at all.
"""

from __future__ import annotations

import copy
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN = "nbt_abcdefghijkl.0123456789abcdefghijklmnopqrstuvwxyzABCD"  # noqa: S105 - of this server alone
CHOICES = frozenset({"status", "width", "face", "type", "length_unit"})
REFERENCES = {
    "manufacturer": "manufacturers",
    "device_type": "device-types",
    "role": "device-roles",
    "site": "sites",
    "rack": "racks",
    "device": "devices",
    "vrf": "vrfs",
}
UNIQUE = {
    "manufacturers": ("slug",),
    "device-roles": ("slug",),
    "device-types": ("manufacturer", "model"),
    "sites": ("name",),
    "racks": ("site", "name"),
    "devices": ("site", "name"),
    "interfaces": ("device", "name"),
    "ip-addresses": ("vrf", "address"),
    "prefixes": ("vrf", "prefix"),
    "custom-fields": ("name",),
}
PARTS = {
    "sites": (("rack_count", "racks", "site"), ("device_count", "devices", "site")),
    "racks": (("device_count", "devices", "rack"),),
    "devices": (("interface_count", "interfaces", "device"),),
    "vrfs": (("prefix_count", "prefixes", "vrf"), ("ipaddress_count", "ip-addresses", "vrf")),
    "interfaces": (("count_ipaddresses", "ip-addresses", "assigned_object_id"),),
}
Reply = tuple[int, Mapping[str, str], bytes]
Script = Callable[[str, str], Reply | None]


class RefusedError(Exception):
    pass


@dataclass
class FakeNetBox:
    """What it holds, and what happens to requests.

    Attributes:
        objects: kind to number to the members that were written.
        requests: method and path of each request.
        writes: kind and method of each batch that was carried out.
        headers: of each request.
        script: is asked before each request for an answer of its own.
        cut: the next writes that are carried out and get no answer.
    """

    objects: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    writes: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    script: Script = lambda _method, _path: None
    replies: deque[Reply] = field(default_factory=deque)
    cut: int = 0
    page: int = 1_000
    _last: int = 0
    url: str = ""

    def of(self, kind: str) -> dict[int, dict[str, Any]]:
        return self.objects.setdefault(kind, {})

    def number(self, kind: str, **members: Any) -> int:
        """Return the number of the one object with some members."""
        (number,) = [
            number
            for number, held in self.of(kind).items()
            if all(held.get(name) == value for name, value in members.items())
        ]
        return number

    def add(self, kind: str, **members: Any) -> int:
        """Add an object as a person would."""
        self._last += 1
        self.of(kind)[self._last] = {"custom_fields": {}, **members}
        self._require(kind, self._last)
        return self._last

    def cable_at(self, port: int) -> int | None:
        for number, cable in self.of("cables").items():
            if port in ends_of(cable):
                return number
        return None

    def shown(self, kind: str, number: int) -> dict[str, Any]:
        """Return an object as an answer has it."""
        row = {"id": number, **copy.deepcopy(self.of(kind)[number])}
        for name in CHOICES & row.keys():
            value = row[name]
            row[name] = {"value": value, "label": str(value)} if value not in {"", None} else None
        for name, other in REFERENCES.items():
            if row.get(name) is not None:
                row[name] = {"id": row[name], **self.of(other)[row[name]]}
        for count, part, member in PARTS.get(kind, ()):
            row[count] = sum(1 for held in self.of(part).values() if held.get(member) == number)
        if kind == "interfaces":
            cable = self.cable_at(number)
            row["cable"] = None if cable is None else {"id": cable, "label": ""}
        return row

    def listed(self, kind: str, query: list[tuple[str, str]]) -> dict[str, Any]:
        """Return a page of a list; filters that nobody knows are ignored, as NetBox does."""
        wanted: dict[str, set[str]] = {}
        options = {"limit": "50", "offset": "0"}
        for name, value in query:
            if name in options:
                options[name] = value
            else:
                wanted.setdefault(name, set()).add(value)
        marked = {held["name"] for held in self.of("custom-fields").values()}
        rows = []
        for number in sorted(self.of(kind)):
            row = self.shown(kind, number)
            if all(matches(row, name, values, marked) for name, values in wanted.items()):
                rows.append(row)
        start = int(options["offset"])
        end = start + min(int(options["limit"]), self.page)
        return {"count": len(rows), "next": "http://elsewhere.example/api/", "results": rows[start:end]}

    def write(self, method: str, kind: str, batch: Any) -> list[dict[str, Any]]:
        """Carry out a batch, or nothing of it."""
        before = copy.deepcopy(self.objects)
        numbers = []
        try:
            for entry in batch if isinstance(batch, list) else [batch]:
                numbers.append(self._write_one(method, kind, dict(entry)))
        except RefusedError:
            self.objects = before
            raise
        self.writes.append((kind, method))
        return [] if method == "DELETE" else [self.shown(kind, number) for number in numbers]

    def _write_one(self, method: str, kind: str, entry: dict[str, Any]) -> int:
        if method == "POST":
            return self.add(kind, **entry)
        number = entry.pop("id")
        if number not in self.of(kind):
            raise RefusedError("no such object")
        if method == "DELETE":
            self._delete(kind, number)
            return number
        mark = entry.pop("custom_fields", {})
        self.of(kind)[number] |= entry
        self.of(kind)[number]["custom_fields"] |= mark
        self._require(kind, number)
        return number

    def _delete(self, kind: str, number: int) -> None:
        for count, part, member in PARTS.get(kind, ()):
            inside = [key for key, held in self.of(part).items() if held.get(member) == number]
            if inside and kind in {"sites", "racks", "vrfs"}:
                raise RefusedError(f"Unable to delete: {count} prevents deletion.")
            for key in inside:
                self._delete(part, key)
        if kind == "interfaces" and (cable := self.cable_at(number)) is not None:
            self._delete("cables", cable)
        del self.of(kind)[number]

    def _require(self, kind: str, number: int) -> None:
        """Refuse what NetBox refuses."""
        written = self.of(kind)[number]
        for other, held in self.of(kind).items():
            if other == number:
                continue
            names = UNIQUE.get(kind, ())
            if names and all(held.get(name) == written.get(name) for name in names):
                raise RefusedError(f"{names[-1]}: an object with this {names[-1]} exists")
            if kind == "devices" and written.get("position") is not None:
                place = (written["rack"], written["position"])
                if place == (held.get("rack"), held.get("position")):
                    raise RefusedError(f"U{place[1]} is already occupied")
            if kind == "cables" and ends_of(written) & ends_of(held):
                raise RefusedError("a port has a cable already")


def ends_of(cable: Mapping[str, Any]) -> set[int]:
    return {end["object_id"] for side in ("a", "b") for end in cable[f"{side}_terminations"]}


def matches(row: Mapping[str, Any], name: str, values: set[str], marked: set[str]) -> bool:
    if name.startswith("cf_"):
        field_name = name.removeprefix("cf_")
        return field_name not in marked or str(row["custom_fields"].get(field_name)) in values
    if name in {"name", "slug", "id"}:
        return str(row.get(name)) in values
    if name in {"site_id", "device_id", "vrf_id"}:
        other = row.get(name.removesuffix("_id"))
        return other is not None and str(other["id"]) in values
    return True


def reply_json(status: int, data: Any, **headers: str) -> Reply:
    return status, headers, json.dumps(data).encode()


class FakeServer(ThreadingHTTPServer):
    """The server of a fake NetBox."""

    daemon_threads = True

    def __init__(self, netbox: FakeNetBox) -> None:
        super().__init__(("127.0.0.1", 0), FakeHandler)
        self.netbox = netbox


class FakeHandler(BaseHTTPRequestHandler):
    """One request."""

    server: FakeServer

    def log_message(self, *_: object) -> None:
        pass

    def answer(self) -> None:
        netbox = self.server.netbox
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        netbox.requests.append((self.command, self.path))
        netbox.headers.append(dict(self.headers))
        reply = netbox.script(self.command, self.path)
        if reply is None and netbox.replies:
            reply = netbox.replies.popleft()
        reply = reply or self.act(body)
        if reply is None:
            return
        status, headers, text = reply
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def act(self, body: bytes) -> Reply | None:
        """Return what NetBox answers; None where the answer is cut off."""
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return reply_json(403, {"detail": "Invalid v2 token"})
        parts = urlsplit(self.path)
        kind = parts.path.strip("/").rpartition("/")[2]
        if kind == "status":
            return reply_json(200, {"netbox-version": "4.7.3"})
        if self.command == "GET":
            return reply_json(200, self.server.netbox.listed(kind, parse_qsl(parts.query)))
        return self.written(kind, json.loads(body))

    def written(self, kind: str, batch: Any) -> Reply | None:
        """Carry out a batch."""
        netbox = self.server.netbox
        try:
            rows = netbox.write(self.command, kind, batch)
        except RefusedError as error:
            return reply_json(400, {"detail": "refused", "errors": [{"__all__": [str(error)]}]})
        if netbox.cut:
            netbox.cut -= 1
            return None
        if self.command == "DELETE":
            return 204, {}, b""
        return reply_json(201 if self.command == "POST" else 200, rows)

    do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - the names that the standard library calls


@contextmanager
def fake_netbox() -> Iterator[FakeNetBox]:
    """Serve an empty NetBox."""
    netbox = FakeNetBox()
    server = FakeServer(netbox)
    netbox.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield netbox
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
