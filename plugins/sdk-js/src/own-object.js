import { failed, running, succeeded } from "./hook.js";
import { createOwn, watchOwn } from "./request.js";

const CREATE_REQUEST = 1;
const WATCH_REQUEST = 2;
// After so many objects that vanished, something deletes them on purpose.
const MAX_RERUNS = 3;
const MAX_TRIES = 6;
const RETRY_DELAY_MS = 5000;

/** Creates the hook's own object and watches it. Uses the request ids 1 and 2. */
export const beginOwnObject = (message) =>
  running(message, { requests: [createOwn(CREATE_REQUEST), watchOwn(WATCH_REQUEST)] });

/** Ends the hook by the health of its own object: healthy is success, degraded is failure. Uses `state.own`. */
export function followOwnObject(input, observation, state) {
  if (observation.kind !== "object") return settleOwnObject(input, observation, state);
  const { status = "unknown", message = "" } = observation.health ?? {};
  switch (status) {
    case "healthy":
      return succeeded(message || "healthy");
    case "degraded":
      return failed(message || "degraded");
    case "progressing":
      return running(message || "waiting for its object to become healthy");
    case "suspended":
      return running(message || "suspended");
    case "missing":
      return vanished(input, state);
    default:
      return running(`can't tell how its object is: ${message || "nobody says"}`);
  }
}

/** Answers every observation that isn't the object itself, for a hook that judges its object by its own rules. */
export function settleOwnObject(input, observation, state) {
  const own = (state.own ??= {});
  const { kind, reason, temporary = false } = observation;
  if (kind === "gone") return vanished(input, state);
  if (kind === "refused" || (kind === "failed" && (!temporary || (own.tries ?? 0) >= MAX_TRIES))) return failed(reason);
  if (kind === "failed") {
    own.tries = (own.tries ?? 0) + 1;
    own.isRetrying = true;
    return running(`trying again: ${reason}`, { wakeAfterMs: RETRY_DELAY_MS });
  }
  if (kind === "woke" && own.isRetrying) {
    own.isRetrying = false;
    return beginOwnObject("trying again");
  }
  if (kind === "created" || kind === "object") return running("waiting for its object");
  return running("waiting for its object to change");
}

function vanished(input, state) {
  const own = (state.own ??= {});
  const what = "its object vanished before it had a verdict";
  switch (input.hook?.onVanished) {
    case "succeed":
      return succeeded(`${what}, which counts as success`);
    case "rerun": {
      const reruns = own.reruns ?? 0;
      if (reruns >= MAX_RERUNS) return failed(`${what}, ${reruns + 1} times in a row`);
      own.reruns = reruns + 1;
      return beginOwnObject(`${what}; creating it again (${own.reruns} of ${MAX_RERUNS})`);
    }
    default:
      return failed(what);
  }
}
