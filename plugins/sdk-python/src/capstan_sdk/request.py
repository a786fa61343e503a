"""What a hook may ask the host to do.

`id` is the plugin's own number; the observation that answers has it in `answers`. Most requests need `[[grants]]` in `plugin.toml` and a
grant of the user.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

Propagation = Literal["foreground", "background", "orphan"]

_DEFAULT_TIMEOUT = timedelta(seconds=10)
_MAX_TIMEOUT = timedelta(minutes=1)


@dataclass(frozen=True)
class Request:
    """What the host is asked to do, with the names of the contract."""

    id: int
    kind: str
    value: Any = None


@dataclass(frozen=True)
class ObjectRef:
    """Which object. Without a namespace: that of the application."""

    api_version: str
    kind: str
    name: str
    namespace: str | None = None


@dataclass(frozen=True)
class Selector:
    """Which objects."""

    api_version: str
    kind: str
    namespace: str | None
    labels: str


@dataclass(frozen=True)
class Patch:
    object: ObjectRef
    merge: Any


@dataclass(frozen=True)
class Deletion:
    object: ObjectRef
    propagation: Propagation


@dataclass(frozen=True)
class SecretValue:
    """A header's value that the host reads from a Secret of the application's namespace. The plugin never sees it."""

    name: str
    key: str
    prefix: str = ""


@dataclass(frozen=True)
class HttpCall:
    method: str
    url: str
    headers: Mapping[str, str | SecretValue]
    body: bytes | None
    timeout: timedelta


def create_own(id: int) -> Request:
    """Creates the hook's own object. Creating it twice adopts the first one."""
    return Request(id, "create-own")


def watch_own(id: int) -> Request:
    """Watches the hook's own object."""
    return Request(id, "watch-own")


def follow_logs_own(id: int) -> Request:
    """Reads the last log lines of the pods of the hook's own object."""
    return Request(id, "follow-logs-own")


def delete_own(id: int, propagation: Propagation = "background") -> Request:
    """Deletes the hook's own object."""
    return Request(id, "delete-own", propagation)


def apply(id: int, object: Mapping[str, Any]) -> Request:
    """Applies an object with server-side apply."""
    return Request(id, "apply", object)


def get(id: int, object: ObjectRef) -> Request:
    """Reads an object once."""
    return Request(id, "get", object)


def list(id: int, api_version: str, kind: str, *, namespace: str | None = None, labels: str = "") -> Request:
    """Reads all objects that match a label selector as kubectl writes it."""
    return Request(id, "list", Selector(api_version, kind, namespace, labels))


def watch(id: int, object: ObjectRef) -> Request:
    """Watches another object."""
    return Request(id, "watch", object)


def patch(id: int, object: ObjectRef, merge: Mapping[str, Any]) -> Request:
    """Changes an object by a JSON merge patch (RFC 7396): None removes a field."""
    return Request(id, "patch", Patch(object, merge))


def delete(id: int, object: ObjectRef, propagation: Propagation = "background") -> Request:
    """Deletes another object."""
    return Request(id, "delete", Deletion(object, propagation))


def http(
    id: int,
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str | SecretValue] | None = None,
    body: bytes | str | None = None,
    timeout: timedelta = _DEFAULT_TIMEOUT,
) -> Request:
    """Calls a URL. Use a new id for a new call: it is part of the header `Idempotency-Key`. The timeout is at most a minute."""
    data = body.encode() if isinstance(body, str) else body
    return Request(id, "http", HttpCall(method, url, headers or {}, data, min(timeout, _MAX_TIMEOUT)))


def wait_signal(id: int, name: str) -> Request:
    """Waits for a signal. `approval` is what `capstan approve` sends."""
    return Request(id, "wait-signal", name)


def emit_event(id: int, text: str) -> Request:
    """Writes a Kubernetes Event about the hook."""
    return Request(id, "emit-event", text)
