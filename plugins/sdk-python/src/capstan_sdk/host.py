"""All that a plugin may call: its log, and the time of the call. Outside of a component, `testing` sets and reads both."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from ._bindings import bindings

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class _Native:
    """What a test sets and reads."""

    now: datetime = _EPOCH
    lines: list[tuple[str, str]] = []


native = _Native()
_host: Any = bindings("wit_world.imports.host")
_types: Any = bindings("wit_world.imports.types")


def now() -> datetime:
    """Returns the time of this call, in UTC. It doesn't change during a call."""
    if _host is None:
        return native.now
    return _EPOCH + timedelta(milliseconds=_host.now_unix_ms())


def unix_ms(moment: datetime) -> int:
    """Returns a time in milliseconds since 1970. A time without a zone is UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return round((moment - _EPOCH) / timedelta(milliseconds=1))


def from_unix_ms(ms: int) -> datetime:
    """Returns the time of so many milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=ms)


class Log:
    """The plugin's log, which the host shows. At most 100 lines and 16 KiB a call."""

    def trace(self, message: str) -> None:
        self._write("TRACE", message)

    def debug(self, message: str) -> None:
        self._write("DEBUG", message)

    def info(self, message: str) -> None:
        self._write("INFO", message)

    def warning(self, message: str) -> None:
        self._write("WARN", message)

    def error(self, message: str) -> None:
        self._write("ERROR", message)

    def _write(self, level: str, message: str) -> None:
        if _host is None:
            native.lines.append((level.lower(), message))
        else:
            _host.log(_types.LogLevel[level], message)


log = Log()
