"""`evidence verify`: compare signed evidence with the present description, files and log."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from sovereign_ai.cli.output import Output, problem_lines, wrapped
from sovereign_ai.errors import ExitCode, Problem, SovereignError, UsageError, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from sovereign_ai.attest import NotedLine, Witness
    from sovereign_ai.attest.chain import LogState
    from sovereign_ai.spec import AIFactory

_NEVER_CHECKED = "that what the description declares is true"
"""A fact that no evidence can show."""
_UNSTAMPED = "when it was signed, but by the signer's own clock"
"""What is not known of evidence without a time stamp."""
_UNREVOKED = "whether the certificate of the time stamp authority was revoked"


@frozen_dataclass
class Question:
    """The inputs of a verification.

    Attributes:
        evidence: the signed file.
        key: file of the public key that the reader trusts.
        stack: the description to compare with.
        files: `hosts`, `observation` and `report` to the bytes of their files.
        log: the log's file; None for the factory's own.
        witnesses: the second places of the log's head.
        without_log: whether to check no log.
        run_program: whether a description that is a program may be run.
        tsa_certificates: file of certificates of the time stamp authority that the reader trusts; None for
            none.
        tsa_policy: the policy that a time stamp must be made under; empty for any.
    """

    evidence: Path
    key: Path
    stack: Path
    files: Mapping[str, bytes]
    log: Path | None
    witnesses: tuple[Witness, ...]
    without_log: bool
    run_program: bool
    tsa_certificates: Path | None = None
    tsa_policy: str = ""


@dataclass
class VerificationAnswer:
    """The results of a verification.

    Attributes:
        problems: all problems, the cause first.
        checked: names of the subjects that were compared.
        unchecked: facts that were not compared, and why.
        access: statements of break-glass access, in the order of the log.
        aside: lines that were cut off the log and set aside.
        notes: further facts for the reader.
    """

    problems: list[Problem] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    access: list[dict[str, Any]] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check_evidence(output: Output, question: Question) -> None:
    """Verify signed evidence; no program of the other side runs unless the reader requests it.

    Raises:
        UsageError: a file is no evidence, no key or no description.
        EnvironmentLacksError: a file is missing.
    """
    from sovereign_ai.attest import (
        ACCESS,
        access_lines,
        access_problems,
        future_problems,
        own_problems,
        public_key,
        read_envelope,
        stated_moment,
    )

    envelope, key = read_envelope(question.evidence), public_key(question.key)
    answer = VerificationAnswer()
    log = _log_of(question, envelope)
    walk = _walk(question, answer, log, key)
    statement = _opened(answer, envelope, key, walk)
    if statement is not None:
        if statement["predicateType"] == ACCESS:
            answer.checked.append(statement["subject"][0]["name"])
            answer.access = [statement["predicate"]]
            answer.problems += access_problems(statement)
            factory = None
        else:
            factory = _compare(answer, question, statement)
        now = datetime.now(tz=UTC)
        answer.problems += future_problems("the statement", stated_moment(statement), now)
        if walk is None:
            answer.problems += own_problems(statement)
        if walk is not None and log is not None:
            _compare_log(answer, question, log, walk, statement, key)
            _compare_signer(answer, log, walk, envelope, statement)
            last = datetime.fromisoformat(walk.at) if walk.at else None
            answer.problems += future_problems(f"log: line {len(walk.runs)}", last, now)
        _note_approvers(answer, factory)
        _compare_timestamp(answer, question, envelope, statement, _own_line(log, walk, statement))
    answer.unchecked.append(_NEVER_CHECKED)
    details: list[str] = []
    for note in (*answer.aside, *answer.notes):
        details += wrapped(note)
    for access in answer.access:
        details += access_lines(access)
    for line in answer.unchecked:
        details += wrapped(f"not checked: {line}")
    data = {
        "checked": answer.checked,
        "not_checked": answer.unchecked,
        "access": answer.access,
        "set_aside": answer.aside,
        "notes": answer.notes,
        "problems": [problem.to_data() for problem in answer.problems],
    }
    if not answer.problems:
        unchanged = wrapped(f"unchanged since it was signed: {', '.join(answer.checked)}")
        output.finish(data, [*unchanged, *details])
        return
    lines: list[str] = []
    for problem in answer.problems:
        lines += problem_lines(problem.lines)
    # The first problem is the cause; a reader of many should begin there.
    lines[0] = f"first: {lines[0]}"
    output.finish(data, [*lines, *details], ExitCode.FINDINGS)


def _log_of(question: Question, envelope: Mapping[str, Any]) -> Path | None:
    """Return the log's file: the one that is named, else that of the factory which the evidence names.

    With `--no-log`, and for a name that is none, there is no log.

    The name is read before the signature is checked. It only chooses a file, and each line of that is checked
    by itself.
    """
    from sovereign_ai.attest import ACCESS
    from sovereign_ai.cli.stack import evidence_log_path
    from sovereign_ai.key_material import exact_base64
    from sovereign_ai.names import is_label

    if question.without_log:
        return None
    if question.log is not None:
        return question.log
    try:
        statement = orjson.loads(exact_base64(envelope["payload"]))
        factory, kind = str(statement["predicate"]["factory"]), statement["predicateType"]
    except (KeyError, TypeError, ValueError):
        return None  # it is no envelope, which is a problem of its own
    # Whoever wrote the evidence chose the name; only a label cannot lead out of the folder.
    if not is_label(factory):
        return None
    # A statement of access is kept beside its log.
    return (
        question.evidence.parent / f"{factory}.jsonl" if kind == ACCESS else evidence_log_path(None, factory)
    )


def _walk(
    question: Question, answer: VerificationAnswer, log: Path | None, key: Ed25519PublicKey
) -> LogState | None:
    """Read the log; a missing log is a problem unless the reader excluded the log."""
    from sovereign_ai.attest import chain

    if question.without_log:
        answer.unchecked.append(
            "the log: whether this run is in it, and whether lines were cut off (--no-log)"
        )
        return None
    if log is None:
        return None
    if question.log is None and not log.exists():
        hint = "name it with --log; to go without, knowing that lines may be missing, --no-log"
        message = f"log: {log} does not exist"
        answer.problems.append(Problem("no-log", message, Where(str(log)), hint))
        return None
    return chain.read_log(log, key)


def _opened(
    answer: VerificationAnswer, envelope: Mapping[str, Any], key: Ed25519PublicKey, walk: LogState | None
) -> dict[str, Any] | None:
    """Check the signature and return the statement; None if the signature does not hold.

    The signature may be of the reader's key, or of a key that the log hands over to or from.
    """
    from sovereign_ai.attest import ACCESS, PREDICATE, open_envelope

    kinds = (PREDICATE, ACCESS)
    statement, problems = open_envelope(envelope, key, kinds)
    # A key of a broken log is not trusted: anybody may have written the handover.
    if problems and problems[0].code == "bad-signature" and walk is not None and not walk.broken:
        for handover in walk.keys.steps:
            for other_key in (handover.old, handover.new):
                by_other, remaining = open_envelope(envelope, other_key, kinds)
                if not remaining:
                    return by_other
    if problems:
        # What is wrong with the envelope is the cause: it comes before anything else.
        answer.problems[:0] = problems
        return None
    return statement


def _compare(answer: VerificationAnswer, question: Question, statement: Mapping[str, Any]) -> AIFactory:
    """Compare evidence with the present description and files, and return the description."""
    from datetime import date

    from sovereign_ai.attest import differences, inner_problems, parts_and_verdict, verdict_counts
    from sovereign_ai.cli.stack import check_object_sizes
    from sovereign_ai.plan import plan

    predicate = statement["predicate"]
    factory = _description(answer, question, predicate)
    derived = plan(factory, factory.where)
    check_object_sizes(factory, derived)
    # Some rules depend on the day, so everything is derived for the day of the signature.
    day = date.fromisoformat(predicate["date"])
    parts, verdict = parts_and_verdict(factory, derived, question.files, now=day)
    changes = differences(statement, parts)
    answer.problems += [*changes, *inner_problems(statement)]
    answer.checked += [part.name for part in parts]
    if counts := predicate.get("verdict"):
        answer.notes.append(_verdict_note(counts, predicate["date"]))
        # Where anything changed, today's verdict is not the one that was counted.
        # As JSON, since to Python 1 and 1.0 are `True`.
        today = orjson.dumps(verdict_counts(verdict), option=orjson.OPT_SORT_KEYS)
        if not changes and orjson.dumps(counts, option=orjson.OPT_SORT_KEYS) != today:
            message = "verdict: the evidence counts other findings than those of its digest"
            hint = "believe what `check` says; ask who signed it which of both is right"
            answer.problems.append(Problem("contradiction", message, hint=hint))
    else:
        answer.unchecked.append("whether `check` passed: the evidence does not say")
    _compare_observation(answer, statement, question.files.get("observation"))
    signed = {subject["name"] for subject in statement["subject"]}
    for name, option in (("report", "--report"), ("hosts", "--hosts")):
        if name not in signed:
            answer.unchecked.append(f"a {name} file: none was signed ({option})")
    return factory


def _note_approvers(answer: VerificationAnswer, factory: AIFactory | None) -> None:
    """Note each access whose approver's key the description does not list; a key may have been replaced."""
    from sovereign_ai.rules import approver_of

    reason = "the description lists another, or none" if factory is not None else "no description was read"
    for access in answer.access:
        facts = access["access"]
        name, key = facts["approver"], facts.get("signature", "").partition(":")[0]
        listed = approver_of(factory, name) if factory is not None else None
        if listed is None or listed.key != key:
            answer.unchecked.append(
                f"whether the key that agreed to access {facts['id']} is {name}'s: {reason}"
            )


