const step = (progress) => (message, options = {}) => ({ ...options, progress, message });

/** The hook goes on; the message says what it waits for. */
export const running = step("running");
/** The hook has succeeded. */
export const succeeded = step("succeeded");
/** The hook has failed, for this reason. */
export const failed = step("failed");

const ABORTED = {
  terminated: "terminated",
  deadline: "stopped: its time is over",
  failed: "stopped: something else has failed",
};

/** The hook has failed because it was told to stop. The usual answer of `abort`. */
export const aborted = (input, options) => failed(ABORTED[input.reason] ?? "stopped", options);

/** Runs the manifest in the phases that the user wrote. `object: false` for a manifest that is only settings (`kind: Hook`). */
export const run = (input, { phases = input.phases ?? [], object = true, also = [], details } = {}) => ({
  run: { phases, object, also, details },
});

/** Leaves the manifest alone: it is not applied and not pruned, and shown with this reason. */
export const skip = (reason) => ({ skip: reason });

/**
 * Counts attempts in `state.attempts`. Returns an answer that is woken for the next attempt, or a failure after the last one.
 *
 * Use a new request id for each attempt, such as `state.attempts`: the host repeats no id's call.
 */
export function retryOrFail(state, reason, { limit = 5, waitMs = 5000, factor = 1, maxWaitMs = 60_000 } = {}) {
  const made = state.attempts ?? 1;
  if (made >= limit) return failed(made === 1 ? reason : `${reason}, after ${made} attempts`);
  state.attempts = made + 1;
  const wakeAfterMs = Math.max(100, Math.round(Math.min(waitMs * factor ** (made - 1), maxWaitMs)));
  return running(`attempt ${made} of ${limit}: ${reason}`, { wakeAfterMs });
}
