// Judges the health of Queues: healthy when no message waits.

export const health = {
  assess(_claim, input) {
    // Kubernetes leaves out what is empty.
    const { accepted = false, backlog = 0 } = JSON.parse(input).object.status ?? {};
    if (!accepted) return assessment("progressing", "Queue/accepted", "not accepted by a broker yet");
    if (backlog === 0) return assessment("healthy", "Queue/drained");
    return assessment("progressing", "Queue/backlog", `${backlog} messages wait`);
  },
};

function assessment(status, rule, message = "") {
  return { status: { tag: status }, message, rule, final: false, need: [] };
}
