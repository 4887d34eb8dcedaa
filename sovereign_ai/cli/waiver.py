"""`waiver`: the approver's signature under a recorded exception; an exception without it has no effect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import DescriptionArgument, day
from sovereign_ai.cli.output import AsJson, Output, table

if TYPE_CHECKING:
    from sovereign_ai.attest import Signer
    from sovereign_ai.spec import AIFactory, Waiver

Key = Annotated[
    Path,
    typer.Option(
        "--key", help="The approver's own Ed25519 private key: PEM file of mode 0600, or pkcs11: URI."
    ),
]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True, help="Sign a recorded exception as its approver, and list who signed."
    )
    app.add_typer(group, name="waiver")

    @group.command("key", **example("sovereign-ai waiver key --key approver.pem"))
    def key(key: Key, as_json: Annotated[bool, AsJson] = False) -> None:
        """Print the public key as a description lists it."""
        run_command("waiver key", as_json, lambda output: _key(output, key))

    @group.command("sign", **example("sovereign-ai waiver sign slow-line stacks/lab --key approver.pem"))
    def sign(
        waiver: Annotated[str, typer.Argument(metavar="ID", help="The waiver's id.")],
        key: Key,
        stack: DescriptionArgument = Path(),
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show what the approver agrees to, and print the signature for it."""
        run_command("waiver sign", as_json, lambda output: _sign(output, stack, waiver, key))

    @group.command("list", **example("sovereign-ai waiver list stacks/lab"))
    def listed(stack: DescriptionArgument = Path(), as_json: Annotated[bool, AsJson] = False) -> None:
        """List every waiver and whether its approver signed it; exit 1 if one is unsigned."""
        run_command("waiver list", as_json, lambda output: _list(output, stack))


def public_key_text(key: Signer) -> str:
    """Return a private key's public key as a description lists it."""
    from sovereign_ai.attest import public_text

    return public_text(key.public_key())


def sign_waiver(waiver: Waiver, factory: str, key: Signer) -> str:
    """Return an approver's signature for a waiver, as the description holds it.

    It consists of the public key and the signature.

    Args:
        waiver: the exception that is approved.
        factory: the factory's name, which is signed too: a waiver holds for one factory only.
        key: the approver's private key.
    """
    from sovereign_ai.attest import base64_text, pae
    from sovereign_ai.rules import WAIVER_TYPE, waiver_payload

    message = pae(WAIVER_TYPE, waiver_payload(waiver, factory))
    return f"{public_key_text(key)}:{base64_text(key.sign(message))}"


def _key(output: Output, path: Path) -> None:
    from sovereign_ai.attest import signing_key

    text = public_key_text(signing_key(path))
    output.finish({"key": text}, [f"key: {text}"])


def _sign(output: Output, path: Path, id_: str, key: Path) -> None:
    from sovereign_ai.attest import signing_key
    from sovereign_ai.cli.description import read_description
    from sovereign_ai.rules import as_counted

    factory = read_description(path)
    signer = signing_key(key)
    waiver = _find_waiver(factory, id_)
    require_approver_key(factory, waiver.approver, public_key_text(signer))
    _require_mandate(factory, waiver)
    signature = sign_waiver(waiver, factory.name, signer)
    period = f"from {waiver.created} up to the day before {as_counted(factory, waiver).expires}"
    agreement = f"{waiver.approver} agrees that {waiver.rule} does not hold for {waiver.resource},"
    request = f"    {period}, as {waiver.requester} asked: {waiver.reason}"
    instead = f"    instead: {waiver.compensating_control}; {waiver.owner} carries the risk"
    note = "write this into the waiver; it fits only as long as nothing else in it changes:"
    lines = [agreement, request, instead, note, f"signature: {signature}"]
    output.finish({"waiver": waiver.id, "factory": factory.name, "signature": signature}, lines)


def _find_waiver(factory: AIFactory, id_: str) -> Waiver:
    """Return the waiver with an id.

    Raises:
        UsageError: the description has no such waiver.
    """
    from sovereign_ai.errors import Problem, UsageError, Where, nearest

    for waiver in factory.waivers:
        if waiver.id == id_:
            return waiver
    message = f"the description has no waiver {id_!r}"
    hint = nearest(id_, [waiver.id for waiver in factory.waivers])
    raise UsageError(Problem("no-waiver", message, Where(field="waivers"), hint))


def require_approver_key(factory: AIFactory, approver: str, public: str) -> None:
    """Refuse to sign with a key that is not the approver's.

    Args:
        factory: the description.
        approver: the approver's name.
        public: the public form of the key that is about to sign.

    Raises:
        UsageError: the description lists another key under the approver's name, or none.
    """
    from sovereign_ai.errors import Problem, UsageError, Where
    from sovereign_ai.rules import approver_of

    listed = approver_of(factory, approver)
    if listed is None:
        message = f"the description lists no approver {approver!r}"
        hint = f"add under `approvers`: {{name: {approver}, key: {public}}}"
        raise UsageError(Problem("no-approver", message, Where(field="approvers"), hint))
    if listed.key != public:
        message = f"the description lists another key under {approver!r}"
        hint = "sign with the approver's own key"
        raise UsageError(Problem("other-key", message, Where(field="approvers"), hint))


def _require_mandate(factory: AIFactory, waiver: Waiver) -> None:
    """Refuse to sign for an approver whose right to agree has ended: the signature would cover nothing.

    Raises:
        UsageError: it ended before today, or before the waiver begins.
    """
    from sovereign_ai.errors import Problem, UsageError, Where
    from sovereign_ai.names import normal_name
    from sovereign_ai.rules import mandate_ends

    until = mandate_ends(factory).get(normal_name(waiver.approver))
    if until is not None and until < max(day(None), waiver.created):
        message = f"{waiver.approver!r} could agree until {until}, so that this would cover nothing"
        hint = "write another `approver` into the waiver, whose right has not ended, and have that one sign"
        raise UsageError(Problem("past-approver", message, Where(field="approvers"), hint))


def _list(output: Output, path: Path) -> None:
    from sovereign_ai.cli.description import read_description
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.rules import as_counted, unapproved_waivers

    factory = read_description(path)
    # By position: two waivers may have the same id, which is a problem of its own.
    reasons = {number: reason for number, _, reason in unapproved_waivers(factory)}
    rows = []
    data = []
    for number, waiver in enumerate(factory.waivers):
        unsigned = reasons.get(number, "")
        end = as_counted(factory, waiver).expires
        state = "signed" if end == waiver.expires else f"signed; ends on {end} with its approver's right"
        rows.append((waiver.id, waiver.rule, waiver.resource, waiver.approver, unsigned or state))
        data.append(
            {
                "id": waiver.id,
                "rule": waiver.rule,
                "resource": waiver.resource,
                "approver": waiver.approver,
                "unsigned": unsigned,
            }
        )
    lines = ["the description has no waivers"]
    if rows:
        lines = table(["id", "rule", "resource", "approver", "signature"], rows)
    output.finish({"waivers": data}, lines, ExitCode.FINDINGS if reasons else ExitCode.OK)
