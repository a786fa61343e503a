"""Why a plugin gives no answer. Every other exception is an error in the plugin, and is shown with its traceback."""

from __future__ import annotations

from datetime import timedelta


class Failure(Exception):
    """Raised instead of an answer."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInput(Failure):
    """The input can never work; the message tells the user what to change. The host doesn't ask again."""


class RetryLater(Failure):
    """Not now: the host asks again after at least this long (100 ms or more), at most five times in a row."""

    def __init__(self, message: str, after: timedelta) -> None:
        super().__init__(message)
        self.after = after


class PluginFailed(Failure):
    """Anything else: health becomes Unknown, a hook fails, a delete policy keeps."""
