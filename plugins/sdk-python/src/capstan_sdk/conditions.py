"""Reads what most statuses have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Condition:
    """An entry of `status.conditions`."""

    type: str
    status: str
    """`True`, `False` or `Unknown`: a text, as in Kubernetes."""
    reason: str = ""
    message: str = ""


def condition(object: Mapping[str, Any], type: str) -> Condition | None:
    """Returns the condition of this type."""
    for found in (object.get("status") or {}).get("conditions") or ():
        if found.get("type") == type:
            return Condition(type, found.get("status", ""), found.get("reason") or "", found.get("message") or "")
    return None


def is_condition_true(object: Mapping[str, Any], type: str) -> bool:
    """Says whether the condition of this type has the status `True`."""
    found = condition(object, type)
    return found is not None and found.status == "True"


def is_condition_false(object: Mapping[str, Any], type: str) -> bool:
    """Says whether the condition of this type has the status `False`."""
    found = condition(object, type)
    return found is not None and found.status == "False"


def is_observed(object: Mapping[str, Any]) -> bool:
    """Says whether the status is about the current spec. True for an object without `observedGeneration`."""
    observed = (object.get("status") or {}).get("observedGeneration")
    generation = (object.get("metadata") or {}).get("generation") or 0
    return observed is None or bool(observed >= generation)


def at(value: Any, pointer: str) -> Any:
    """Returns the value at a JSON pointer (RFC 6901), or None."""
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value
