"""Answers in the words of the cases of `capstan plugin test`."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from .export import ms, to_json
from .failure import Failure, InvalidInput, RetryLater
from .health import Assessment
from .hook import Placement, Step
from .policy import Disposal
from .request import Deletion, HttpCall, ObjectRef, Patch, Request, SecretValue, Selector

Answer = Any


def answer(ask: Callable[[], Answer]) -> Answer:
    try:
        return ask()
    except RetryLater as retry:
        return {"retry": retry.message, "after-ms": ms(retry.after)}
    except InvalidInput as invalid:
        return {"invalid": invalid.message}
    except Failure as failure:
        return {"failed": failure.message}


def assessment_words(answer: Assessment) -> Answer:
    return {
        "status": answer.status,
        "message": answer.message,
        "rule": answer.rule,
        "final": answer.final,
        "recheck-after-ms": None if answer.recheck_after is None else ms(answer.recheck_after),
        "need": list(answer.need),
    }


def placement_words(answer: Placement) -> Answer:
    if answer.skipped is not None:
        return {"skip": answer.skipped}
    own = "planned" if answer.object else "none"
    return {"run": {"phases": list(answer.phases), "object": own, "also": [_plain(each) for each in answer.also]}}


def disposal_words(answer: Disposal) -> Answer:
    if answer.kind == "keep":
        return "keep"
    if answer.kind == "delete":
        return {"delete": answer.propagation}
    return {answer.kind: None if answer.moment is None else moment(answer.moment).isoformat()}


def step_words(answer: Step, state: bytes) -> Answer:
    return {
        "progress": answer.progress,
        "message": answer.message,
        "asks": [{"id": request.id, request.kind: _request_words(request)} for request in answer.requests],
        "wake-after-ms": None if answer.wake_after is None else ms(answer.wake_after),
        "state": json.loads(state),
    }


def _request_words(request: Request) -> Any:
    match request.value:
        case None:
            return {}
        case ObjectRef() as ref:
            return _ref_words(ref)
        case Selector(api_version=api_version, kind=kind, namespace=namespace, labels=labels):
            return {"apiVersion": api_version, "kind": kind, "namespace": namespace, "labels": labels}
        case Patch(object=ref, merge=merge):
            return {"object": _ref_words(ref), "merge": _plain(merge)}
        case Deletion(object=ref, propagation=propagation):
            return {"object": _ref_words(ref), "propagation": propagation}
        case HttpCall() as call:
            return {
                "method": call.method,
                "url": call.url,
                "headers": {name: _header_words(value) for name, value in call.headers.items()},
                "body": None if call.body is None else _body_words(call.body),
                "timeout-ms": ms(call.timeout),
            }
        case value if request.kind == "apply":
            return _plain(value)
        case value:
            return value


def _ref_words(ref: ObjectRef) -> dict[str, Any]:
    return {"apiVersion": ref.api_version, "kind": ref.kind, "namespace": ref.namespace, "name": ref.name}


def _header_words(value: str | SecretValue) -> Any:
    if isinstance(value, str):
        return value
    words = {"secret": value.name, "key": value.key}
    return {"prefix": value.prefix, **words} if value.prefix else words


def _body_words(body: bytes) -> str:
    """A body that isn't UTF-8 is in base64."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode()


def _plain(value: Any) -> Any:
    """What the host reads from the JSON text."""
    try:
        return json.loads(to_json(value))
    except ValueError:
        return value


def moment(value: Any) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value.replace("Z", "+00:00"))
    if not isinstance(value, datetime):
        raise AssertionError(f"`{value}` is not a time like 2026-01-01T00:00:00Z")
    return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
