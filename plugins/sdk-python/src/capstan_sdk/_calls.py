"""A question of the contract, in JSON text and bytes: reads the input, asks the plugin, writes its state.

The bindings and `testing` both go through here, so a native test sees what the host would.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

from . import observation
from .health import Assessment, HealthCheck
from .hook import HookType, Placement, Step
from .input import HealthInput, HookInput, PlaceInput, PolicyInput
from .policy import DeletePolicy, Disposal

State = TypeVar("State")
Answer = TypeVar("Answer")


def assess(plugin: HealthCheck, claim: str, text: str) -> Assessment:
    return _answer(plugin.assess(HealthInput.read(claim, json.loads(text))), Assessment, "assess")


def place(plugin: HookType[Any], claim: str, text: str) -> Placement:
    return _answer(plugin.place(PlaceInput.read(claim, json.loads(text))), Placement, "place")


def start(plugin: HookType[Any], claim: str, text: str) -> tuple[Step, bytes]:
    state = plugin.state()
    step = plugin.start(HookInput.read(claim, json.loads(text)), state)
    return _answer(step, Step, "start"), _pack(state)


def advance(plugin: HookType[Any], claim: str, text: str, packed: bytes) -> tuple[Step, bytes]:
    state, raw = _unpack(plugin, packed), json.loads(text)
    step = plugin.advance(HookInput.read(claim, raw), observation.read(raw["observation"]), state)
    return _answer(step, Step, "advance"), _pack(state)


def abort(plugin: HookType[Any], claim: str, text: str, packed: bytes) -> tuple[Step, bytes]:
    state = _unpack(plugin, packed)
    step = plugin.abort(HookInput.read(claim, json.loads(text)), state)
    return _answer(step, Step, "abort"), _pack(state)


def decide(plugin: DeletePolicy, claim: str, text: str) -> Disposal:
    return _answer(plugin.decide(PolicyInput.read(claim, json.loads(text))), Disposal, "decide")


def _answer(answer: Any, expected: type[Answer], function: str) -> Answer:
    if not isinstance(answer, expected):
        raise TypeError(f"`{function}` returned {answer!r} and not a {expected.__name__}")
    return answer


def _pack(state: Any) -> bytes:
    value = asdict(state) if is_dataclass(state) and not isinstance(state, type) else state
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _unpack(plugin: HookType[State], packed: bytes) -> Any:
    state = plugin.state()
    return _load(type(state), json.loads(packed)) if packed else state


def _load(cls: type, value: Any) -> Any:
    """Reads a state. Fields that an older version of the plugin didn't store have their defaults."""
    if not is_dataclass(cls) or not isinstance(value, dict):
        return value
    types = get_type_hints(cls)
    return cls(**{each.name: _load(types[each.name], value[each.name]) for each in fields(cls) if each.name in value})
