// @ts-check
// Judges the health of Queues: healthy when no message waits.

import { defineHealth, healthy, progressing } from "capstan-sdk";

export const health = defineHealth({
  assess({ object }) {
    // Kubernetes omits empty values.
    const { accepted = false, backlog = 0 } = object.status ?? {};
    if (!accepted) return progressing("Queue/accepted", "not accepted by a broker yet");
    if (backlog === 0) return healthy("Queue/drained");
    return progressing("Queue/backlog", `${backlog} messages wait`);
  },
});
