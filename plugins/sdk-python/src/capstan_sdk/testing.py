"""Asks a plugin in a test without WebAssembly, by the same JSON as the host, and answers in the words of the cases in `cases/`.

    from capstan_sdk.testing import assess

    assert assess(QueueHealth(), {"status": {"accepted": True}})["status"] == "healthy"
"""

from __future__ import annotations

import base64
import json
import re
import unittest
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

from . import _calls
from ._words import answer, assessment_words, disposal_words, moment, placement_words, step_words
from .export import Exported
from .health import HealthCheck
from .hook import HookType, Step
from .host import from_unix_ms, native, unix_ms
from .policy import DeletePolicy

Answer = Any
"""An answer in the words of the cases."""
Loader = Callable[[str], Any]
"""Reads YAML: `yaml.safe_load`."""

# As `capstan plugin test` begins.
_START = datetime(2026, 1, 1, tzinfo=timezone.utc)
_ARGO_CD_CASES = "health_test.yaml"
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT")
_DURATION = re.compile(r"([\d.]+)\s*(ms|s|m|h|d)")
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def set_now(moment: datetime) -> None:
    """Sets what `capstan_sdk.now` returns."""
    native.now = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def take_log() -> list[tuple[str, str]]:
    """Returns the lines that the plugin has logged, each with its level, and forgets them."""
    lines, native.lines = native.lines, []
    return lines


def assess(plugin: HealthCheck, input: Mapping[str, Any], claim: str | None = None) -> Answer:
    """Asks how an object is. `input` is an object, or a HealthInput with `object` and `related`."""
    is_input = "object" in input and "kind" not in input
    filled = _complete("assess", input if is_input else {"object": input})
    asked = claim if claim is not None else _kind_of(filled["object"])
    return answer(lambda: assessment_words(_calls.assess(plugin, asked, _dump(filled))))


def place(plugin: HookType[Any], input: Mapping[str, Any] | None = None, claim: str = "test") -> Answer:
    """Asks where a manifest goes. `input` is a PlaceInput; what it lacks is filled in."""
    filled = _complete("place", input or {})
    return answer(lambda: placement_words(_calls.place(plugin, claim, _dump(filled))))


def decide(plugin: DeletePolicy, input: Mapping[str, Any] | None = None, claim: str = "test") -> Answer:
    """Asks what becomes of a hook's object. `input` is a PolicyInput; what it lacks is filled in."""
    filled = _complete("decide", input or {})
    return answer(lambda: disposal_words(_calls.decide(plugin, claim, _dump(filled))))


@dataclass
class _Pending:
    kind: str
    value: Any


