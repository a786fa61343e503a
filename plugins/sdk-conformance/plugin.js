// Answers with everything that the SDK offers; cases.yaml says what.

import {
  askAgainAt, at, beginOwnObject, condition, defineHealth, defineHook, definePolicy, degraded, deleteAt, deleteNow, explanation,
  failed, failure, followOwnObject, healthy, invalid, isConditionTrue, isObserved, isSecondCall, keep, log, now, progressing, request,
  retryLater, retryOrFail, run, running, skip, succeeded,
} from "capstan-sdk";

export const health = defineHealth({
  assess(input) {
    const { object } = input;
    log.info(`claim ${input.claim}`);
    if (!isObserved(object)) {
      return progressing("Probe/generation", "its status is about an older spec", { recheckAfterMs: 1500 });
    }
    if (isConditionTrue(object, "Ready")) return healthy("Probe/ready");
    const ready = condition(object, "Ready");
    if (ready) {
      const text = at(object, "/spec/paths/a~1b/~0c/1");
      return degraded("Probe/ready", `${ready.message}: ${text}`, { final: true });
    }
    if (!isSecondCall(input)) return progressing("Probe/new", "no condition yet", { need: ["owned-pods", "events"] });
    return progressing("Probe/new", explanation(input) ?? "no condition yet");
  },
});

const api = { apiVersion: "apps/v1", kind: "Deployment", name: "api" };

const requests = () => [
  request.createOwn(1),
  request.watchOwn(2),
  request.followLogsOwn(3),
  request.deleteOwn(4, "foreground"),
  request.apply(5, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "é" } }),
  request.get(6, { ...api, namespace: "shop" }),
  request.list(7, { apiVersion: "v1", kind: "Pod", labels: "app=api" }),
  request.watch(8, api),
  request.patch(9, api, { spec: { replicas: 2, paused: null } }),
  request.remove(10, { apiVersion: "v1", kind: "ConfigMap", name: "old" }),
  request.http(11, {
    method: "POST",
    url: "https://api.example.com/é",
    headers: {
      accept: "application/json",
      authorization: request.secret("token", "bearer", { prefix: "Bearer " }),
      "x-key": request.secret("token", "key"),
    },
    body: { text: "é😀" },
    timeoutMs: 5000,
  }),
  request.waitSignal(12, "migrated"),
  request.emitEvent(13, "all at once"),
];

const call = (state) =>
  running("calling", { requests: [request.http(state.attempts, { url: "https://api.example.com" })] });

export const hook = defineHook({
  initialState: { seen: [], attempts: 1 },

  place(input) {
    switch (input.settings.do) {
      case "place":
        return run(input, { object: false, also: [{ kind: "Pod" }] });
      case "skip":
        return skip("not today");
      default:
        throw invalid("the settings need `do`");
    }
  },

  start({ settings }, state) {
    switch (settings.do) {
      case "requests":
        return running("13 requests: é😀", { requests: requests(), wakeAfterMs: 60_000 });
      case "retry":
        return call(state);
      case "own":
        return beginOwnObject("creating it");
      case "later":
        throw retryLater("no quota", 2500);
      default:
        throw failure(`unknown: ${settings.do}`);
    }
  },

  advance(input, observation, state) {
    switch (input.settings.do) {
      case "own":
        return followOwnObject(input, observation, state);
      case "retry":
        return retried(observation, state);
      default:
        return told(observation, state);
    }
  },
});

function retried(observation, state) {
  if (observation.kind === "woke") return call(state);
  if (observation.kind === "http" && observation.status === 200) {
    return succeeded(`200 at ${new Date(now()).toISOString().slice(0, 19)}`);
  }
  const reason = observation.kind === "http" ? `status ${observation.status}` : observation.reason;
  return retryOrFail(state, reason, { limit: 3, waitMs: 2000, factor: 2 });
}

function told(seen, state) {
  state.seen.push(seen.kind);
  const say = (text) => running(text === undefined ? `${seen.kind} ${seen.answers}` : `${seen.kind} ${seen.answers}: ${text}`, { wakeAfterMs: 60_000 });
  switch (seen.kind) {
    case "http":
      return say(`${seen.status} ${seen.text()} ${seen.headers["retry-after"]}`);
    case "signal":
      return say(`${seen.name} ${seen.by} ${seen.value.ok}`);
    case "object":
      return say(`${seen.object.metadata.name} ${seen.health.status}`);
    case "objects":
      return say(seen.objects.map((object) => object.metadata.name).join(" "));
    case "log":
      return say(seen.lines.map((line) => line.text).join(" "));
    case "refused":
      return say(seen.reason);
    case "failed":
      return say(`${seen.reason} ${seen.temporary}`);
    case "woke":
      return succeeded(`seen ${state.seen.join(" ")}`);
    case "gone":
    case "done":
      return say();
    default:
      return failed(`unknown: ${seen.kind}`);
  }
}

export const deletePolicy = definePolicy({
  decide({ settings, finishedAt }) {
    switch (settings.do) {
      case "delete":
        return deleteNow("orphan");
      case "delete-at":
        return deleteAt(new Date(finishedAt + 3_600_000));
      case "ask-again-at":
        return askAgainAt(now() + 30_000);
      default:
        return keep();
    }
  },
});
