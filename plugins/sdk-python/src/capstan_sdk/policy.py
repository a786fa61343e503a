"""Keep this hook's object, or delete it?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from .input import PolicyInput
from .request import Propagation


@dataclass(frozen=True)
class Disposal:
    """What becomes of a hook's object."""

    kind: Literal["keep", "delete", "delete-at", "ask-again-at"]
    propagation: Propagation = "background"
    moment: datetime | None = None


class DeletePolicy(Protocol):
    """Decides what becomes of hooks' objects."""

    def decide(self, input: PolicyInput, /) -> Disposal:
        """Decides on one object of one hook."""
        ...


def keep() -> Disposal:
    """This policy doesn't want to delete the object now."""
    return Disposal("keep")


def delete_now(propagation: Propagation = "background") -> Disposal:
    """Deletes the object now."""
    return Disposal("delete", propagation)


def delete_at(moment: datetime) -> Disposal:
    """Deletes the object at this time. A time without a zone is UTC."""
    return Disposal("delete-at", moment=moment)


def ask_again_at(moment: datetime) -> Disposal:
    """Asks the policy again at this time. A time without a zone is UTC."""
    return Disposal("ask-again-at", moment=moment)
