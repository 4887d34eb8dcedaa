"""What a person does in NetBox's web pages, by Django's own client inside NetBox; one JSON line an answer.

    python netbox_driver.py import FOLDER    each file in the order of its number, by its bulk-import page
    python netbox_driver.py export FOLDER    each list as NetBox exports it
    python netbox_driver.py serve FOLDER     its REST API over TLS, with server.pem and server.key of the
                                             folder; one line says port and token, the end of input ends it

Run by the Python that NetBox is installed in; pytest and mypy never import it.
"""

import json
import os
import re
import socketserver
import ssl
import sys
import threading
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "netbox.settings")

import django
from django.test import Client
from django.test.utils import setup_test_environment

PAGES = {
    "manufacturers": "dcim",
    "device-roles": "dcim",
    "device-types": "dcim",
    "sites": "dcim",
    "racks": "dcim",
    "devices": "dcim",
    "interfaces": "dcim",
    "cables": "dcim",
    "vrfs": "ipam",
    "prefixes": "ipam",
    "ip-addresses": "ipam",
}


def client() -> Client:
    # Models can be imported once Django is set up.
    from django.contrib.auth import get_user_model

    # The test environment keeps a page's form, which has the reasons of a refusal.
    setup_test_environment()
    user, _ = get_user_model().objects.get_or_create(username="admin", defaults={"is_superuser": True})
    person = Client()
    person.force_login(user)
    return person


def imported(person: Client, file: Path) -> dict[str, object]:
    from core.models import ObjectChange

    what = file.stem.split("-", 1)[1]
    before = ObjectChange.objects.count()
    form = {"import_method": "direct", "data": file.read_text(), "format": "csv", "csv_delimiter": "auto"}
    answer = person.post(f"/{PAGES[what]}/{what}/import/", form)
    refused = []
    if answer.status_code != 302:
        refused = [str(reason) for reasons in answer.context["form"].errors.values() for reason in reasons]
        refused = refused[:3] or [f"HTTP {answer.status_code}"]
    return {"file": file.name, "changes": ObjectChange.objects.count() - before, "refused": refused}


def exported(person: Client, folder: Path) -> dict[str, object]:
    rows = {}
    for what, app in PAGES.items():
        # Device types have no export of all data as CSV, only the list as it is shown.
        view = "=table" if what == "device-types" else ""
        answer = person.get(f"/{app}/{what}/?export{view}")
        name = re.search('filename="?([^"]+)"?', answer["Content-Disposition"])[1]
        content = b"".join(answer)
        (folder / name).write_bytes(content)
        rows[what] = len(content.decode().splitlines()) - 1
    return rows


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Write no line a request."""


class Threaded(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


def serve(folder: Path) -> None:
    from django.core.wsgi import get_wsgi_application
    from users.models import Token, User

    user, _ = User.objects.get_or_create(username="admin", defaults={"is_superuser": True})
    token = Token(user=user, version=2)
    token.save()
    server = Threaded(("127.0.0.1", 0), Quiet)
    server.set_app(get_wsgi_application())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    line = {"port": server.server_port, "token": f"nbt_{token.key}.{token.token}"}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


def main() -> None:
    action, folder = sys.argv[1], Path(sys.argv[2])
    django.setup()
    if action == "serve":
        serve(folder)
        return
    person = client()
    if action == "export":
        sys.stdout.write(json.dumps(exported(person, folder)) + "\n")
        return
    for file in sorted(folder.glob("*.csv"), key=lambda file: int(file.name.split("-")[0])):
        sys.stdout.write(json.dumps(imported(person, file)) + "\n")


main()
