"""What happened: the one thing that a hook type is told when it continues. `answers` is the id of the request."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Observation:
    """Something that happened. A kind that this version doesn't know is of this class itself."""

    kind: str
    answers: int | None
    raw: Mapping[str, Any] = field(repr=False)
    """The whole observation."""


@dataclass(frozen=True)
class Health:
    """The health of an object, from the plugin that claims its kind."""

    status: str = "unknown"
    message: str = ""
    rule: str = ""
    final: bool = False


@dataclass(frozen=True)
class Created(Observation):
    """The hook's own object exists."""

    object: dict[str, Any]


@dataclass(frozen=True)
class Object(Observation):
    """A watched or read object, now."""

    object: dict[str, Any]
    health: Health


@dataclass(frozen=True)
class Gone(Observation):
    """A watched object no longer exists, or was never found."""


@dataclass(frozen=True)
class Deleted(Observation):
    """A deletion is complete."""


@dataclass(frozen=True)
class Done(Observation):
    """A request that has no result was performed."""


@dataclass(frozen=True)
class Objects(Observation):
    """The result of `list`."""

    objects: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class LogLine:
    pod: str
    container: str
    text: str


@dataclass(frozen=True)
class Log(Observation):
    """Log lines of the pods of the hook's own object."""

    lines: tuple[LogLine, ...]


@dataclass(frozen=True)
class Http(Observation):
    """The response to a call."""

    status: int
    headers: Mapping[str, str]
    """Names are in lower case."""
    body: bytes
    """The first 64 KiB."""
    cut: bool
    """Whether the body had more."""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: if it isn't JSON.
        """
        return json.loads(self.body)


@dataclass(frozen=True)
class Signal(Observation):
    """The signal arrived."""

    name: str
    by: str
    value: Any


@dataclass(frozen=True)
class Woke(Observation):
    """The requested time has come."""


@dataclass(frozen=True)
class Refused(Observation):
    """The request was not performed and will not be."""

    reason: str


@dataclass(frozen=True)
class Failed(Observation):
    """The request was tried and failed."""

    reason: str
    temporary: bool
    """Whether a retry may help."""


def read(raw: Mapping[str, Any]) -> Observation:
    """Reads an observation of the host."""
    kind = raw.get("kind", "")
    common = (kind, raw.get("answers"), raw)
    if kind == "created":
        return Created(*common, raw.get("object") or {})
    if kind == "object":
        health = raw.get("health") or {}
        judged = Health(
            health.get("status", "unknown"), health.get("message", ""), health.get("rule", ""), health.get("final", False)
        )
        return Object(*common, raw.get("object") or {}, judged)
    if kind == "objects":
        return Objects(*common, tuple(raw.get("objects") or ()))
    if kind == "log":
        lines = (LogLine(line.get("pod", ""), line.get("container", ""), line.get("text", "")) for line in raw["lines"])
        return Log(*common, tuple(lines))
    if kind == "http":
        body = base64.b64decode(raw.get("body", ""))
        return Http(*common, raw.get("status", 0), raw.get("headers") or {}, body, raw.get("cut", False))
    if kind == "signal":
        return Signal(*common, raw.get("name", ""), raw.get("by", ""), raw.get("value"))
    if kind == "refused":
        return Refused(*common, raw.get("reason", ""))
    if kind == "failed":
        return Failed(*common, raw.get("reason", ""), raw.get("temporary", False))
    plain: dict[str, type[Observation]] = {"gone": Gone, "deleted": Deleted, "done": Done, "woke": Woke}
    return plain.get(kind, Observation)(*common)
