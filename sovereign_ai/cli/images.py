"""`images`: verifies the signatures of container images offline, against the signers of a description."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import DescriptionArgument
from sovereign_ai.cli.output import AsJson, Output, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sovereign_ai.rules import SignatureReview
    from sovereign_ai.spec import AIFactory


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Verify who signed the container images, offline.")
    app.add_typer(group, name="images")

    # A group of one command: without a callback Typer would make it the group itself.
    @group.callback()
    def images() -> None:
        """Verify who signed the container images, offline."""

    @group.command("verify", **example("sovereign-ai images verify stacks/lab"))
    def verify(stack: DescriptionArgument = Path(), as_json: Annotated[bool, AsJson] = False) -> None:
        """Verify every signature, and list what each image lacks; exit 1 if one does not count."""
        run_command("images verify", as_json, lambda output: _verify(output, stack))


def _verify(output: Output, path: Path) -> None:
    from sovereign_ai.cli.description import read_description
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.rules import NOT_CHECKED, explain_unsigned, review_signatures, signed_registries

    factory = read_description(path)
    images = factory.images
    reviews = review_signatures(images)
    unsigned: list[dict[str, str]] = []
    for workload in factory.workloads:
        reason = explain_unsigned(images, workload.image)
        if reason:
            unsigned.append({"workload": workload.name, "image": workload.image, "reason": reason})
    data: dict[str, Any] = {
        "registries": list(signed_registries(images)),
        "images": [],
        "refused": [],
        "unsigned": unsigned,
        "not_checked": list(NOT_CHECKED) if images.signers else [],
    }
    for review in reviews:
        if review.reason:
            data["refused"].append({"file": review.file, "reason": review.reason})
        for digest in review.digests:
            data["images"].append(_image(review, digest))
    lines = _lines(factory, reviews, data)
    has_findings = data["refused"] or unsigned
    output.finish(data, lines, ExitCode.FINDINGS if has_findings else ExitCode.OK)


def _image(review: SignatureReview, digest: str) -> dict[str, Any]:
    """Return what is known of a signed image."""
    return {
        "digest": digest,
        "signer": review.signer,
        "builder": review.builder,
        "file": review.file,
    }


def _lines(factory: AIFactory, reviews: Sequence[SignatureReview], data: dict[str, Any]) -> list[str]:
    """Return the answer for a terminal."""
    from sovereign_ai.rules import NOT_CHECKED

    if not factory.images.signers:
        return ["the description declares no signers of images, so that none has to be signed"]
    rows: list[tuple[str, str, str, str]] = []
    for image in data["images"]:
        rows.append((image["digest"], image["signer"], image["builder"] or "-", image["file"]))
    lines = ["no signature counts"]
    if rows:
        lines = table(["image", "signer", "builder", "file"], sorted(rows))
    free = [name for name in factory.images.registries if f"{name.rstrip('/')}/" not in data["registries"]]
    if free:
        lines.append(f"no signers are declared for images of {', '.join(free)}")
    lines += [f"refused {review.file}: {review.reason}" for review in reviews if review.reason]
    for entry in data["unsigned"]:
        lines.append(f"unsigned workload {entry['workload']}: {entry['image']}: {entry['reason']}")
    lines += [f"not checked: {text}" for text in NOT_CHECKED]
    return lines
