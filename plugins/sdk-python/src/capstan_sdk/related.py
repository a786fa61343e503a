"""What the host shows beside an object, if the claim's `related` lists it and the plugin needs it: pods, events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .input import HealthInput

# People read about at most so many kinds of trouble.
_MAX_TOLD = 2
_UNSCHEDULED, _CRASHES, _STUCK = range(3)


@dataclass(frozen=True)
class Related:
    """Related objects, or why there are none."""

    objects: tuple[dict[str, Any], ...] = ()
    total: int = 0
    """Their number, including those that the host leaves out."""
    missing: tuple[dict[str, str], ...] = ()
    """Of `owned-pods`: Secrets and ConfigMaps that pods mount and that don't exist, with `pod`, `kind` and `name`."""
    refused: str | None = None
    """Why the host didn't fetch them."""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Related:
        return cls(
            tuple(raw.get("objects") or ()), raw.get("total", 0), tuple(raw.get("missing") or ()), raw.get("refused")
        )


def explanation(input: HealthInput) -> str | None:
    """Summarises the pods' problems in one sentence, else the newest warning."""
    troubles = pod_troubles(input.owned_pods)
    if troubles is not None:
        return troubles
    for event in input.events.objects:
        if event.get("type") == "Warning":
            return f"{event.get('reason', '')}: {event.get('message', '')}"
    return None


def pod_troubles(pods: Related) -> str | None:
    """Summarises what is wrong with pods: `2 of 3 pods: back-off pulling image acme/api:1.2 (not found)`."""
    lacks = {each.get("pod"): each for each in reversed(pods.missing)}
    found = (_pod_trouble(pod, lacks.get((pod.get("metadata") or {}).get("name"))) for pod in pods.objects)
    counts = Counter(each for each in found if each is not None)
    total = max(pods.total, len(pods.objects))
    worst_first = sorted(counts.items(), key=lambda item: (-item[0][0], -item[1], item[0][1]))
    told = [
        f"{count} of {total} {'pod' if total == 1 else 'pods'}: {text}"
        for (_, text), count in worst_first[:_MAX_TOLD]
    ]
    return "; ".join(told) or None


def _pod_trouble(pod: Mapping[str, Any], lacks: Mapping[str, str] | None) -> tuple[int, str] | None:
    status = pod.get("status") or {}
    # One that has ended is counted by its owner, and another may have taken its place.
    if (pod.get("metadata") or {}).get("deletionTimestamp") or status.get("phase") == "Failed":
        return None
    if lacks is not None:
        return _STUCK, f"{lacks.get('kind')}/{lacks.get('name')}, which it mounts, doesn't exist"
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    troubles = [each for each in map(_container_trouble, containers) if each is not None]
    if troubles:
        return max(troubles)
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return _UNSCHEDULED, f"no node: {condition.get('message', '')}"
    return None


def _container_trouble(container: Mapping[str, Any]) -> tuple[int, str] | None:
    name, image = container.get("name", ""), container.get("image", "")
    waiting = (container.get("state") or {}).get("waiting")
    if waiting is None:
        return None
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"):
        return _STUCK, f"back-off pulling image {image} ({_pull_cause(message)})"
    if reason == "InvalidImageName":
        return _STUCK, f"`{image}` is not an image name"
    if reason == "ErrImageNeverPull":
        return _STUCK, f"image {image} isn't on the node, and is never to be pulled"
    if reason in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
        return _STUCK, f"container {name} can't be started: {message}"
    if reason == "CrashLoopBackOff":
        end = _last_end(name, (container.get("lastState") or {}).get("terminated"))
        return _CRASHES, f"{end}, again and again" if end else f"container {name} ends again and again"
    return None


def _last_end(name: str, terminated: Mapping[str, Any] | None) -> str | None:
    if terminated is None:
        return None
    if terminated.get("reason") == "OOMKilled":
        return f"container {name} ran out of memory"
    code = terminated.get("exitCode")
    if code == 0:
        return None
    return f"container {name} failed" if code is None else f"container {name} failed with exit code {code}"


def _pull_cause(message: str) -> str:
    lower = message.lower()

    def has(words: Iterable[str]) -> bool:
        return any(word in lower for word in words)

    is_denied = has(("denied", "unauthorized", "forbidden", "authentication required", "no basic auth"))
    is_unknown = has(("not found", "notfound", "manifest unknown", "does not exist"))
    if is_unknown:
        return "not found, or no access" if is_denied else "not found"
    if is_denied:
        return "no access"
    if has(("too many requests", "toomanyrequests")):
        return "too many requests"
    if has(("no such host", "connection refused", "timeout", "dial tcp")):
        return "its registry can't be reached"
    return message or "no reason given"
