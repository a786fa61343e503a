"""Judges the health of Queues: healthy when no message waits."""

from capstan_sdk import Assessment, HealthInput, export_health, healthy, progressing


class QueueHealth:
    def assess(self, input: HealthInput, /) -> Assessment:
        # Kubernetes omits empty values.
        status = input.object.get("status") or {}
        backlog = status.get("backlog", 0)
        if not status.get("accepted", False):
            return progressing("Queue/accepted", "not accepted by a broker yet")
        if backlog == 0:
            return healthy("Queue/drained")
        return progressing("Queue/backlog", f"{backlog} messages wait")


# The name that componentize-py looks for.
Health = export_health(QueueHealth())