def _verdict_note(verdict: Mapping[str, Any], day: str) -> str:
    """Return the signed verdict in one line."""
    # `is True`: the evidence comes from outside, and any other value is no success.
    word = "passed" if verdict.get("ok") is True else "did NOT pass"
    names = ("violations", "waived", "undecidable", "notices")
    counts = ", ".join(f"{verdict.get(name)} {name}" for name in names)
    return f"`check` {word} on {day}: {counts}"


def _description(answer: VerificationAnswer, question: Question, predicate: Mapping[str, Any]) -> AIFactory:
    """Return the description to compare with.

    A description that is a program runs only if the reader allows it; without that, the signed description is
    used.

    Raises:
        UsageError: it is a program, and the evidence holds no description.
        SpecError: it has problems.
    """
    from sovereign_ai.cli.description import read_description
    from sovereign_ai.spec import description_file, read_data

    file = description_file(question.stack)
    if file.suffix != ".py" or question.run_program:
        return read_description(question.stack)
    signed = predicate.get("description")
    if not signed:
        message = (
            "the description is a program, which is not run,"
            " and the evidence holds no description to compare with"
        )
        hint = (
            "compare with the description as YAML or JSON,"
            " or run the program with --run-program if you trust it"
        )
        raise UsageError(Problem("program", message, Where(str(file)), hint))
    reason = "it is a program, and was not run (--run-program)"
    answer.unchecked.append(f"whether {file} still makes the signed description: {reason}")
    return read_data(dict(signed), "the signed description").factory


