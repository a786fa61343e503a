"""Write Capstan plugins in Python: health checks, hook types and delete policies.

In reading order: `health`, `hook`, `policy` and `request` make answers; `input` and `observation` are what a plugin is told; `conditions`,
`related`, `own_object` and `retry` are helpers; `export` turns a plugin into what the contract calls; `testing` asks it natively.
"""

from . import observation, request
from .conditions import Condition, at, condition, is_condition_false, is_condition_true, is_observed
from .export import export_delete_policy, export_health, export_hook
from .failure import Failure, InvalidInput, PluginFailed, RetryLater
from .health import Assessment, HealthCheck, degraded, healthy, missing, progressing, suspended, unknown
from .hook import HookType, Placement, Step, aborted, failed, run, running, skip, succeeded
from .host import Log, log, now
from .input import Application, Cause, HealthInput, HookInput, HookRun, Operation, PlaceInput, PolicyHook, PolicyInput, Ttl
from .observation import Observation
from .own_object import OwnObject
from .policy import DeletePolicy, Disposal, ask_again_at, delete_at, delete_now, keep
from .related import Related, explanation, pod_troubles
from .request import ObjectRef, Request, SecretValue
from .retry import retry_or_fail

__all__ = [
    "Application",
    "Assessment",
    "Cause",
    "Condition",
    "DeletePolicy",
    "Disposal",
    "Failure",
    "HealthCheck",
    "HealthInput",
    "HookInput",
    "HookRun",
    "HookType",
    "InvalidInput",
    "Log",
    "ObjectRef",
    "Observation",
    "Operation",
    "OwnObject",
    "PlaceInput",
    "Placement",
    "PluginFailed",
    "PolicyHook",
    "PolicyInput",
    "Related",
    "Request",
    "RetryLater",
    "SecretValue",
    "Step",
    "Ttl",
    "aborted",
    "ask_again_at",
    "at",
    "condition",
    "degraded",
    "delete_at",
    "delete_now",
    "explanation",
    "export_delete_policy",
    "export_health",
    "export_hook",
    "failed",
    "healthy",
    "is_condition_false",
    "is_condition_true",
    "is_observed",
    "keep",
    "log",
    "missing",
    "now",
    "observation",
    "pod_troubles",
    "progressing",
    "request",
    "retry_or_fail",
    "run",
    "running",
    "skip",
    "succeeded",
    "suspended",
    "unknown",
]

__version__ = "0.1.0"
