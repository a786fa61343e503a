"""How is this object?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, Protocol

from .input import HealthInput

HealthStatus = Literal["healthy", "progressing", "degraded", "suspended", "missing", "unknown"]


@dataclass(frozen=True)
class Assessment:
    """The health of one object."""

    status: HealthStatus
    rule: str
    """The name of the rule that decided: `Queue/backlog`. `capstan explain` shows it."""
    message: str = ""
    """One sentence without the object's name."""
    final: bool = False
    """Waiting can't help: no change of this status is to be expected."""
    recheck_after: timedelta | None = None
    """Ask again after so long. Needed by every answer that depends on `now()`."""
    need: Sequence[str] = field(default=())
    """Related objects that the plugin must see to say more: `owned-pods`, `events`, `storage-class`. The claim's `related` must list them."""
    details: Any = None
    """JSON for tools."""


class HealthCheck(Protocol):
    """Assesses objects of the kinds that `plugin.toml` claims."""

    def assess(self, input: HealthInput, /) -> Assessment:
        """Assesses one object."""
        ...


def healthy(rule: str, message: str = "", *, recheck_after: timedelta | None = None, details: Any = None) -> Assessment:
    """The object does what it is for."""
    return Assessment("healthy", rule, message, recheck_after=recheck_after, details=details)


def progressing(
    rule: str, message: str, *, recheck_after: timedelta | None = None, need: Sequence[str] = (), details: Any = None
) -> Assessment:
    """The object is on its way; the message says what is missing."""
    return Assessment("progressing", rule, message, recheck_after=recheck_after, need=need, details=details)


def degraded(
    rule: str,
    message: str,
    *,
    final: bool = False,
    recheck_after: timedelta | None = None,
    need: Sequence[str] = (),
    details: Any = None,
) -> Assessment:
    """The object failed, or will not become healthy as it is. `final` if waiting can't help."""
    return Assessment("degraded", rule, message, final, recheck_after, need, details)


def suspended(rule: str, message: str, *, recheck_after: timedelta | None = None, details: Any = None) -> Assessment:
    """The object waits for somebody."""
    return Assessment("suspended", rule, message, recheck_after=recheck_after, details=details)


def missing(rule: str, message: str, *, details: Any = None) -> Assessment:
    """The object doesn't exist."""
    return Assessment("missing", rule, message, details=details)


def unknown(rule: str, message: str, *, recheck_after: timedelta | None = None, details: Any = None) -> Assessment:
    """The status can't be determined: neither healthy nor failed."""
    return Assessment("unknown", rule, message, recheck_after=recheck_after, details=details)