def _compare_observation(
    answer: VerificationAnswer, statement: Mapping[str, Any], file: bytes | None
) -> None:
    """Note which cluster was observed live and when.

    Evidence that does not bind the observation is a problem, and so is one whose words are not the file's.
    """
    from sovereign_ai.attest import binding_in, read_binding

    digests = {subject["name"]: subject["digest"]["sha256"] for subject in statement["subject"]}
    if "observation" not in digests:
        answer.unchecked.append("any running cluster: no observation was signed (--observation)")
        return
    binding = read_binding(statement["predicate"].get("observation"))
    if binding is None:
        message = "observation: the evidence does not say of which cluster, against which plan and when"
        hint = "sign it with a version that binds it to plan, cluster and time"
        answer.problems.append(Problem("unbound-observation", message, hint=hint))
        return
    is_signed_file = file is not None and sha256(file).hexdigest() == digests["observation"]
    if file is not None and is_signed_file and binding_in(file) != binding:
        message = "observation: the evidence says something else of it than the file that it signed"
        hint = "believe the file; ask who signed it which of both is right"
        answer.problems.append(Problem("contradiction", message, hint=hint))
    objects = f"objects/{binding.cluster}"
    wrong = []
    if digests.get("plan") != binding.plan_digest:
        wrong.append("plan")
    if digests.get(objects) != binding.objects_digest:
        wrong.append(objects)
    # As `evidence sign` has it: a clean verdict of a cluster that did not say which it is shows nothing.
    if binding.shows_nothing:
        message = "observation: the cluster has no identity in it (uid of its namespace kube-system)"
        hint = "observe a cluster that runs, and sign that"
        answer.problems.append(Problem("no-cluster-identity", message, hint=hint))
    if wrong:
        message = f"observation: it was compared with another {' and other '.join(wrong)} than the signed one"
        hint = "observe the cluster once more, and sign that"
        answer.problems.append(Problem("other-plan", message, hint=hint))
    answer.notes.append(binding.line)
    answer.unchecked.append(
        f"that cluster {binding.cluster} showed this: the observation is the signer's own"
    )


