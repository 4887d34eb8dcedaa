"""`render`: write the objects of one cluster or of all as files, for GitOps and for review."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.completion import complete_delivery
from sovereign_ai.cli.options import DescriptionArgument
from sovereign_ai.cli.output import AsJson, Output, wrapped
from sovereign_ai.errors import Problem, UsageError, nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.render.delivery import Repository
    from sovereign_ai.render.kubernetes import Bundle


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("render", **example("sovereign-ai render stacks/lab -o manifests"))
    def render(
        stack: DescriptionArgument = Path(),
        out: Annotated[
            Path | None,
            typer.Option(
                "--output", "-o", help="Folder for the files; left out, YAML goes to standard output."
            ),
        ] = None,
        cluster: Annotated[
            str | None,
            typer.Option(
                "--stack",
                metavar="NAME",
                help="Which of the plan's clusters; left out, --output gets a folder for each.",
            ),
        ] = None,
        gitops: Annotated[
            str | None,
            typer.Option(
                "--gitops",
                metavar="TOOL",
                help="Add objects of `argocd` or `flux` that deliver every cluster from a Git repository.",
                autocompletion=complete_delivery,
            ),
        ] = None,
        url: Annotated[
            str | None,
            typer.Option("--repo-url", metavar="URL", help="The repository, without an account or a token."),
        ] = None,
        folder: Annotated[
            str, typer.Option("--repo-path", metavar="PATH", help="The folder of --output in the repository.")
        ] = ".",
        revision: Annotated[
            str,
            typer.Option("--revision", metavar="NAME", help="A branch, a commit, or refs/tags/NAME."),
        ] = "main",
        secret: Annotated[
            str,
            typer.Option("--repo-secret", metavar="NAME", help="Flux: the Secret with its credentials."),
        ] = "",
        plain_http: Annotated[
            bool, typer.Option("--plain-http", help="Permit a repository's address without TLS.")
        ] = False,
        helm: Annotated[bool, typer.Option("--helm", help="Write a Helm chart of each cluster.")] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Render Kubernetes objects, each cluster in its own folder."""
        place = RepositoryOptions(url, folder, revision, secret, plain_http)
        form = Form(helm, gitops, place)
        run_command("render", as_json, lambda output: _render(output, stack, out, cluster, form), folder=out)


@frozen_dataclass
class RepositoryOptions:
    """What the options say of the repository, as it was typed.

    Attributes:
        url: its address; None where it was left out.
        path: the folder in it.
        revision: what is delivered of it.
        secret: the Secret with credentials; empty for none.
        plain_http: whether its address may have no TLS.
    """

    url: str | None
    path: str
    revision: str
    secret: str
    plain_http: bool


@frozen_dataclass
class Form:
    """The form in which objects are written.

    Attributes:
        helm: whether as a Helm chart.
        gitops: the program that delivers them from a repository; None for none.
        place: that repository.
    """

    helm: bool
    gitops: str | None
    place: RepositoryOptions


_NO_REPOSITORY = RepositoryOptions(None, ".", "main", "", plain_http=False)


def _render(output: Output, path: Path, out: Path | None, cluster: str | None, form: Form) -> None:
    from sovereign_ai.cli.stack import open_stack

    repository = _repository(form, out)
    stack = open_stack(path)
    if out is None:
        _print(output, stack.bundle(cluster))
    elif form.gitops is not None and repository is not None:
        _write_gitops(output, stack, _bundles(stack, cluster), out, form.gitops, repository)
    elif form.helm:
        _write_charts(output, stack, _bundles(stack, cluster), out)
    elif cluster is None and len(stack.plan.clusters) > 1:
        bundles = _bundles(stack, None)
        _write_folders(output, bundles, out, _kustomizations(bundles))
    else:
        _write_flat(output, stack.bundle(cluster), out)


def _repository(form: Form, out: Path | None) -> Repository | None:
    """Return the repository that the options name; None without `--gitops`.

    Raises:
        UsageError: every problem of the options.
    """
    from sovereign_ai.render.delivery import parse_repository

    problems = list(_form_problems(form, out))
    place, repository = form.place, None
    if form.gitops is not None and place.url is not None:
        try:
            repository = parse_repository(
                place.url, place.path, place.revision, place.secret, plain_http=place.plain_http
            )
        except UsageError as error:
            problems += error.problems
    if problems:
        raise UsageError(problems)
    return repository


def _form_problems(form: Form, out: Path | None) -> Iterator[Problem]:
    """Yield what is wrong with the options beside the repository itself."""
    from sovereign_ai.render.delivery import GITOPS_TOOLS

    if form.helm and form.gitops is not None:
        message = "--helm and --gitops are two ways of delivery"
        yield Problem("bad-option", message, hint="write one of them; Argo CD and Flux need no chart")
    if form.helm and out is None:
        yield Problem("no-output", "--helm writes a folder, and none was named", hint="add --output DIR")
    if form.gitops is not None:
        yield from _gitops_problems(form.gitops, form.place, out)
    elif form.place != _NO_REPOSITORY:
        message = "--repo-url, --repo-path, --revision, --repo-secret and --plain-http belong to --gitops"
        yield Problem("bad-option", message, hint=f"add --gitops {' | '.join(GITOPS_TOOLS)}")


