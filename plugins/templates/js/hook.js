// @ts-check
// A gate: waits until a URL answers, marks a Deployment, and waits until that is healthy and until a signal arrives. Without the settings
// `url` and `signal` it waits for neither. When it ends, however it ends, the Deployment isn't marked any more.

import { aborted, defineHook, failed, invalid, request, retryOrFail, run, running, succeeded } from "capstan-sdk";

const ANNOTATION = "{{name}}.capstan.dev/gate";
// Each call of the URL has a number of its own: that of the attempt.
const MARK = 101;
const WATCH = 102;
const SIGNAL = 103;
const UNMARK = 104;

/** @typedef {{ attempts: number, isMarked: boolean }} State */
/** @typedef {Record<string, any>} Settings */

/** @type {(settings: Settings) => import("capstan-sdk").ObjectRef} */
const deployment = (settings) => ({ apiVersion: "apps/v1", kind: "Deployment", name: settings.deployment });

/** @type {(settings: Settings, value: string | null) => import("capstan-sdk").Json} */
const annotation = (settings, value) => ({ metadata: { annotations: { [ANNOTATION]: value } } });

/** @type {(settings: Settings, state: State) => import("capstan-sdk").Step} */
const call = ({ url }, state) => running(`calling ${url}`, { requests: [request.http(state.attempts, { url })] });

/** @type {(settings: Settings, state: State) => import("capstan-sdk").Step} */
function mark(settings, state) {
  state.isMarked = true;
  return running(`waiting for Deployment/${settings.deployment}`, {
    requests: [
      request.patch(MARK, deployment(settings), annotation(settings, "closed")),
      request.watch(WATCH, deployment(settings)),
    ],
  });
}

/**
 * Ends the hook. The host performs the requests of a verdict before it takes effect.
 *
 * @type {(verdict: import("capstan-sdk").Step, settings: Settings, state: State) => import("capstan-sdk").Step}
 */
const end = (verdict, settings, state) =>
  state.isMarked
    ? { ...verdict, requests: [request.patch(UNMARK, deployment(settings), annotation(settings, null))] }
    : verdict;

/** @type {import("capstan-sdk").HookPlugin<State>} */
const gate = {
  initialState: { attempts: 1, isMarked: false },

  place(input) {
    if (typeof input.settings.deployment !== "string") throw invalid("the settings need `deployment`, a name");
    return run(input, { object: false });
  },

  start({ settings }, state) {
    return settings.url ? call(settings, state) : mark(settings, state);
  },

  advance({ settings }, seen, state) {
    switch (seen.kind) {
      case "http":
        if (seen.status >= 200 && seen.status < 300) return mark(settings, state);
        return retryOrFail(state, `${settings.url} answers ${seen.status}`, { limit: 3 });
      case "woke":
        return call(settings, state);
      case "object":
        if (seen.health.status === "degraded") return end(failed(seen.health.message), settings, state);
        if (seen.health.status !== "healthy") return running(seen.health.message || "not healthy yet");
        if (!settings.signal) return end(succeeded("the gate is open"), settings, state);
        return running(`waiting for the signal ${settings.signal}`, {
          requests: [request.waitSignal(SIGNAL, settings.signal)],
        });
      case "signal":
        if (seen.value?.verdict === "rejected") return end(failed(`rejected by ${seen.by}`), settings, state);
        return end(succeeded(`opened by ${seen.by}`), settings, state);
      case "gone":
        return failed(`there is no Deployment/${settings.deployment}`);
      case "failed":
        if (seen.temporary && !state.isMarked) return retryOrFail(state, seen.reason, { limit: 3 });
        return end(failed(seen.reason), settings, state);
      case "refused":
        return end(failed(seen.reason), settings, state);
      default:
        return running(`waiting for Deployment/${settings.deployment}`);
    }
  },

  abort(input, state) {
    return end(aborted(input), input.settings, state);
  },
};

export const hook = defineHook(gate);
