"""Turns a plugin into the class that componentize-py looks for in `plugin.py`: `Health`, `Hook` or `DeletePolicy`.

Outside of a component such a class exists, too, but nothing calls it: tests ask the plugin itself (`testing`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from . import _calls
from ._bindings import bindings
from .failure import Failure, InvalidInput, RetryLater
from .health import Assessment, HealthCheck
from .hook import HookType, Placement, Step
from .host import unix_ms
from .policy import DeletePolicy, Disposal
from .request import Deletion, HttpCall, ObjectRef, Patch, Request, SecretValue, Selector

_component: Any = bindings("componentize_py_types")
_types: Any = bindings("wit_world.imports.types")
_health: Any = bindings("wit_world.exports.health")
_hook: Any = bindings("wit_world.exports.hook")
_policy: Any = bindings("wit_world.exports.delete_policy")

Answer = TypeVar("Answer")

_PHASES = ("PreSync", "Sync", "PostSync", "SyncFail", "PreDelete", "PostDelete")


class Exported:
    """What is exported; `plugin` is what it asks."""

    plugin: Any


def export_health(plugin: HealthCheck) -> type[Exported]:
    """Exports a health check: `Health = export_health(QueueHealth())`."""

    class Health(Exported):
        def assess(self, claim: str, input: str) -> Any:
            return _answering(lambda: _raw_assessment(_calls.assess(plugin, claim, input)))

    Health.plugin = plugin
    return Health


def export_hook(plugin: HookType[Any]) -> type[Exported]:
    """Exports a hook type: `Hook = export_hook(Gate())`."""

    class Hook(Exported):
        def place(self, claim: str, input: str) -> Any:
            return _answering(lambda: _raw_placement(_calls.place(plugin, claim, input)))

        def start(self, claim: str, input: str) -> Any:
            return _answering(lambda: _raw_step(*_calls.start(plugin, claim, input)))

        def advance(self, claim: str, input: str, state: bytes) -> Any:
            return _answering(lambda: _raw_step(*_calls.advance(plugin, claim, input, state)))

        def abort(self, claim: str, input: str, state: bytes) -> Any:
            return _answering(lambda: _raw_step(*_calls.abort(plugin, claim, input, state)))

    Hook.plugin = plugin
    return Hook


def export_delete_policy(plugin: DeletePolicy) -> type[Exported]:
    """Exports a delete policy: `DeletePolicy = export_delete_policy(KeepLast())`."""

    class Policy(Exported):
        def decide(self, claim: str, input: str) -> Any:
            return _answering(lambda: _raw_disposal(_calls.decide(plugin, claim, input)))

    Policy.plugin = plugin
    return Policy


def _answering(ask: Callable[[], Answer]) -> Answer:
    """A failure is an answer of the contract, which the bindings take as `Err`."""
    try:
        return ask()
    except Failure as failure:
        raise _component.Err(_raw_failure(failure)) from None


def _raw_failure(failure: Failure) -> Any:
    if isinstance(failure, InvalidInput):
        return _types.Failure_Invalid(failure.message)
    if isinstance(failure, RetryLater):
        return _types.Failure_Retry((failure.message, ms(failure.after)))
    return _types.Failure_Failed(failure.message)


def ms(duration: timedelta) -> int:
    """Returns a duration in milliseconds."""
    return max(0, round(duration / timedelta(milliseconds=1)))


def to_json(value: Any) -> str:
    """Writes JSON; a text is JSON already."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _details(value: Any) -> str | None:
    return None if value is None else to_json(value)


def _raw_assessment(answer: Assessment) -> Any:
    return _health.Assessment(
        status=getattr(_health, f"HealthStatus_{answer.status.capitalize()}")(),
        message=answer.message,
        rule=answer.rule,
        final=answer.final,
        recheck_after_ms=None if answer.recheck_after is None else ms(answer.recheck_after),
        need=list(answer.need),
        details=_details(answer.details),
    )


def _raw_placement(answer: Placement) -> Any:
    if answer.skipped is not None:
        return _hook.Placement_Skip(answer.skipped)
    phases = [
        getattr(_types, f"Phase_{name}")() if name in _PHASES else _types.Phase_Other(name) for name in answer.phases
    ]
    own = _hook.OwnObject_Planned() if answer.object else _hook.OwnObject_None_()
    also = [to_json(each) for each in answer.also]
    return _hook.Placement_Run(_hook.Placed(phases=phases, object=own, also=also, details=_details(answer.details)))


def _raw_step(answer: Step, state: bytes) -> Any:
    return _hook.Step(
        progress=getattr(_hook, f"Progress_{answer.progress.capitalize()}")(),
        message=answer.message,
        asks=[_hook.Ask(id=request.id, what=_raw_request(request)) for request in answer.requests],
        state=state,
        wake_after_ms=None if answer.wake_after is None else ms(answer.wake_after),
        details=_details(answer.details),
    )


def _raw_request(request: Request) -> Any:
    case = getattr(_hook, "Request_" + "".join(word.capitalize() for word in request.kind.split("-")))
    match request.value:
        case None:
            return case()
        case ObjectRef() as ref:
            return case(_raw_ref(ref))
        case Selector(api_version=api_version, kind=kind, namespace=namespace, labels=labels):
            return case(_hook.Selector(api_version=api_version, kind=kind, namespace=namespace, labels=labels))
        case Patch(object=ref, merge=merge):
            return case(_hook.Patch(object=_raw_ref(ref), merge=to_json(merge)))
        case Deletion(object=ref, propagation=propagation):
            return case(_hook.Deletion(object=_raw_ref(ref), propagation=_propagation(propagation)))
        case HttpCall() as call:
            return case(_raw_call(call))
        case value if request.kind == "delete-own":
            return case(_propagation(value))
        case value:
            return case(to_json(value))


def _raw_ref(ref: ObjectRef) -> Any:
    return _types.ObjectRef(api_version=ref.api_version, kind=ref.kind, namespace=ref.namespace, name=ref.name)


def _raw_call(call: HttpCall) -> Any:
    headers = [(name, _raw_header(value)) for name, value in call.headers.items()]
    return _hook.HttpRequest(
        method=call.method, url=call.url, headers=headers, body=call.body, timeout_ms=ms(call.timeout)
    )


def _raw_header(value: str | SecretValue) -> Any:
    if isinstance(value, str):
        return _hook.HeaderValue_Text(value)
    if not value.prefix:
        return _hook.HeaderValue_Secret((value.name, value.key))
    fields = {"prefix": value.prefix, "name": value.name, "key": value.key}
    return _hook.HeaderValue_Other(("prefixed-secret", to_json(fields)))


def _propagation(name: str) -> Any:
    return _types.Propagation[name.upper()]


def _raw_disposal(answer: Disposal) -> Any:
    if answer.kind == "keep":
        return _policy.Disposal_Keep()
    if answer.kind == "delete":
        return _policy.Disposal_Delete(_propagation(answer.propagation))
    if answer.moment is None:
        raise TypeError(f"`{answer.kind}` has no time")
    case = _policy.Disposal_DeleteAt if answer.kind == "delete-at" else _policy.Disposal_AskAgainAt
    return case(unix_ms(answer.moment))