class HookTest:
    """One run of a hook in virtual time, step by step. A step that the host would never make is an error."""

    def __init__(
        self,
        plugin: HookType[Any],
        input: Mapping[str, Any] | None = None,
        *,
        claim: str = "test",
        now: datetime = _START,
    ) -> None:
        self._plugin = plugin
        self._input = _complete("hook", input or {})
        self._claim = claim
        self._state = b""
        self._requests: dict[int, _Pending] = {}
        self._wake_at: datetime | None = None
        self._is_over = False
        set_now(now)

    def start(self) -> Answer:
        """Starts the run."""
        given = self._ask(lambda text: _calls.start(self._plugin, self._claim, text), {})
        self._check(given)
        return given

    def see(self, observation: str | Mapping[str, Any], *, after: timedelta = timedelta()) -> Answer:
        """Passes an observation after some time: its kind (`woke`), or `{"kind": "http", "status": 200, "text": ".."}`."""
        seen: dict[str, Any] = {"kind": observation} if isinstance(observation, str) else dict(observation)
        kind: str = seen["kind"]
        self._advance_time(after, kind == "woke")
        id = self._answered(seen)
        if id is not None:
            seen["answers"] = id
            if kind == "created":
                seen.setdefault("object", self._input["object"])
            if kind == "signal":
                seen.setdefault("name", self._requests[id].value)
        if isinstance(seen.get("health"), str):
            seen["health"] = {"status": seen["health"], "message": "", "rule": "", "final": False}
        if kind == "http":
            seen.setdefault("body", base64.b64encode(str(seen.pop("text", "")).encode()).decode())
            seen.setdefault("headers", {})
        ended = self._requests.get(id) if id is not None and self._ends(kind, id) else None
        call = lambda text: _calls.advance(self._plugin, self._claim, text, self._state)  # noqa: E731
        given = self._ask(call, {"observation": seen})
        if id is not None and ended is not None and "retry" not in given and self._requests.get(id) is ended:
            del self._requests[id]
        self._check(given)
        return given

    def abort(self, reason: str, *, after: timedelta = timedelta()) -> Answer:
        """Stops the run: `terminated`, `deadline` or `failed`."""
        self._advance_time(after, False)
        call = lambda text: _calls.abort(self._plugin, self._claim, text, self._state)  # noqa: E731
        given = self._ask(call, {"reason": reason})
        self._check(given)
        return given

    def _ask(self, call: Callable[[str], tuple[Step, bytes]], more: Mapping[str, Any]) -> Answer:
        if self._is_over:
            raise AssertionError("the hook has its verdict: nothing happens to it any more")

        def ask() -> Answer:
            step, self._state = call(_dump({**self._input, **more}))
            return step_words(step, self._state)

        given = answer(ask)
        if "retry" in given:
            return given
        self._is_over = given.get("progress") != "running"
        wake_after = given.get("wake-after-ms")
        self._wake_at = None if wake_after is None else native.now + timedelta(milliseconds=wake_after)
        for words in given.get("asks", ()):
            kind = next(key for key in words if key != "id")
            self._requests[words["id"]] = _Pending(kind, words[kind])
        return given

    def _check(self, given: Answer) -> None:
        if given.get("progress") == "running" and not self._requests and self._wake_at is None:
            raise AssertionError(
                "it is running, and nothing could ever happen to it again: no request is unanswered, and it isn't woken"
            )

    def _advance_time(self, after: timedelta, is_woken: bool) -> None:
        then = native.now + after
        if is_woken and self._wake_at is None:
            raise AssertionError("it is not woken: its last answer has no `wake_after`")
        if is_woken and self._wake_at is not None:
            if after and then < self._wake_at:
                raise AssertionError(f"it is not woken yet, but {self._wake_at - then} later")
            then = then if after else self._wake_at
        elif self._wake_at is not None and self._wake_at < then:
            raise AssertionError(f"its wake-up comes first, after {self._wake_at - native.now}")
        set_now(then)

    def _answered(self, seen: Mapping[str, Any]) -> int | None:
        under_way = ", ".join(f"{id} ({pending.kind})" for id, pending in self._requests.items()) or "nothing"
        if "answers" in seen:
            if seen["answers"] not in self._requests:
                raise AssertionError(f"`answers` names no pending request; under way: {under_way}")
            return int(seen["answers"])
        kind = seen["kind"]
        fitting = [id for id, pending in self._requests.items() if _is_answered_by(pending.kind, kind)]
        if len(fitting) > 1:
            raise AssertionError(f"write `answers`, the id of the request; under way: {under_way}")
        if not fitting and kind != "woke":
            raise AssertionError(f"no request is answered by `{kind}`; under way: {under_way}")
        return fitting[0] if fitting else None

    def _ends(self, kind: str, id: int) -> bool:
        goes_on = self._requests[id].kind in ("watch-own", "watch", "follow-logs-own")
        return not goes_on or kind in ("refused", "failed")


