"""Work that Kueue sends to other clusters: conditions, as CEL, on the objects by which it does.

`$sent` has a row for each way that the plan has: the namespace whose work is sent, the queue, which its
check and the list of its workers are called after, and the worker cluster. Whatever is in no row is refused,
whoever writes it: a queue that takes in another namespace, a list with another worker, a further worker.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence

from sovereign_ai.rules.cel.literals import literal

_MULTIKUEUE = "kueue.x-k8s.io/multikueue"
_QUEUE_NAME = '"kueue.x-k8s.io/queue-name"'


_OWN_KEYS = ("server", "proxy")
"""What no kubeconfig of a worker may have behind its beginning: a further address, or one in between."""
_ODD = "\\!@"
"""Characters by which a text may be read as another: escapes, tags, and an account before a host."""
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def leads_to_worker(secret: str) -> str:
    """Return CEL: a Secret in Kueue's namespace under a worker's name is a kubeconfig for that worker.

    Base64 shows a text in one of three forms, by its place in the groups of three bytes. So a word in it is
    found without decoding, as is a single character, whose letters are those of its group.

    Args:
        secret: expression of the Secret.
    """
    value = f'{secret}.data["kubeconfig"]'
    words = "|".join(form for word in _OWN_KEYS for form in _forms(word))
    odd = "|".join(form for character in _ODD for form in _forms_of_character(ord(character)))
    rest = f"{value}.substring(size(head))"
    is_plain = f"!{rest}.matches({literal(words)}) && !{rest}.matches({literal(f'^(?:.{{4}})*?(?:{odd})')})"
    has_one = f'has({secret}.data) && {secret}.data.size() == 1 && "kubeconfig" in {secret}.data'
    is_good = f"{has_one} && {value}.startsWith(head) && {is_plain}"
    name = f"{secret}.metadata.name"
    is_other = f"{secret}.metadata.namespace != $queueing || !({name} in $kubeconfigs)"
    return f"{is_other} || [$kubeconfigs[{name}]].all(head, {is_good})"


def _forms(word: str) -> Iterator[str]:
    """Yield the letters of base64 that a word has wherever it stands, for each of three places in a group."""
    for before in range(3):
        text = base64.b64encode(b"\0" * before + word.encode()).decode()
        # The first and the last letter hold bits of what is beside the word.
        whole = (before * 8 + 5) // 6, (before + len(word)) * 8 // 6
        yield text[whole[0] : whole[1]]


def _forms_of_character(code: int) -> Iterator[str]:
    """Yield expressions for a group of base64 with a character in its first, second or third byte."""
    for place in range(3):
        shift = 16 - 8 * place
        letters = []
        for low in (18, 12, 6, 0):
            # The bits of this letter that are the character's, and their values.
            mask, bits = 0xFF << shift >> low & 63, code << shift >> low & 63
            possible = ""
            for number, letter in enumerate(_LETTERS):
                if number & mask == bits & mask:
                    possible += letter
            letters.append(f"[{possible}]" if mask else ".")
        yield "".join(letters)


def managed_here_or_sent(value: str, controllers: Sequence[str]) -> str:
    """Return CEL: one of some controllers runs a job, or it is in a queue from which work is sent.

    Args:
        value: expression of the job's `managedBy`.
        controllers: those that run it in this cluster.
    """
    labels = "object.metadata.labels"
    is_sent = f"$sent.exists(s, s[0] == object.metadata.namespace && s[1] == {labels}[{_QUEUE_NAME}])"
    return (
        f'({value} in {literal(list(controllers))} || ({value} == "{_MULTIKUEUE}"'
        f" && has({labels}) && {_QUEUE_NAME} in {labels} && {is_sent}))"
    )


def sending_queue(value: str) -> str:
    """Return CEL: the spec of a queue sends no work, or only that of the namespaces that the plan says."""
    checks = f"{value}.admissionChecksStrategy.admissionChecks"
    has_none = f"!has({value}.admissionChecksStrategy) || !has({checks}) || size({checks}) == 0"
    is_own = f"{checks}.all(c, c.name == object.metadata.name && !has(c.onFlavors))"
    # A requirement narrows what the others select, so one that names the namespaces is enough.
    names = "e.values.all(n, $sent.exists(s, s[0] == n && s[1] == object.metadata.name))"
    by_name = f'e.key == "kubernetes.io/metadata.name" && e.operator == "In" && has(e.values) && {names}'
    selector = f"{value}.namespaceSelector"
    selects = f"has({selector}) && has({selector}.matchExpressions)"
    selected = f"{selects} && {selector}.matchExpressions.exists(e, {by_name})"
    return f"(({has_none}) || ({is_own} && {selected}))"


def sending_check(value: str) -> str:
    """Return CEL: the spec of an admission check asks for machines here, or sends to the plan's workers."""
    of_plan = "$sent.exists(s, s[1] == object.metadata.name)"
    own = f"{value}.parameters.name == object.metadata.name"
    # The API server takes a check without parameters, which no list of workers then stands behind.
    listed = f'has({value}.parameters) && {value}.parameters.kind == "MultiKueueConfig" && {own}'
    sends = f'({value}.controllerName == "{_MULTIKUEUE}" && {of_plan} && {listed})'
    return f'({value}.controllerName == "kueue.x-k8s.io/provisioning-request" || {sends})'


def sent_to(value: str) -> str:
    """Return CEL: a cluster is a worker of the queue that the object is called after."""
    return f"$sent.exists(s, s[1] == object.metadata.name && s[2] == {value})"


def worker_of(value: str) -> str:
    """Return CEL: work is sent from the queue of this name."""
    return f"$sent.exists(s, s[1] == {value})"


def worker_named(value: str) -> str:
    """Return CEL: a cluster of this name is a worker."""
    return f"$sent.exists(s, s[2] == {value})"


def worker(value: str) -> str:
    """Return CEL: the spec of a worker cluster is that of one of the plan, by a Secret of its own name."""
    source = f"{value}.clusterSource"
    config = f"{source}.kubeConfig"
    in_secret = f'(!has({config}.locationType) || {config}.locationType == "Secret")'
    own = f"{config}.location == object.metadata.name && {in_secret}"
    of_plan = "$sent.exists(s, s[2] == object.metadata.name)"
    return f"(has({source}) && !has({source}.clusterProfileRef) && has({config}) && {own} && {of_plan})"


def worker_of_namespace(value: str) -> str:
    """Return CEL: a cluster is empty, or one that work of the object's namespace is sent to."""
    return f'({value} == "" || $sent.exists(s, s[0] == object.metadata.namespace && s[2] == {value}))'
