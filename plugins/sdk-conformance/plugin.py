"""Answers with everything that the SDK offers; cases.yaml says what."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta

from capstan_sdk import (
    Assessment,
    Disposal,
    HealthInput,
    HookInput,
    HookType,
    InvalidInput,
    ObjectRef,
    Observation,
    OwnObject,
    PlaceInput,
    Placement,
    PluginFailed,
    PolicyInput,
    Request,
    RetryLater,
    SecretValue,
    Step,
    ask_again_at,
    at,
    condition,
    degraded,
    delete_at,
    delete_now,
    explanation,
    export_delete_policy,
    export_health,
    export_hook,
    failed,
    healthy,
    is_condition_true,
    is_observed,
    keep,
    log,
    now,
    observation,
    progressing,
    request,
    retry_or_fail,
    run,
    running,
    skip,
    succeeded,
)


class ProbeHealth:
    def assess(self, input: HealthInput, /) -> Assessment:
        log.info(f"claim {input.claim}")
        if not is_observed(input.object):
            wait = timedelta(seconds=1.5)
            return progressing("Probe/generation", "its status is about an older spec", recheck_after=wait)
        if is_condition_true(input.object, "Ready"):
            return healthy("Probe/ready")
        ready = condition(input.object, "Ready")
        if ready is not None:
            text = at(input.object, "/spec/paths/a~1b/~0c/1")
            return degraded("Probe/ready", f"{ready.message}: {text}", final=True)
        if not input.is_second_call:
            return progressing("Probe/new", "no condition yet", need=["owned-pods", "events"])
        return progressing("Probe/new", explanation(input) or "no condition yet")


API = ObjectRef("apps/v1", "Deployment", "api")


def requests() -> list[Request]:
    return [
        request.create_own(1),
        request.watch_own(2),
        request.follow_logs_own(3),
        request.delete_own(4, "foreground"),
        request.apply(5, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "é"}}),
        request.get(6, ObjectRef("apps/v1", "Deployment", "api", namespace="shop")),
        request.list(7, "v1", "Pod", labels="app=api"),
        request.watch(8, API),
        request.patch(9, API, {"spec": {"replicas": 2, "paused": None}}),
        request.delete(10, ObjectRef("v1", "ConfigMap", "old")),
        request.http(
            11,
            "https://api.example.com/é",
            method="POST",
            headers={
                "accept": "application/json",
                "authorization": SecretValue("token", "bearer", prefix="Bearer "),
                "x-key": SecretValue("token", "key"),
            },
            body=json.dumps({"text": "é😀"}, ensure_ascii=False, separators=(",", ":")),
            timeout=timedelta(seconds=5),
        ),
        request.wait_signal(12, "migrated"),
        request.emit_event(13, "all at once"),
    ]


@dataclass
class State:
    seen: list[str] = field(default_factory=list)
    attempts: int = 1
    own: OwnObject = field(default_factory=OwnObject)


class Probe(HookType[State]):
    state = State

    def place(self, input: PlaceInput, /) -> Placement:
        match input.settings.get("do"):
            case "place":
                return run(input, object=False, also=[{"kind": "Pod"}])
            case "skip":
                return skip("not today")
            case _:
                raise InvalidInput("the settings need `do`")

    def start(self, input: HookInput, state: State, /) -> Step:
        match input.settings["do"]:
            case "requests":
                return running("13 requests: é😀", *requests(), wake_after=timedelta(minutes=1))
            case "retry":
                return self.call(state)
            case "own":
                return state.own.begin("creating it")
            case "later":
                raise RetryLater("no quota", timedelta(seconds=2.5))
            case other:
                raise PluginFailed(f"unknown: {other}")

    def advance(self, input: HookInput, seen: Observation, state: State, /) -> Step:
        match input.settings["do"]:
            case "own":
                return state.own.follow(input, seen)
            case "retry":
                return self.retried(seen, state)
            case _:
                return self.told(seen, state)

    def call(self, state: State) -> Step:
        return running("calling", request.http(state.attempts, "https://api.example.com"))

    def retried(self, seen: Observation, state: State) -> Step:
        match seen:
            case observation.Http(status=200):
                return succeeded(f"200 at {now():%Y-%m-%dT%H:%M:%S}")
            case observation.Http(status=status):
                reason = f"status {status}"
            case observation.Failed(reason=reason):
                pass
            case _:
                return self.call(state)
        return retry_or_fail(state, reason, limit=3, wait=timedelta(seconds=2), factor=2)

    def told(self, seen: Observation, state: State) -> Step:
        state.seen.append(seen.kind)

        def say(text: str) -> Step:
            return running(f"{seen.kind} {seen.answers}: {text}", wake_after=timedelta(minutes=1))

        match seen:
            case observation.Http(status=status, headers=headers):
                return say(f"{status} {seen.text} {headers['retry-after']}")
            case observation.Signal(name=name, by=by, value=value):
                return say(f"{name} {by} {'true' if value['ok'] else 'false'}")
            case observation.Object(object=object, health=health):
                return say(f"{object['metadata']['name']} {health.status}")
            case observation.Objects(objects=objects):
                return say(" ".join(object["metadata"]["name"] for object in objects))
            case observation.Log(lines=lines):
                return say(" ".join(line.text for line in lines))
            case observation.Refused(reason=reason):
                return say(reason)
            case observation.Failed(reason=reason, temporary=temporary):
                return say(f"{reason} {'true' if temporary else 'false'}")
            case observation.Woke():
                return succeeded(f"seen {' '.join(state.seen)}")
            case observation.Gone() | observation.Done():
                return running(f"{seen.kind} {seen.answers}", wake_after=timedelta(minutes=1))
            case _:
                return failed(f"unknown: {seen.kind}")


class ProbePolicy:
    def decide(self, input: PolicyInput, /) -> Disposal:
        match input.settings.get("do"):
            case "delete":
                return delete_now("orphan")
            case "delete-at" if input.finished_at is not None:
                return delete_at(input.finished_at + timedelta(hours=1))
            case "ask-again-at":
                return ask_again_at(now() + timedelta(seconds=30))
            case _:
                return keep()


Health = export_health(ProbeHealth())
Hook = export_hook(Probe())
DeletePolicy = export_delete_policy(ProbePolicy())
