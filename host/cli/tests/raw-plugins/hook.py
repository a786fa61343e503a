"""A hook type without an object in the cluster: it pauses for as many seconds as its settings say."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import hook
from wit_world.imports import host, types

PHASES = {
    "PreSync": types.Phase_PreSync,
    "Sync": types.Phase_Sync,
    "PostSync": types.Phase_PostSync,
    "SyncFail": types.Phase_SyncFail,
    "PreDelete": types.Phase_PreDelete,
    "PostDelete": types.Phase_PostDelete,
}


class Hook(exports.Hook):
    def place(self, claim: str, input: str) -> hook.Placement:
        phases = [PHASES[name]() for name in read(input)["phases"]]
        return hook.Placement_Run(hook.Placed(phases=phases, object=hook.OwnObject_None_(), also=[], details=None))

    def start(self, claim: str, input: str) -> hook.Step:
        seconds = read(input)["settings"]["seconds"]
        return step(seconds, host.now_unix_ms() + seconds * 1000)

    def advance(self, claim: str, input: str, state: bytes) -> hook.Step:
        return step(read(input)["settings"]["seconds"], int(state))

    def abort(self, claim: str, input: str, state: bytes) -> hook.Step:
        return answer(hook.Progress_Failed(), read(input)["reason"], state)


def read(text: str) -> dict:
    """Reads an input. What is raised as Err is the plugin's answer; any other exception is a fault of the plugin."""
    given = json.loads(text)
    if not isinstance(given["settings"].get("seconds"), int):
        raise Err(types.Failure_Invalid("the settings need `seconds`, a whole number"))
    return given


def step(seconds: int, until: int) -> hook.Step:
    """The next step. The host keeps the state, here the moment of the end, and hands it back with the next question."""
    left = until - host.now_unix_ms()
    state = str(until).encode()
    if left <= 0:
        return answer(hook.Progress_Succeeded(), f"paused for {seconds} s", state)
    return answer(hook.Progress_Running(), f"pausing for {seconds} s", state, left)


def answer(progress: hook.Progress, message: str, state: bytes, wake_after_ms: int | None = None) -> hook.Step:
    return hook.Step(
        progress=progress, message=message, asks=[], state=state, wake_after_ms=wake_after_ms, details=None
    )