def _compare_log(
    answer: VerificationAnswer,
    question: Question,
    log: Path,
    walk: LogState,
    statement: Mapping[str, Any],
    key: Ed25519PublicKey,
) -> None:
    """Compare evidence with the log, and the log with its second places.

    Every statement of break-glass access in the log is opened too.
    """
    from sovereign_ai.attest import chain, statements

    answer.checked.append(f"log {log}")
    answer.problems += walk.problems
    if walk.broken:
        return
    answer.problems += chain.compare_statement(log, walk, statement)
    factory = statement["predicate"]["factory"]
    answer.problems += [*chain.orphans(log, walk, factory), *chain.other_factories(log, walk, factory)]
    differing, unnamed = chain.compare_witnesses(log, walk, question.witnesses)
    answer.problems += differing
    answer.checked += [f"head in {witness.text}" for witness in question.witnesses]
    if unnamed or not question.witnesses:
        answer.unchecked.append(_unchecked_head(unnamed))
    if walk.unnamed:
        lines = counted(walk.unnamed, "line")
        answer.unchecked.append(f"of which factory {lines} of the log are: an earlier version wrote them")
    answer.notes += walk.keys.lines()
    try:
        opened, problems = statements(log, key, walk.keys, len(walk.runs))
        messages = tuple(problem.message for problem in answer.problems)
        # What is wrong with a statement that is verified by itself is told already.
        problems = [problem for problem in problems if not problem.message.endswith(messages)]
        answer.aside, lost = chain.list_set_aside(log, len(walk.runs))
    except SovereignError as error:
        answer.problems += error.problems
        return
    for access in opened:
        # What its line names is named above.
        if access["factory"] not in {factory, *walk.factories}:
            message = f"log: access {access['access']['id']} is of factory {access['factory'][:80]!r}"
            hint = f"this is the log of another factory than {factory[:80]!r}: ask the operator for its own"
            answer.problems.append(Problem("other-factory", message, Where(str(log)), hint))
    # The evidence itself may be a statement of access that the log holds too.
    own = [access for access in answer.access if access not in opened]
    answer.access = [*own, *opened]
    answer.problems += [*problems, *lost]


def _compare_signer(
    answer: VerificationAnswer,
    log: Path,
    walk: LogState,
    envelope: Mapping[str, Any],
    statement: Mapping[str, Any],
) -> None:
    """Check that evidence is signed by the key that was in force at its line."""
    from sovereign_ai.attest import key_id, open_envelope

    number = int(statement["predicate"]["log"]["entries"])
    # What is no line of the log is told by the comparison with it.
    if walk.broken or number >= len(walk.runs):
        return
    in_force = walk.keys.at(number)
    _, problems = open_envelope(envelope, in_force, (statement["predicateType"],))
    if problems:
        message = f"envelope: it is not signed by key {key_id(in_force)[:12]}, which was in force at its line"
        hint = "a key signs nothing after it handed over; ask the operator for the evidence as it was signed"
        answer.problems.append(Problem("key-superseded", message, Where(str(log), number + 1), hint))


def _unchecked_head(unnamed: frozenset[str]) -> str:
    """Return what is not known about the log's head without the second places that were not named."""
    if unnamed:
        known = ", ".join(sorted(unnamed))
        return f"the head of the log in its second place ({known}): name it with --witness"
    return "whether lines after this run were cut off: the head of the log is kept in no second place"


def _own_line(log: Path | None, walk: LogState | None, statement: Mapping[str, Any]) -> NotedLine | None:
    """Return what the log says of the run of a statement; None without a log in which it stands."""
    from sovereign_ai.attest import noted_line
    from sovereign_ai.attest.chain import compare_statement

    if log is None or walk is None or walk.broken or compare_statement(log, walk, statement):
        return None
    return noted_line(log, int(statement["predicate"]["log"]["entries"]))


def _compare_timestamp(
    answer: VerificationAnswer,
    question: Question,
    envelope: Mapping[str, Any],
    statement: Mapping[str, Any],
    line: NotedLine | None,
) -> None:
    """Verify the time stamp of evidence, and compare it with the line of its run, else with its day."""
    from sovereign_ai.attest import (
        PREDICATE,
        StampError,
        compare_day,
        compare_line,
        read_authorities,
        removed_problem,
        signature_of,
        token_of,
        verify_token,
    )

    file = question.tsa_certificates
    authorities = read_authorities(file) if file else []
    try:
        token = token_of(envelope)
        if token is not None:
            stamp = verify_token(token, signature_of(envelope), authorities, question.tsa_policy)
    except StampError as error:
        message = f"time stamp: {error}"
        hint = "name the authority's own certificate, or ask the operator for the evidence as it was"
        answer.problems.append(Problem("bad-timestamp", message, hint=hint))
        return
    if token is None:
        answer.unchecked.append(_UNSTAMPED)
        if line is not None and line.digest:
            answer.problems.append(removed_problem())
        elif file is not None or question.tsa_policy:
            message = "time stamp: there is none, and an authority was named"
            hint = "`evidence sign --timestamp-url` has the evidence stamped"
            answer.problems.append(Problem("no-timestamp", message, hint=hint))
        return
    if line is not None:
        answer.problems += compare_line(stamp, token, line)
    elif statement["predicateType"] == PREDICATE:
        answer.problems += compare_day(stamp, statement)
    if file is None:
        at = stamp.at.isoformat(timespec="seconds")
        answer.unchecked.append(
            f"whether its time stamp ({at}) is by an authority that you trust (--tsa-cert)"
        )
        return
    answer.checked.append("time stamp")
    answer.notes.append(stamp.line)
    answer.unchecked.append(_UNREVOKED)
