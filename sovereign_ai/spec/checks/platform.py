"""The platform's controllers: known, under their own function, with what they need, and without rivals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where, nearest, with_more
from sovereign_ai.files import may_be_secret, shown
from sovereign_ai.names import SYSTEM_NAMESPACE
from sovereign_ai.spec.checks.manifests import check_manifests

if TYPE_CHECKING:
    from sovereign_ai.catalog import CatalogController
    from sovereign_ai.spec.factory import AIFactory
    from sovereign_ai.spec.platform import Contact, Controller, Platform

_ROOT = "platform"


def check_platform(factory: AIFactory) -> Iterator[Problem]:
    """Refuse unknown, repeated, misplaced and contradicting controllers, and missing prerequisites."""
    from sovereign_ai.catalog import controller_rows  # noqa: PLC0415 - only checks need it

    platform = factory.platform
    if platform is None:
        return
    rows = {row.name: row for row in controller_rows()}
    yield from _check_functions(platform, rows)
    yield from _check_prerequisites(platform, rows)
    yield from _check_rivals(platform, rows)
    yield from _check_details(platform, rows)
    yield from check_manifests(platform, {name: row.namespace for name, row in rows.items()})


def check_lending(factory: AIFactory) -> Iterator[Problem]:
    """Refuse lent quota where Kueue, which takes it back, is not run."""
    if factory.platform is not None and "kueue" in factory.platform.queueing:
        return
    for index, zone in enumerate(factory.zones):
        if zone.idle_quota == "lent":
            message = "idle quota is lent, and nothing is described that takes it back"
            where = Where(field=f"zones[{index}].idle_quota")
            hint = f"write '{_ROOT}: {{queueing: kueue}}', or 'idle_quota: kept'"
            yield Problem("missing-controller", message, where, hint)


def _check_functions(platform: Platform, rows: dict[str, CatalogController]) -> Iterator[Problem]:
    """Refuse names that the catalogue lacks, that stand under another function, or that stand twice."""
    for function, names in platform.functions().items():
        seen: set[str] = set()
        for index, name in enumerate(names):
            where = Where(field=f"{_ROOT}.{function}[{index}]")
            row = rows.get(name)
            if row is None:
                yield _unknown(name, rows, where)
            elif row.function != function:
                message = f"{name!r} is a controller of {row.function!r} and not of {function!r}"
                yield Problem("wrong-function", message, where, f"write it under '{_ROOT}.{row.function}'")
            elif name in seen:
                message = f"{name!r} is in this list twice"
                yield Problem("duplicate-entry", message, where, "keep one of the two")
            seen.add(name)


def _unknown(name: str, rows: dict[str, CatalogController], where: Where) -> Problem:
    """Return the problem of a name that no row has, with the nearest one that may be shown."""
    candidates = [known for known in rows if not may_be_secret(known)]
    own = "a controller of your own is a row of kind controller in 'catalog'"
    hint = with_more(nearest(name, candidates), own)
    return Problem("unknown-name", f"the catalogue has no controller called {shown(name)}", where, hint)


def _check_prerequisites(platform: Platform, rows: dict[str, CatalogController]) -> Iterator[Problem]:
    """Refuse a controller without another that it needs, with the line that adds it."""
    named = platform.names()
    for function, names in platform.functions().items():
        for index, name in enumerate(names):
            row = rows.get(name)
            for needed in row.needs if row else ():
                if needed in named:
                    continue
                reason = row.reason("needs", needed) if row else ""
                message = f"{name!r} does not work without {needed!r}: {reason}"
                hint = _line_to_add(platform, rows, needed)
                where = Where(field=f"{_ROOT}.{function}[{index}]")
                yield Problem("missing-controller", message, where, hint)


def _line_to_add(platform: Platform, rows: dict[str, CatalogController], needed: str) -> str:
    """Return the line of the platform that lists a missing controller beside those of its function."""
    row = rows.get(needed)
    if row is None:
        return f"add a row of kind controller called {needed!r} to 'catalog', and name it"
    listed = (needed, *platform.functions()[row.function])
    value = needed if len(listed) == 1 else f"[{', '.join(listed)}]"
    return f"write '{row.function}: {value}' under '{_ROOT}'"


def _check_rivals(platform: Platform, rows: dict[str, CatalogController]) -> Iterator[Problem]:
    """Refuse two controllers of which the catalogue says that they contradict each other."""
    fields: dict[str, str] = {}
    for function, names in platform.functions().items():
        for index, name in enumerate(names):
            fields.setdefault(name, f"{_ROOT}.{function}[{index}]")
    order = list(fields)
    for name in order:
        row = rows.get(name)
        for rival in row.conflicts if row else ():
            if rival not in fields:
                continue
            reason = row.reason("conflicts", rival) if row else ""
            message = f"{name!r} and {rival!r} contradict each other: {reason}"
            # The later of the two is the one that was added.
            later = max(name, rival, key=order.index)
            yield Problem("contradiction", message, Where(field=fields[later]), f"keep {name!r} or {rival!r}")


def _check_details(platform: Platform, rows: dict[str, CatalogController]) -> Iterator[Problem]:
    """Refuse details of controllers that are not run, or that are described twice."""
    named = platform.names()
    seen: set[str] = set()
    for index, controller in enumerate(platform.controllers):
        field = f"{_ROOT}.controllers[{index}]"
        where = Where(field=f"{field}.name")
        row = rows.get(controller.name)
        if row is None and controller.name not in named:
            yield _unknown(controller.name, rows, where)
        elif row is not None and controller.name not in named:
            message = f"{controller.name!r} is described, and the platform does not run it"
            hint = _line_to_add(platform, rows, controller.name)
            yield Problem("not-run", message, where, hint)
        elif controller.name in seen:
            message = f"{controller.name!r} is described twice"
            yield Problem("duplicate-name", message, where, "keep one of the two")
        seen.add(controller.name)
        yield from _check_contacts(controller, field)


def check_network_accounts(factory: AIFactory) -> Iterator[Problem]:
    """Refuse a network plugin's account that stands twice, or that a tenant could act as."""
    platform = factory.platform
    if platform is None:
        return
    tenants = {tenant.name for tenant in factory.tenants}
    own = {f"{tenant}-{zone.name}" for tenant in tenants for zone in factory.zones}
    for index, account in enumerate(platform.network_accounts):
        where = Where(field=f"{_ROOT}.network_accounts[{index}]")
        namespace = account.partition("/")[0]
        if account in platform.network_accounts[:index]:
            message = f"{account!r} is in this list twice"
            yield Problem("duplicate-entry", message, where, "keep one of the two")
        elif namespace in {SYSTEM_NAMESPACE, *tenants, *own}:
            message = f"{namespace!r} is a namespace of the factory, where no network plugin runs"
            hint = "install the plugin into a namespace of its own, and name that one"
            yield Problem("bad-account", message, where, hint)