def _gitops_problems(gitops: str, place: RepositoryOptions, out: Path | None) -> Iterator[Problem]:
    """Yield what is wrong with the options of `--gitops` beside the repository itself."""
    from sovereign_ai.render.delivery import GITOPS_TOOLS

    if gitops not in GITOPS_TOOLS:
        message = f"--gitops: {gitops!r} is not one of {', '.join(GITOPS_TOOLS)}"
        yield Problem("bad-option", message, hint=nearest(gitops, GITOPS_TOOLS))
    if out is None:
        yield Problem("no-output", "--gitops writes a folder, and none was named", hint="add --output DIR")
    if place.url is None:
        hint = "add --repo-url https://HOST/PATH, the repository to which the folder is committed"
        yield Problem("bad-option", "--gitops delivers from a repository, and none was named", hint=hint)
    if place.secret and gitops == "argocd":
        message = "--repo-secret is an option of Flux: Argo CD finds credentials by the repository's address"
        yield Problem("bad-option", message, hint="leave it out, and register the repository in Argo CD")


def _bundles(stack: Stack, cluster: str | None) -> list[Bundle]:
    """Return the objects of one cluster, or of every cluster where none is named."""
    if cluster is not None:
        return [stack.bundle(cluster)]
    return [stack.bundle(planned.name) for planned in stack.plan.clusters]


def _print(output: Output, bundle: Bundle) -> None:
    """Print the objects of a cluster."""
    data: dict[str, Any] = {"cluster": bundle.cluster, "digest": bundle.digest}
    data["objects"] = list(bundle.objects)
    output.finish(data, bundle.to_yaml().rstrip("\n").split("\n"))


def _write_flat(output: Output, bundle: Bundle, out: Path) -> None:
    """Write the objects of one cluster into a folder."""
    files = bundle.write(out)
    paths = [str(file) for file in files]
    lines = [f"wrote {counted(len(bundle.objects), 'object')} in {counted(len(paths), 'file')} to {out}"]
    lines.append(f"digest {bundle.digest}")
    output.finish({"cluster": bundle.cluster, "digest": bundle.digest, "files": paths}, lines)


def _kustomizations(bundles: Sequence[Bundle]) -> dict[str, str]:
    """Return the text of every file of several clusters, by its path."""
    files: dict[str, str] = {}
    for bundle in bundles:
        for name, text in bundle.files().items():
            files[f"{bundle.cluster}/{name}"] = text
    return files


def _write_gitops(
    output: Output, stack: Stack, bundles: Sequence[Bundle], out: Path, gitops: str, repository: Repository
) -> None:
    """Write every cluster's objects and what delivers them."""
    from sovereign_ai.render.delivery import gitops_files, warnings

    files = gitops_files(stack.factory, bundles, gitops, repository)
    _write_folders(output, bundles, out, files, {"gitops": gitops}, warnings(stack.factory, gitops))


def _write_charts(output: Output, stack: Stack, bundles: Sequence[Bundle], out: Path) -> None:
    """Write a chart of each cluster: into the folder itself where there is one cluster."""
    from sovereign_ai.render.delivery import HELM_WARNINGS, chart_files

    files: dict[str, str] = {}
    for bundle in bundles:
        folder = "" if len(bundles) == 1 else f"{bundle.cluster}/"
        for name, text in chart_files(bundle, stack.plan).items():
            files[folder + name] = text
    _write_folders(output, bundles, out, files, {"helm": True}, HELM_WARNINGS)


def _write_folders(
    output: Output,
    bundles: Sequence[Bundle],
    out: Path,
    files: Mapping[str, str],
    form: Mapping[str, Any] | None = None,
    warnings: Sequence[str] = (),
) -> None:
    """Write the objects of clusters, each into a folder of the cluster's name, and what else there is."""
    from sovereign_ai.cli.plan_text import wrapped
    from sovereign_ai.render.kubernetes import write_clusters

    written = write_clusters(out, files, output.progress)
    flat = "Chart.yaml" in files
    clusters, lines = _summary(bundles, out, flat=flat)
    paths = sorted(str(out / name) for name in files)
    data: dict[str, Any] = {"clusters": clusters, "files": paths, "removed": written.removed}
    if form is not None:
        data |= {**form, "warnings": list(warnings)}
        lines += [f"wrote {out / name}" for name in sorted(files) if "/" not in name]
    if written.removed:
        lines.append(f"removed {counted(written.removed, 'file')} of an earlier run")
    lines += wrapped(warnings)
    output.finish(data, lines)


def _summary(bundles: Sequence[Bundle], out: Path, *, flat: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what was written of each cluster, for a program and for a person."""
    data: list[dict[str, Any]] = []
    lines: list[str] = []
    for bundle in bundles:
        count, folder = len(bundle.objects), str(out if flat else out / bundle.cluster)
        row = {"cluster": bundle.cluster, "digest": bundle.digest, "objects": count, "folder": folder}
        data.append(row)
        lines += wrapped(f"wrote {counted(count, 'object')} to {folder}, digest {bundle.digest}")
    return data, lines
