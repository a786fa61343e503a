"""When does this hook run, and what is its next step?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, Literal, TypeVar

from .input import HookInput, PlaceInput
from .observation import Observation
from .request import Request

State = TypeVar("State")


@dataclass(frozen=True)
class Step:
    """How far a hook is, and what the host does next."""

    progress: Literal["running", "succeeded", "failed"]
    message: str = ""
    """One sentence without the hook's name."""
    requests: Sequence[Request] = field(default=())
    """What the host does, in this order. At most 64."""
    wake_after: timedelta | None = None
    """Call again after so long (100 ms or more), unless something else happens first."""
    details: Any = None
    """JSON for tools."""


@dataclass(frozen=True)
class Placement:
    """What the plan does with a manifest: runs it in `phases`, or leaves it alone because of `skipped`."""

    phases: Sequence[str] = ()
    object: bool = True
    """Whether the manifest is an object of the cluster."""
    also: Sequence[Any] = ()
    """Other objects that the hook may touch, for the plan's JSON."""
    skipped: str | None = None
    details: Any = None


class HookType(ABC, Generic[State]):
    """A hook type: a step function.

    `state` makes the state of a new run: a dataclass, or `dict`. The host stores it as JSON after each call, at most 64 KiB; change it in
    place. After a crash an observation may come again with an older state.
    """

    state: Callable[[], State]

    def place(self, input: PlaceInput, /) -> Placement:
        """Says where a manifest runs. By default as an object of the cluster, in the phases that the user wrote."""
        return run(input)

    @abstractmethod
    def start(self, input: HookInput, state: State, /) -> Step:
        """Starts a run. May be called again for the same run after a crash."""

    @abstractmethod
    def advance(self, input: HookInput, seen: Observation, state: State, /) -> Step:
        """Continues after an observation."""

    def abort(self, input: HookInput, state: State, /) -> Step:
        """Stops a run."""
        return aborted(input)


def running(
    message: str, *requests: Request, wake_after: timedelta | None = None, details: Any = None
) -> Step:
    """The hook goes on; the message says what it waits for."""
    return Step("running", message, requests, wake_after, details)


def succeeded(message: str, *requests: Request, details: Any = None) -> Step:
    """The hook has succeeded. The host performs the requests first."""
    return Step("succeeded", message, requests, None, details)


def failed(reason: str, *requests: Request, details: Any = None) -> Step:
    """The hook has failed, for this reason. The host performs the requests first."""
    return Step("failed", reason, requests, None, details)


def aborted(input: HookInput, *requests: Request) -> Step:
    """The hook has failed because it was told to stop."""
    reasons = {
        "terminated": "terminated",
        "deadline": "stopped: its time is over",
        "failed": "stopped: something else has failed",
    }
    return failed(reasons.get(input.reason or "", "stopped"), *requests)


def run(
    input: PlaceInput,
    *,
    phases: Sequence[str] | None = None,
    object: bool = True,
    also: Sequence[Any] = (),
    details: Any = None,
) -> Placement:
    """Runs the manifest in the phases that the user wrote. `object=False` for a manifest that is only settings (`kind: Hook`)."""
    return Placement(input.phases if phases is None else phases, object, also, None, details)


def skip(reason: str) -> Placement:
    """Leaves the manifest alone: it is not applied and not pruned, and shown with this reason."""
    return Placement(skipped=reason)