@dataclass(frozen=True)
class Case:
    """A case of `capstan plugin test`."""

    name: str
    file: Path
    _written: Mapping[str, Any]
    _load: Loader

    def run(self, plugin: ModuleType) -> None:
        """Asks the plugin that a module exports.

        Raises:
            AssertionError: if an answer isn't the expected one.
        """
        written, claim = self._written, self._written.get("claim")
        now = moment(written["now"]) if "now" in written else None
        set_now(now or (from_unix_ms(0) if "place" in written else _START))
        if "assess" in written:
            given = written["assess"]
            input = self._read({"object": given} if isinstance(given, str) else given)
            _expect(written, assess(_exported(plugin, "Health"), input, claim))
        elif "place" in written:
            _expect(written, place(_exported(plugin, "Hook"), self._read(written["place"]), claim or "test"))
        elif "decide" in written:
            input = dict(self._read(written["decide"]))
            if "finishedAt" in input and not isinstance(input["finishedAt"], int):
                input["finishedAt"] = unix_ms(moment(input["finishedAt"]))
            _expect(written, decide(_exported(plugin, "DeletePolicy"), input, claim or "test"))
        else:
            self._run_hook(_exported(plugin, "Hook"), claim or "test", now or _START)

    def _run_hook(self, plugin: HookType[Any], claim: str, now: datetime) -> None:
        run = HookTest(plugin, self._read(self._written["hook"]), claim=claim, now=now)
        steps = self._written["steps"]
        for n, step in enumerate(steps):
            after = _duration(step.get("after", "0s"))
            if n == 0:
                given = run.start()
            elif "abort" in step:
                given = run.abort(step["abort"], after=after)
            else:
                see = step["see"]
                given = run.see(see if isinstance(see, str) else self._read(see), after=after)
            if "expect" in step:
                _expect(step, given, f" in step {n + 1}")
            elif n + 1 == len(steps):
                raise AssertionError("the last step expects nothing")

    def _read(self, input: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """An object may be the name of a file beside the case."""
        input = input or {}
        if isinstance(input.get("object"), str):
            return {**input, "object": self._load((self.file.parent / input["object"]).read_text(encoding="utf-8"))}
        return input


def read_cases(folder: str | Path, load: Loader = json.loads) -> Iterator[Case]:
    """Reads the cases of a folder. `load` reads YAML (`yaml.safe_load`); without it, only files that are JSON are read.

    Argo CD's `health_test.yaml` is left to `capstan plugin test`.
    """
    for file in sorted(Path(folder).iterdir()):
        if file.suffix in (".yaml", ".yml", ".json") and file.name != _ARGO_CD_CASES:
            for name, written in load(file.read_text(encoding="utf-8")).items():
                yield Case(str(name), file, written, load)


def case_tests(folder: str | Path, plugin: ModuleType, load: Loader = json.loads) -> type[unittest.TestCase]:
    """Makes a test of each case, for unittest and pytest: `CasesTest = case_tests("cases", plugin, yaml.safe_load)`."""

    def test(case: Case) -> Callable[[unittest.TestCase], None]:
        return lambda self: case.run(plugin)

    methods = {f"test_{re.sub(r'[^0-9a-zA-Z]+', '_', case.name)}": test(case) for case in read_cases(folder, load)}
    return type("CasesTest", (unittest.TestCase,), methods)


def _exported(plugin: ModuleType, name: str) -> Any:
    exported = getattr(plugin, name, None)
    if not (isinstance(exported, type) and issubclass(exported, Exported)):
        raise AssertionError(f"`{plugin.__name__}` has no `{name}` made by `capstan_sdk`")
    return exported.plugin


def _expect(written: Mapping[str, Any], given: Answer, where: str = "") -> None:
    if "expect" not in written:
        raise AssertionError("the case expects nothing: write `expect`")
    found = list(_differences("", written["expect"], given))
    if found:
        lines = "\n".join(f"  {path or 'the answer'}\n    - {one!r}\n    + {other!r}" for path, one, other in found)
        raise AssertionError(f"the answer{where} is another than expected:\n{lines}")


def _differences(path: str, expected: Any, actual: Any) -> Iterator[tuple[str, Any, Any]]:
    """Keys of a mapping that aren't expected may have any value; lists are compared whole."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for key, value in expected.items():
            yield from _differences(f"{path}.{key}" if path else key, value, actual.get(key))
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for n, (one, other) in enumerate(zip(expected, actual)):
            yield from _differences(f"{path}[{n}]", one, other)
    elif not (expected == actual and isinstance(expected, bool) == isinstance(actual, bool)):
        if not _is_samemoment(expected, actual):
            yield path, expected, actual


def _is_samemoment(expected: Any, actual: Any) -> bool:
    def ismoment(value: Any) -> bool:
        return isinstance(value, datetime) or (isinstance(value, str) and _TIMESTAMP.match(value) is not None)

    return ismoment(expected) and ismoment(actual) and moment(expected) == moment(actual)


def _duration(text: str) -> timedelta:
    parts = _DURATION.findall(str(text))
    if not parts:
        raise AssertionError(f"`{text}` is not a duration like `2s`")
    return timedelta(milliseconds=sum(float(number) * _UNITS[unit] for number, unit in parts))


def _dump(input: Mapping[str, Any]) -> str:
    def write(value: Any) -> str:
        if isinstance(value, (datetime, date)):
            return value.isoformat().replace("+00:00", "Z")
        raise TypeError(f"{value!r} can't be written as JSON")

    return json.dumps(input, default=write)


def _complete(kind: str, input: Mapping[str, Any]) -> dict[str, Any]:
    """Adds what the host passes with every call, as `capstan plugin test` does."""
    document = {"apiVersion": "capstan.dev/v1", "kind": "Hook", "metadata": {"name": "test"}}
    usual: dict[str, dict[str, Any]] = {
        "assess": {},
        "place": {"object": document, "words": ["PreSync"], "phases": ["PreSync"], "onVanished": "fail"},
        "hook": {
            "object": document,
            "hook": {"run": "run1", "phase": "PreSync", "wave": 0, "attempt": 1, "onVanished": "fail"},
            "operation": {"id": "1-test", "kind": "sync"},
        },
        "decide": {
            "policies": [],
            "hook": {"run": "run1", "phase": "PreSync", "wave": 0},
            "rank": 0,
            "runsToCompletion": True,
            "ttl": {},
        },
    }
    common = {"contract": "0.1.0", "application": {"name": "test", "namespace": "test"}, "settings": {}}
    filled = dict(input)
    for key, value in {**common, **usual[kind]}.items():
        own = filled.get(key)
        if isinstance(own, Mapping) and isinstance(value, dict):
            filled[key] = {**value, **own}
        elif own is None:
            filled[key] = value
    return filled


def _kind_of(object: Mapping[str, Any]) -> str:
    group, separator, _ = str(object.get("apiVersion", "")).rpartition("/")
    return f"{group}{separator}{object.get('kind', '')}"


def _is_answered_by(request: str, kind: str) -> bool:
    if kind in ("refused", "failed"):
        return True
    kinds = {
        "create-own": ("created",),
        "watch-own": ("object", "gone"),
        "watch": ("object", "gone"),
        "get": ("object", "gone"),
        "follow-logs-own": ("log",),
        "delete-own": ("deleted",),
        "delete": ("deleted",),
        "apply": ("done",),
        "patch": ("done",),
        "emit-event": ("done",),
        "list": ("objects",),
        "http": ("http",),
        "wait-signal": ("signal",),
    }
    return kind in kinds.get(request, ())
