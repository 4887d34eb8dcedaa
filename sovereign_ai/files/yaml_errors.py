"""Messages and hints for the errors of libyaml.

libyaml's own texts are about tokens and productions; a user needs the cause. An error that is not in
the table gets a general message, so that a newer libyaml leads to less help and never to a traceback.
"""

from __future__ import annotations

_GENERAL = (
    "the YAML cannot be read here",
    "check the indentation, the brackets and the quotation marks on this line and the one above",
)
# The keys are the texts of libyaml's scanner and parser (scanner.c, parser.c).
_WORDS = {
    "mapping values are not allowed in this context": (
        "a colon and a space stand where no new field can start",
        "put the text in quotation marks, or start the field on a line of its own",
    ),
    "could not find expected ':'": (
        "a field's name has no colon after it",
        "write 'name: value', or indent the line to belong to the text above",
    ),
    "did not find expected key": (
        "this line does not fit the mapping it stands in",
        "line it up with the fields beside it, or close a quotation mark that is open above it",
    ),
    "did not find expected '-' indicator": (
        "this line does not fit the list it stands in",
        "start it with '- ', lined up with the entries beside it",
    ),
    "did not find expected ',' or '}'": (
        "a '{' is not closed before this",
        "put a comma between the fields, and close with '}'",
    ),
    "did not find expected ',' or ']'": (
        "a '[' is not closed before this",
        "put a comma between the entries, and close with ']'",
    ),
    "did not find expected node content": (
        "a value is missing here",
        "write the value, or remove the comma or bracket",
    ),
    "did not find expected <document start>": (
        "text follows after the end of the description",
        "check the indentation and the quotation marks on this line",
    ),
    "block sequence entries are not allowed in this context": (
        "a list entry '- ' cannot start here",
        "put the list on lines of its own below the field",
    ),
    "mapping keys are not allowed in this context": ("a '?' key cannot start here", "write 'name: value'"),
    "found unexpected end of stream": (
        "the file ends inside a quoted text or bracket",
        "close the quotation mark",
    ),
    "found unexpected document indicator": (
        "a quoted text is not closed before '---'",
        "close the quotation mark",
    ),
    "found character that cannot start any token": (
        "a value cannot start with this character",
        "put the value in quotation marks",
    ),
    "found unknown escape character": (
        "an escape in a double-quoted text that YAML does not know",
        "use single quotation marks, or write the backslash twice",
    ),
    "found unexpected ':'": (
        "a colon stands inside a list or mapping where it cannot",
        "put the text in quotation marks",
    ),
    "found a tab character that violates indentation": (
        "a tab character; YAML is indented by spaces",
        "replace it by spaces",
    ),
    "found a tab character where an indentation space is expected": (
        "a tab character; YAML is indented by spaces",
        "replace it by spaces",
    ),
    "found an indentation indicator equal to 0": (
        "a text block is indented by at least one space",
        "write '|' alone",
    ),
    "did not find expected comment or line break": (
        "text follows where the line must end",
        "put the text block on the lines below",
    ),
    "did not find expected alphabetic or numeric character": (
        "'&' or '*' starts an anchor or alias here",
        "put the value in quotation marks",
    ),
    "exceeded maximum nesting depth": (
        "lists and mappings nest far too deeply",
        "check the brackets and the indentation",
    ),
    "found unknown directive name": (
        "a line that starts with '%' is a directive",
        "remove it, or put the text in quotation marks",
    ),
    "found incompatible YAML document": (
        "a YAML version other than 1.2",
        "remove the line that starts with '%'",
    ),
    "found undefined tag handle": ("a tag ('!') is not taken", "remove the tag; the field decides the type"),
}


def explain_error(problem: str, context: str) -> tuple[str, str]:
    """Return the message and the hint for a problem of libyaml and its context."""
    message, hint = _WORDS.get(problem, _GENERAL)
    # The table's text is about commas and brackets, which exist only in flow style.
    if problem == "did not find expected node content" and "flow" not in context:
        return (
            "a value is missing or starts with a character that it cannot start with",
            "write the value, in quotation marks if it is text",
        )
    return message, hint
