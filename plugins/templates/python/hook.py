"""A gate: waits until a URL answers, marks a Deployment, and waits until that is healthy and until a signal arrives.

Without the settings `url` and `signal` it waits for neither. When it ends, however it ends, the Deployment isn't marked any more.
"""

from dataclasses import dataclass, replace

from capstan_sdk import (
    HookInput,
    HookType,
    InvalidInput,
    ObjectRef,
    Observation,
    PlaceInput,
    Placement,
    Request,
    Step,
    aborted,
    export_hook,
    failed,
    observation,
    request,
    retry_or_fail,
    run,
    running,
    succeeded,
)

ANNOTATION = "{{name}}.capstan.dev/gate"
# Each call of the URL has a number of its own: that of the attempt.
MARK, WATCH, SIGNAL, UNMARK = 101, 102, 103, 104


@dataclass
class State:
    attempts: int = 1
    is_marked: bool = False


class Gate(HookType[State]):
    state = State

    def place(self, input: PlaceInput, /) -> Placement:
        if not isinstance(input.settings.get("deployment"), str):
            raise InvalidInput("the settings need `deployment`, a name")
        return run(input, object=False)

    def start(self, input: HookInput, state: State, /) -> Step:
        return call(input, state) if input.settings.get("url") else mark(input, state)

    def advance(self, input: HookInput, seen: Observation, state: State, /) -> Step:
        name, url, signal = deployment(input).name, input.settings.get("url"), input.settings.get("signal")
        match seen:
            case observation.Http(status=status) if 200 <= status < 300:
                return mark(input, state)
            case observation.Http(status=status):
                return retry_or_fail(state, f"{url} answers {status}", limit=3)
            case observation.Woke():
                return call(input, state)
            case observation.Object(health=health):
                if health.status == "degraded":
                    return end(failed(health.message), input, state)
                if health.status != "healthy":
                    return running(health.message or "not healthy yet")
                if not signal:
                    return end(succeeded("the gate is open"), input, state)
                return running(f"waiting for the signal {signal}", request.wait_signal(SIGNAL, signal))
            case observation.Signal(by=by, value={"verdict": "rejected"}):
                return end(failed(f"rejected by {by}"), input, state)
            case observation.Signal(by=by):
                return end(succeeded(f"opened by {by}"), input, state)
            case observation.Gone():
                return failed(f"there is no Deployment/{name}")
            case observation.Failed(reason=reason, temporary=True) if not state.is_marked:
                return retry_or_fail(state, reason, limit=3)
            case observation.Failed(reason=reason) | observation.Refused(reason=reason):
                return end(failed(reason), input, state)
            case _:
                return running(f"waiting for Deployment/{name}")

    def abort(self, input: HookInput, state: State, /) -> Step:
        return end(aborted(input), input, state)


def deployment(input: HookInput) -> ObjectRef:
    return ObjectRef("apps/v1", "Deployment", input.settings["deployment"])


def patch(id: int, input: HookInput, value: str | None) -> Request:
    return request.patch(id, deployment(input), {"metadata": {"annotations": {ANNOTATION: value}}})


def call(input: HookInput, state: State) -> Step:
    url: str = input.settings["url"]
    return running(f"calling {url}", request.http(state.attempts, url))


def mark(input: HookInput, state: State) -> Step:
    state.is_marked = True
    ref = deployment(input)
    return running(f"waiting for Deployment/{ref.name}", patch(MARK, input, "closed"), request.watch(WATCH, ref))


def end(verdict: Step, input: HookInput, state: State) -> Step:
    """Ends the hook. The host performs the requests of a verdict before it takes effect."""
    return replace(verdict, requests=[patch(UNMARK, input, None)]) if state.is_marked else verdict


# The name that componentize-py looks for.
Hook = export_hook(Gate())
