"""The modules that componentize-py generates. They only exist in a component, and only those of the interfaces that it has."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_GENERATED = ("wit_world", "componentize_py_types")


def bindings(name: str) -> Any:
    """Returns a generated module, or None. A component only contains what is imported while it is built: call this when a module loads."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.split(".")[0] in _GENERATED:
            return None
        raise