def check_workers(factory: AIFactory) -> Iterator[Problem]:
    """Refuse worker clusters without Kueue, that stand twice, and tenants of none of their zones."""
    platform = factory.platform
    if platform is None:
        return
    seen: set[str] = set()
    for index, worker in enumerate(platform.multikueue):
        at = f"{_ROOT}.multikueue[{index}]"
        if "kueue" not in platform.queueing:
            message = f"work is sent to {worker.cluster!r}, and no Kueue is described that sends it"
            hint = f"write 'queueing: kueue' under '{_ROOT}'"
            yield Problem("missing-controller", message, Where(field=f"{at}.cluster"), hint)
        if worker.cluster in seen:
            message = f"{worker.cluster!r} is described as a worker cluster twice"
            hint = "keep one of the two, with the zones of both"
            yield Problem("duplicate-name", message, Where(field=f"{at}.cluster"), hint)
        seen.add(worker.cluster)
        members: set[str] = set()
        for zone in factory.zones:
            if zone.name in worker.zones:
                members.update(zone.tenants)
        for number, tenant in enumerate(worker.tenants):
            if tenant not in members:
                message = f"tenant {tenant!r} is in none of the zones {', '.join(worker.zones)}"
                hint = "leave it out, or name one of its zones"
                yield Problem("not-in-zone", message, Where(field=f"{at}.tenants[{number}]"), hint)


def _check_contacts(controller: Controller, field: str) -> Iterator[Problem]:
    """Refuse contacts of one name, used ones without a host, and hosts of those that are switched off."""
    seen: set[str] = set()
    for index, contact in enumerate(controller.contacts):
        at = f"{field}.contacts[{index}]"
        if contact.name in seen:
            message = f"a second contact of {controller.name!r} is called {contact.name!r}"
            yield Problem("duplicate-name", message, Where(field=f"{at}.name"), "give it another name")
        seen.add(contact.name)
        yield from _check_contact(contact, at)


def _check_contact(contact: Contact, at: str) -> Iterator[Problem]:
    """Refuse a used contact without a host, and a host or a country of one that is not used."""
    if contact.used and contact.host is None:
        message = f"the contact {contact.name!r} is used and has no host"
        hint = "write 'host', or 'used: false' where it is switched off"
        yield Problem("missing-field", message, Where(field=at), hint)
    for name in ("host", "jurisdiction"):
        if not contact.used and getattr(contact, name) is not None:
            message = f"a contact that is not used has no {name}"
            hint = f"remove {name!r}, or 'used: false'"
            yield Problem("contradiction", message, Where(field=f"{at}.{name}"), hint)
