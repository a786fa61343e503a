"""A hook that is one object: it is created, followed until a verdict, and may vanish before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from . import observation
from .hook import Step, failed, running, succeeded
from .input import HookInput
from .observation import Observation
from .request import create_own, watch_own

_CREATE_REQUEST = 1
_WATCH_REQUEST = 2
# After so many objects that vanished, something deletes them on purpose.
_MAX_RERUNS = 3
_MAX_TRIES = 6
_RETRY_DELAY = timedelta(seconds=5)
_VANISHED = "its object vanished before it had a verdict"


@dataclass
class OwnObject:
    """What such a hook remembers. Use it as the state of a hook type, or as a field of it."""

    reruns: int = 0
    tries: int = 0
    is_retrying: bool = False

    @staticmethod
    def begin(message: str) -> Step:
        """Creates the hook's own object and watches it. Uses the request ids 1 and 2."""
        return running(message, create_own(_CREATE_REQUEST), watch_own(_WATCH_REQUEST))

    def follow(self, input: HookInput, seen: Observation) -> Step:
        """Ends the hook by the health of its own object: healthy is success, degraded is failure."""
        if not isinstance(seen, observation.Object):
            return self.settle(input, seen)
        message = seen.health.message
        match seen.health.status:
            case "healthy":
                return succeeded(message or "healthy")
            case "degraded":
                return failed(message or "degraded")
            case "progressing":
                return running(message or "waiting for its object to become healthy")
            case "suspended":
                return running(message or "suspended")
            case "missing":
                return self._vanished(input)
            case _:
                return running(f"can't tell how its object is: {message or 'nobody says'}")

    def settle(self, input: HookInput, seen: Observation) -> Step:
        """Answers every observation that isn't the object itself, for a hook that judges its object by its own rules."""
        match seen:
            case observation.Gone():
                return self._vanished(input)
            case observation.Refused(reason=reason):
                return failed(reason)
            case observation.Failed(reason=reason, temporary=temporary):
                if not temporary or self.tries >= _MAX_TRIES:
                    return failed(reason)
                self.tries += 1
                self.is_retrying = True
                return running(f"trying again: {reason}", wake_after=_RETRY_DELAY)
            case observation.Woke() if self.is_retrying:
                self.is_retrying = False
                return self.begin("trying again")
            case observation.Created() | observation.Object():
                return running("waiting for its object")
            case _:
                return running("waiting for its object to change")

    def _vanished(self, input: HookInput) -> Step:
        match input.hook.on_vanished:
            case "succeed":
                return succeeded(f"{_VANISHED}, which counts as success")
            case "rerun" if self.reruns < _MAX_RERUNS:
                self.reruns += 1
                return self.begin(f"{_VANISHED}; creating it again ({self.reruns} of {_MAX_RERUNS})")
            case "rerun":
                return failed(f"{_VANISHED}, {self.reruns + 1} times in a row")
            case _:
                return failed(_VANISHED)
