"""Judges the health of Queues: healthy when no message waits."""

import json

from wit_world import exports
from wit_world.exports import health


class Health(exports.Health):
    def assess(self, claim: str, input: str) -> health.Assessment:
        # Kubernetes leaves out what is empty.
        status = json.loads(input)["object"].get("status") or {}
        backlog = status.get("backlog", 0)
        if not status.get("accepted", False):
            return assessment(health.HealthStatus_Progressing(), "Queue/accepted", "not accepted by a broker yet")
        if backlog == 0:
            return assessment(health.HealthStatus_Healthy(), "Queue/drained")
        return assessment(health.HealthStatus_Progressing(), "Queue/backlog", f"{backlog} messages wait")


def assessment(status: health.HealthStatus, rule: str, message: str = "") -> health.Assessment:
    return health.Assessment(
        status=status, message=message, rule=rule, final=False, recheck_after_ms=None, need=[], details=None
    )
