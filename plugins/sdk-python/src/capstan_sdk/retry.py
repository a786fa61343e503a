"""Tries something again."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from .hook import Step, failed, running

_MIN_WAIT = timedelta(milliseconds=100)


class Attempts(Protocol):
    """A state that counts attempts, from 1."""

    attempts: int


def retry_or_fail(
    state: Attempts,
    reason: str,
    *,
    limit: int = 5,
    wait: timedelta = timedelta(seconds=5),
    factor: float = 1,
    max_wait: timedelta = timedelta(minutes=1),
) -> Step:
    """Counts attempts in `state.attempts`. Returns an answer that is woken for the next attempt, or a failure after the last one.

    `factor` is by how much each wait is longer than the one before. Use a new request id for each attempt, such as `state.attempts`.
    """
    made = state.attempts
    if made >= limit:
        return failed(reason if made == 1 else f"{reason}, after {made} attempts")
    state.attempts = made + 1
    wake_after = max(_MIN_WAIT, min(wait * factor ** (made - 1), max_wait))
    return running(f"attempt {made} of {limit}: {reason}", wake_after=wake_after)
