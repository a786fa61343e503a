"""What the host passes with each question. Keys that this version doesn't know are in `raw`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .host import from_unix_ms
from .related import Related

Object = dict[str, Any]
"""An object of Kubernetes. Kubernetes omits empty values: use `get` with a default."""


@dataclass(frozen=True)
class Application:
    """The application that an object or a hook belongs to."""

    name: str = ""
    namespace: str = ""


@dataclass(frozen=True)
class _Common:
    claim: str
    """The claim of `plugin.toml` that led here."""
    settings: Mapping[str, Any]
    """The user's settings."""
    application: Application
    compat: str | None
    """`argocd` if the user wants the answers that Argo CD would give."""
    raw: Mapping[str, Any]
    """The whole input."""

    @staticmethod
    def _read(claim: str, raw: Mapping[str, Any]) -> dict[str, Any]:
        application = raw.get("application") or {}
        return {
            "claim": claim,
            "settings": raw.get("settings") or {},
            "application": Application(application.get("name", ""), application.get("namespace", "")),
            "compat": raw.get("compat"),
            "raw": raw,
        }


@dataclass(frozen=True)
class HealthInput(_Common):
    """What is known of one object."""

    object: Object
    """What the claim's `fields` show of it."""
    related: Mapping[str, Related] | None
    """In the second call, after a `need`: what was found."""

    @property
    def is_second_call(self) -> bool:
        """Whether this call has the related objects that the first answer needed."""
        return self.related is not None

    @property
    def owned_pods(self) -> Related:
        """The pods that the object owns, if the first answer needed `owned-pods`."""
        return (self.related or {}).get("owned-pods") or Related()

    @property
    def events(self) -> Related:
        """The events about the object, newest first, if the first answer needed `events`."""
        return (self.related or {}).get("events") or Related()

    @classmethod
    def read(cls, claim: str, raw: Mapping[str, Any]) -> HealthInput:
        related = raw.get("related")
        if related is not None:
            related = {name: Related.read(found) for name, found in related.items()}
        return cls(**cls._read(claim, raw), object=raw.get("object") or {}, related=related)


@dataclass(frozen=True)
class PlaceInput(_Common):
    """A manifest that is planned."""

    object: Object
    words: tuple[str, ...]
    """The values of the hook annotation, in order."""
    phases: tuple[str, ...]
    """Those values that are phases."""
    on_vanished: str
    """`fail`, `rerun` or `succeed`."""

    @classmethod
    def read(cls, claim: str, raw: Mapping[str, Any]) -> PlaceInput:
        return cls(
            **cls._read(claim, raw),
            object=raw.get("object") or {},
            words=tuple(raw.get("words") or ()),
            phases=tuple(raw.get("phases") or ()),
            on_vanished=raw.get("onVanished", "fail"),
        )


@dataclass(frozen=True)
class HookRun:
    """One run of a hook."""

    run: str = ""
    """Identifies this run; the same after a crash."""
    phase: str = ""
    wave: int = 0
    attempt: int = 1
    on_vanished: str = "fail"


@dataclass(frozen=True)
class Operation:
    """The operation that a hook is part of."""

    id: str = ""
    kind: str = ""
    """`sync` or `delete`."""


@dataclass(frozen=True)
class Cause:
    """What went wrong before a SyncFail hook."""

    class_: str
    """`hook`, `health`, `apply`, `timeout`."""
    message: str
    objects: tuple[str, ...]


@dataclass(frozen=True)
class HookInput(_Common):
    """A running hook."""

    hook: HookRun
    operation: Operation
    object: Object
    """The planned manifest."""
    cause: Cause | None
    """In SyncFail: what went wrong."""
    reason: str | None
    """In `abort`: `terminated`, `deadline` or `failed`."""

    @classmethod
    def read(cls, claim: str, raw: Mapping[str, Any]) -> HookInput:
        hook, operation, cause = raw.get("hook") or {}, raw.get("operation") or {}, raw.get("cause")
        return cls(
            **cls._read(claim, raw),
            hook=HookRun(
                hook.get("run", ""),
                hook.get("phase", ""),
                hook.get("wave", 0),
                hook.get("attempt", 1),
                hook.get("onVanished", "fail"),
            ),
            operation=Operation(operation.get("id", ""), operation.get("kind", "")),
            object=raw.get("object") or {},
            cause=cause and Cause(cause.get("class", ""), cause.get("message", ""), tuple(cause.get("objects") or ())),
            reason=raw.get("reason"),
        )


@dataclass(frozen=True)
class PolicyHook:
    """The hook whose object is decided on."""

    run: str = ""
    phase: str = ""
    wave: int = 0


@dataclass(frozen=True)
class Ttl:
    """How long a finished hook's object lives."""

    after_finished: timedelta | None = None
    failed: timedelta | None = None


@dataclass(frozen=True)
class PolicyInput(_Common):
    """One object of a hook."""

    occasion: str
    """`before-creation`, `hook-finished`, `operation-finished`, `asked-again`, `application-deleted`."""
    policies: tuple[str, ...]
    """The policies that the user wrote."""
    object: Object
    hook: PolicyHook
    outcome: str | None
    """The hook's verdict: `succeeded` or `failed`."""
    operation_outcome: str | None
    finished_at: datetime | None
    """When the hook's object finished."""
    rank: int
    """0 for the newest object of this hook."""
    runs_to_completion: bool
    ttl: Ttl

    @classmethod
    def read(cls, claim: str, raw: Mapping[str, Any]) -> PolicyInput:
        hook, ttl, finished_at = raw.get("hook") or {}, raw.get("ttl") or {}, raw.get("finishedAt")
        return cls(
            **cls._read(claim, raw),
            occasion=raw.get("occasion", ""),
            policies=tuple(raw.get("policies") or ()),
            object=raw.get("object") or {},
            hook=PolicyHook(hook.get("run", ""), hook.get("phase", ""), hook.get("wave", 0)),
            outcome=raw.get("outcome"),
            operation_outcome=raw.get("operationOutcome"),
            finished_at=None if finished_at is None else from_unix_ms(finished_at),
            rank=raw.get("rank", 0),
            runs_to_completion=raw.get("runsToCompletion", False),
            ttl=Ttl(_seconds(ttl.get("afterFinished")), _seconds(ttl.get("failed"))),
        )


def _seconds(value: int | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)
