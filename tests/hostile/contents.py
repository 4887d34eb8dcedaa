"""Whole files that are hostile, by the form that a reader expects: sizes, depths, counts, encodings,
syntax.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator

from tests.hostile.texts import ESCAPES, FORGED, SECRETS


def bytes_for_all(valid: bytes) -> Iterator[tuple[str, bytes]]:
    """Return what no reader of text takes, whatever its form: name and content."""
    yield "utf-16", valid.decode("utf-8", "replace").encode("utf-16")
    yield "utf-16-no-mark", valid.decode("utf-8", "replace").encode("utf-16-be")
    yield "utf-32", valid.decode("utf-8", "replace").encode("utf-32")
    yield "latin-1", b"\xe4\xf6\xfc" + valid
    yield "surrogate-bytes", valid + b"\xed\xa0\x80"
    yield "overlong", valid + b"\xc0\xaf"
    yield "truncated-utf-8", valid + b"\xf0\x9f"
    yield "gzip", gzip.compress(valid, mtime=0)
    yield "elf", b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 16
    yield "nul-first", b"\0" + valid
    yield "nul-inside", valid[: len(valid) // 2] + b"\0" + valid[len(valid) // 2 :]
    yield "nul-block", b"\0" * 4_096
    yield "escape-first", b"\x1b[2J" + valid
    yield "two-marks", b"\xef\xbb\xbf\xef\xbb\xbf" + valid
    yield "form-feed", b"\x0c" + valid


SIZES = {"spaces": b" ", "line-ends": b"\n", "letters": b"a", "brackets": b"[", "comments": b"# x\n"}
"""What a file that is too large consists of."""


def oversized(unit: bytes, limit: int) -> bytes:
    """Return two bytes more than a reader takes."""
    return (unit * (limit // len(unit) + 2))[: limit + 2]


def long_texts(valid: bytes, limit: int) -> Iterator[tuple[str, bytes]]:
    """Return texts with one long line, and a line many times: name and content.

    A search that begins anew at each letter takes the square of a line's length.
    """
    most = limit - len(valid) - 2
    for name, unit in LONG.items():
        line = (unit * (most // len(unit) + 1))[:most]
        yield f"{name}-last", valid + b"\n" + line
        yield f"{name}-first", line + valid
        yield f"{name}-inside", valid[: len(valid) // 2] + line + valid[len(valid) // 2 :]
    yield "repeated", (valid * (limit // max(1, len(valid)) + 1))[:most]


LONG = {
    "letters": b"e",
    "digits": b"9",
    "blanks": b" ",
    "dashes": b"-",
    "dots": b".",
    "items": b"gpu,",
    "fields": b"a=",
}
"""What a line that is long consists of."""


def yaml_texts(valid: str) -> Iterator[tuple[str, str]]:
    """Return YAML that is refused by every reader of it; name and text."""
    yield "empty-braces-open", "{"
    yield "deep-list", "[" * 100_000
    yield "deep-mapping", "{a: " * 50_000
    yield "deep-block", "- " * 100_000
    yield "deep-indent", "".join(f"{' ' * depth}a:\n" for depth in range(400))
    yield (
        "bomb",
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{chr(98 + at)}: &{chr(98 + at)} [{', '.join([f'*{chr(97 + at)}'] * 9)}]\n" for at in range(12)
        ),
    )
    yield "merge", f"{valid}\nx: &x {{a: 1}}\ny:\n  <<: *x\n"
    yield "tag-python", "!!python/object/apply:os.system [id]"
    yield "tag-binary", "name: !!binary aGVsbG8="
    yield "tag-set", "name: !!set {a, b}"
    # PyYAML raises errors of four other types of these.
    yield "tag-bool", f"{valid}\nx: !!bool x\n"
    yield "tag-int", f"{valid}\nx: !!int\n"
    yield "tag-timestamp", f"{valid}\nx: !!timestamp x\n"
    yield "key-number", f"{valid}\nx: {{1: 2}}\n"
    yield "key-null", f"{valid}\nx: {{null: 2}}\n"
    yield "directive", f"%TAG ! tag:evil.example,2000:\n---\n{valid}"
    yield "second-document", f"{valid}\n---\n{valid}"
    yield "alias-first", "*a"
    yield "many-keys", "".join(f"k{number}: 1\n" for number in range(60_000))
    yield "many-items", "a: [" + "1," * 400_000 + "]"
    yield "long-key", f"? {'k' * 200_000}\n: 1\n"
    yield "list-key", "? [a, b]\n: 1\n"
    yield "tab-indent", "a:\n\tb: 1\n"
    yield "open-quote", f"{valid}\nx: 'never closed\n"
    yield "huge-number", f"a: {'9' * 300_000}"
    yield "exponents", "".join(f"a{number}: 1e{'9' * 40}\n" for number in range(100))
    yield "scalar", "just a text"
    yield "number", "42"
    yield "list", "- a\n- b\n"
    yield "top-key", f"{valid}\nunknown-{'x' * 60}: 1\n"
    for name, text in ESCAPES.items():
        yield f"key-{name}", f'"{_escaped(text)}": 1\n'
        yield f"comment-{name}", f"# {text}\n{valid}"
    for name, text in SECRETS.items():
        yield f"secret-key-{name}", f'"{text}": 1\n'
        yield f"secret-syntax-{name}", f"a: [{text}\n"


def json_texts(valid: str) -> Iterator[tuple[str, str]]:
    """Return JSON that is refused by every reader of it; name and text."""
    yield "empty", ""
    yield "space", " \n"
    yield "half", valid[: len(valid) // 2]
    yield "twice", valid + valid
    yield "trailing", valid.rstrip() + ","
    yield "deep-list", "[" * 200_000 + "]" * 200_000
    yield "deep-object", '{"a":' * 100_000 + "1" + "}" * 100_000
    yield "deep-inside", '{"a": ' + "[" * 5_000 + "]" * 5_000 + "}"
    yield "many-values", "[" + "1," * 800_000 + "1]"
    yield "many-empty", "[" + "{}," * 400_000 + "{}]"
    yield "nan", '{"a": NaN}'
    yield "infinity", '{"a": Infinity}'
    yield "huge-number", '{"a": ' + "9" * 400_000 + "}"
    yield "huge-exponent", '{"a": 1e999999999}'
    yield "duplicate", '{"a": 1, "a": 2}'
    yield "lone-surrogate", '{"a": "\\ud800"}'
    yield "lone-surrogate-key", '{"\\udfff": 1}'
    yield "surrogate-pair-broken", '{"a": "\\ud83d\\ud83d"}'
    yield "control", '{"a": "\x01"}'
    yield "single-quotes", "{'a': 1}"
    yield "comment", '{"a": 1} // x'
    yield "list", "[]"
    yield "number", "1"
    yield "text", '"x"'
    yield "null", "null"
    yield "many-escapes", '"' + "\\u0041" * 300_000 + '"'
    yield "open-string", '{"a": "' + "x" * 300_000
    yield "backslash-end", '{"a": "x\\'
    for name, text in ESCAPES.items():
        yield f"key-{name}", f'{{"{_escaped(text)}": 1, "{_escaped(text)}": 1}}'
    for name, text in SECRETS.items():
        yield f"secret-{name}", f'{{"{text}": 1, "{text}": 2}}'
        yield f"secret-broken-{name}", f'{{"a": {text}'


def csv_texts(valid: str) -> Iterator[tuple[str, str]]:
    """Return tables that are refused by every reader of them; name and text."""
    head, *_ = valid.splitlines()
    columns = head.count(",") + 1
    yield "empty", ""
    yield "no-head", "\n\n\n"
    yield "cell-over-128-kib", f"{valid}{'x' * 140_000}{',' * (columns - 1)}\n"
    yield "cell-over-limit", f"{valid}{'x' * 4_097}{',' * (columns - 1)}\n"
    yield "open-quote", f'{valid}"never closed{",x" * (columns - 1)}\n'
    yield "quote-inside", f'{valid}a"b"c{",x" * (columns - 1)}\n'
    yield "quote-after", f'{valid}"a"b{",x" * (columns - 1)}\n'
    yield "many-cells", f"{valid}{',' * 100_000}\n"
    yield "short-row", f"{valid}x\n"
    yield "head-twice", f"{head},{head}\n"
    yield "semicolons", valid.replace(",", ";")
    yield "tabs", valid.replace(",", "\t")
    yield "many-short-rows", valid + "x\n" * 50_000
    yield "many-quotes", valid + '"\n' * 50_000
    yield "bare-return", valid.replace("\n", "\r")
    for name, text in ESCAPES.items():
        yield f"cell-{name}", f'{valid}"{text}"{",x" * (columns - 1)}\n'
        yield f"head-{name}", f'{head},"{text}"\n'
    for name, text in SECRETS.items():
        yield f"secret-{name}", f'{valid}"{text}"{",x" * (columns - 1)}\n'
        yield f"secret-head-{name}", f'{head},"{text}"\n'


def number_texts() -> Iterator[tuple[str, str]]:
    """Return lists of numbers, one a line, that are none; name and text."""
    for name, text in (
        ("empty", ""),
        ("words", "a\nb\nc\n"),
        ("nan", "1\nnan\n"),
        ("infinity", "1\ninf\n"),
        ("huge", "1\n1e400\n"),
        ("many-digits", "1\n" + "9" * 500_000 + "\n"),
        ("underscores", "1\n1_000\n"),
        ("arabic-digits", "1\n١٢\n"),  # noqa: RUF001 - digits of another script on purpose
        ("comma", "1\n1,5\n"),
        ("hexadecimal", "1\n0x10\n"),
        ("many-wrong", "x\n" * 200_000),
        ("many-lines", "1\n" * 500_000),
    ):
        yield name, text
    for name, text in ESCAPES.items():
        yield f"line-{name}", f"1\n{text}\n"
    for name, text in SECRETS.items():
        yield f"secret-{name}", f"1\n{text}\n"


def pem_texts(valid: str) -> Iterator[tuple[str, str]]:
    """Return texts that begin like PEM and are none; name and text."""
    lines = valid.splitlines()
    yield "empty", ""
    yield "half", valid[: len(valid) // 2]
    yield "head-only", f"{lines[0]}\n"
    yield "body-only", "\n".join(lines[1:-1])
    yield "not-base64", f"{lines[0]}\n!!!!\n{lines[-1]}\n"
    yield "zero-body", f"{lines[0]}\nAAAA\n{lines[-1]}\n"
    yield "headers", f"{lines[0]}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n{lines[-1]}\n"
    yield "other-kind", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    yield "rsa", "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\n"
    yield "forged", f"{FORGED}\n"


def python_texts() -> Iterator[tuple[str, str]]:
    """Return programs that leave no description; name and text."""
    yield from (
        ("empty", ""),
        ("syntax", "factory = ("),
        ("indent", "  x = 1\n y = 2\n"),
        ("nul", "x = '\\0'\nraise ValueError(x)\n"),
        ("exit", "raise SystemExit(0)\n"),
        ("exit-text", "raise SystemExit('\\x1b[2J')\n"),
        ("base-exception", "class Own(BaseException): pass\nraise Own('a\\x1b[2Jb')\n"),
        ("generator-exit", "raise GeneratorExit\n"),
        ("bad-text", "class Own(Exception):\n    def __str__(self): raise KeyError\nraise Own\n"),
        ("bad-name", "Own = type('a\\x1b[2J', (Exception,), {})\nraise Own('x')\n"),
        ("surrogate", "raise ValueError('\\ud800')\n"),
        ("long", "raise ValueError('x' * 10_000_000)\n"),
        ("recursion", "def f(): f()\nf()\n"),
        ("memory", "raise MemoryError\n"),
        ("group", "raise ExceptionGroup('g', [ValueError('\\x1b[2J')])\n"),
        ("import", "import no_such_module_anywhere\n"),
        ("wrong-type", "factory = 1\n"),
        ("wrong-model", "import sovereign_ai as sai\nfactory = sai.AIFactory(name=1)\n"),
        ("forged", f"raise ValueError('x\\n{FORGED}')\n"),
        ("deep", "x = " + "(" * 5_000 + ")" * 5_000 + "\n"),
        (
            "stdout",
            f"print({FORGED!r} + chr(10))\nimport sys\nsys.stdout = None\nraise ValueError('x')\n".replace(
                FORGED, "x"
            ),
        ),
        ("closed-stderr", "import sys\nsys.stderr = None\nraise ValueError('x')\n"),
        ("secret", f"raise ValueError({SECRETS['github']!r})\n"),
        ("secret-password", f"raise ValueError({SECRETS['password']!r})\n"),
    )


def _escaped(text: str) -> str:
    """Write a text inside quotation marks, so that JSON and YAML take it."""
    return "".join(
        char if " " <= char <= "~" else f"\\u{ord(char):04x}" if ord(char) < 0x10000 else char
        for char in text
    )
