"""What a command has judged by the rules, so that the program of its engine does not judge the same again.

A command judges what it deploys before it touches the cluster. The program that its engine runs seconds later
would find the same: half a second for a thousand objects. So the command notes what it judged in the working
copy of its run, a folder of mode 0700 that no other engine reads. Neither the environment nor a plain
`pulumi up` can make a program skip the rules.

A program of the user's own may make another description of the same factory than the command has read: the
command would then put its own objects over those of the program. Such a program is refused before a write.
"""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from sovereign_ai.deploy.state.stack_record import backend_folder
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, Where
from sovereign_ai.files import RUN, content_of, parse_json
from sovereign_ai.plan import Plan
from sovereign_ai.render.kubernetes import Bundle
from sovereign_ai.spec import AIFactory

JUDGED_FILE = "judged.json"


def judged_note(factory: AIFactory, plan: Plan, bundle: Bundle) -> bytes:
    """Return the content of the note on a description and a bundle that the rules permit today.

    Args:
        factory: the description.
        plan: its plan.
        bundle: its objects.
    """
    # Waivers expire: the note of a command that ran into another day permits nothing.
    day = datetime.now(UTC).date().isoformat()
    note = {
        "day": day,
        "factory": factory.name,
        "cluster": bundle.cluster,
        "description": factory.digest,
        "waivers": factory.waivers_digest,
        "plan": plan.digest,
        "bundle": bundle.digest,
    }
    return orjson.dumps(note, option=orjson.OPT_SORT_KEYS)


def is_judged(backend: str, factory: AIFactory, plan: Plan, bundle: Bundle) -> bool:
    """Return whether the command whose engine runs this program has judged exactly this, and today.

    Args:
        backend: the URL of the backend that the engine of the run uses.
        factory: the description.
        plan: its plan.
        bundle: its objects.
    """
    return _noted(backend) == judged_note(factory, plan, bundle)


def require_same_description(backend: str, factory: AIFactory, bundle: Bundle) -> None:
    """Check that a program deploys the description that the command of its run has read.

    Args:
        backend: the URL of the backend that the engine of the run uses.
        factory: the description.
        bundle: its objects.

    Raises:
        UsageError: the command has read another description of the same factory.
        EnvironmentLacksError: its note is damaged.
    """
    content = _noted(backend)
    noted = {} if content is None else parse_json(content, JUDGED_FILE, RUN).data
    if not isinstance(noted, dict):
        raise EnvironmentLacksError(Problem("note-damaged", "it is no object", Where(JUDGED_FILE), RUN.hint))
    is_about_it = noted.get("factory") == factory.name and noted.get("cluster") == bundle.cluster
    if is_about_it and noted.get("description") != factory.digest:
        message = "the program deploys another description of this factory than the command has read"
        hint = "let it load the stack's own file and change nothing in it; or deploy it with `pulumi up`"
        raise UsageError(Problem("other-description", message, hint=hint))


def _noted(backend: str) -> bytes | None:
    """Return the note of the command whose engine runs this program; None where there is none.

    Raises:
        EnvironmentLacksError: it is no regular file, cannot be read, or is too large.
    """
    folder = backend_folder(backend)
    if folder is None:
        return None
    return content_of(folder / JUDGED_FILE, RUN)
