"""Repeat the work of a command while the API server is too busy for it, and say so in the command's result.

Only work that may be done twice is repeated: what a failed attempt did is kept, and the next one goes on from
there. So a question that was answered is not asked again, and nothing is created under a new name.

    attempts = Attempts(output)
    data, lines = attempts.until_done(deployment.run)
    output.finish(data | attempts.data, [*lines, *attempts.lines])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from sovereign_ai.cli.output import Output

T = TypeVar("T")


@dataclass
class Attempts:
    """The attempts of one command.

    Attributes:
        output: the command's output, which is told of each failed attempt.
        failed: a line for each attempt that failed and was followed by another.
    """

    output: Output
    failed: list[str] = field(default_factory=list)

    def until_done(self, work: Callable[[], T], *, has_new_webhooks: bool = False) -> T:
        """Do some work, again a bounded number of times while the API server is too busy for it.

        Args:
            work: the work, which may be done again after it failed.
            has_new_webhooks: whether it deploys webhooks, which may have started a moment ago.

        Raises:
            SovereignError: it failed for another reason, or every time.
        """
        from sovereign_ai.cluster import while_busy

        return while_busy(work, self._show, has_new_webhooks=has_new_webhooks)

    def _show(self, line: str) -> None:
        self.failed.append(line)
        self.output.progress(line)

    @property
    def data(self) -> dict[str, Any]:
        """What the JSON document says of failed attempts; empty where there was none."""
        return {"failed_attempts": self.failed} if self.failed else {}

    @property
    def lines(self) -> list[str]:
        """What a person reads of failed attempts: what they did is kept, and is no change of the last one."""
        if not self.failed:
            return []
        return [f"failed attempts before this one, whose changes are not counted: {len(self.failed)}"]
