import { Failure } from "./failure.js";
import { aborted, run } from "./hook.js";
import { decodeBase64, decodeUtf8, encodeUtf8 } from "./text.js";

const STATUSES = ["healthy", "progressing", "degraded", "suspended", "missing", "unknown"];
const PROGRESSES = ["running", "succeeded", "failed"];
const PROPAGATIONS = ["foreground", "background", "orphan"];
// The words of the annotation and their names in the contract.
const PHASES = {
  PreSync: "pre-sync",
  Sync: "sync",
  PostSync: "post-sync",
  SyncFail: "sync-fail",
  PreDelete: "pre-delete",
  PostDelete: "post-delete",
};
const MAX_TIMEOUT_MS = 60_000;
const DEFAULT_TIMEOUT_MS = 10_000;

/** Makes a health check: `export const health = defineHealth({ assess(input) { .. } })`. */
export const defineHealth = (plugin) => {
  needFunctions("defineHealth", plugin, ["assess"]);
  return { assess: (claim, text) => answering(() => rawAssessment(plugin.assess(readInput(claim, text)))) };
};

/** Makes a hook type: `export const hook = defineHook({ start, advance })`. */
export const defineHook = (plugin) => {
  needFunctions("defineHook", plugin, ["start", "advance"]);
  const step = (claim, text, state, call) =>
    answering(() => {
      const input = readInput(claim, text);
      const memory = readState(plugin, state);
      return rawStep(call(input, memory), memory);
    });
  return {
    place: (claim, text) =>
      answering(() => {
        const input = readInput(claim, text);
        return rawPlacement(plugin.place ? plugin.place(input) : run(input));
      }),
    start: (claim, text) => step(claim, text, undefined, (input, memory) => plugin.start(input, memory)),
    advance: (claim, text, state) =>
      step(claim, text, state, (input, memory) => plugin.advance(input, readObservation(input.observation), memory)),
    abort: (claim, text, state) =>
      step(claim, text, state, (input, memory) => (plugin.abort ? plugin.abort(input, memory) : aborted(input))),
  };
};

/** Makes a delete policy: `export const deletePolicy = definePolicy({ decide(input) { .. } })`. */
export const definePolicy = (plugin) => {
  needFunctions("definePolicy", plugin, ["decide"]);
  return { decide: (claim, text) => answering(() => rawDisposal(plugin.decide(readInput(claim, text)))) };
};

/** Fails while the component is built, and not when the host calls. */
function needFunctions(maker, plugin, names) {
  for (const name of names) {
    if (typeof plugin?.[name] !== "function") throw new TypeError(`\`${maker}\` needs a function \`${name}\``);
  }
}

/** A failure is an answer of the contract; the bindings take it as the thrown value. */
function answering(answer) {
  try {
    return answer();
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    const { kind, message, afterMs } = thrown;
    throw kind === "retry" ? { tag: "retry", val: [message, wholeMs(afterMs, "afterMs")] } : { tag: kind, val: message };
  }
}

function readInput(claim, text) {
  const input = JSON.parse(text);
  input.claim = claim;
  input.settings ??= {};
  return input;
}

function readState(plugin, bytes) {
  if (bytes !== undefined && bytes.length > 0) return JSON.parse(decodeUtf8(bytes));
  const { initialState = {} } = plugin;
  return typeof initialState === "function" ? initialState() : JSON.parse(JSON.stringify(initialState));
}

function readObservation(observation) {
  if (observation?.kind !== "http") return observation;
  const bytes = decodeBase64(observation.body ?? "");
  return {
    ...observation,
    body: bytes,
    text: () => decodeUtf8(bytes),
    json: () => JSON.parse(decodeUtf8(bytes)),
  };
}

function rawAssessment(answer) {
  const { status, rule, message = "", final = false, recheckAfterMs, need = [], details } = record(answer, "assess");
  return {
    status: { tag: oneOf(status, STATUSES, "status") },
    message: text(message, "message"),
    rule: text(rule, "rule"),
    final,
    recheckAfterMs: optional(recheckAfterMs, (value) => wholeMs(value, "recheckAfterMs")),
    need,
    details: optional(details, json),
  };
}

function rawPlacement(answer) {
  const { run: placed, skip } = record(answer, "place");
  if (skip !== undefined) return { tag: "skip", val: text(skip, "skip") };
  const { phases, object = true, also = [], details } = record(placed, "place");
  return {
    tag: "run",
    val: {
      phases: phases.map((name) => (PHASES[name] ? { tag: PHASES[name] } : { tag: "other", val: name })),
      object: { tag: object ? "planned" : "none" },
      also: also.map(json),
      details: optional(details, json),
    },
  };
}

function rawStep(answer, state) {
  const { progress, message = "", requests = [], wakeAfterMs, details } = record(answer, "a hook");
  return {
    progress: { tag: oneOf(progress, PROGRESSES, "progress") },
    message: text(message, "message"),
    asks: requests.map(({ id, kind, value }) => ({ id, what: rawRequest(kind, value) })),
    state: encodeUtf8(JSON.stringify(state ?? null)),
    wakeAfterMs: optional(wakeAfterMs, (value) => wholeMs(value, "wakeAfterMs")),
    details: optional(details, json),
  };
}

function rawRequest(kind, value) {
  switch (kind) {
    case "create-own":
    case "watch-own":
    case "follow-logs-own":
      return { tag: kind };
    case "delete-own":
      return { tag: kind, val: oneOf(value, PROPAGATIONS, "propagation") };
    case "apply":
      return { tag: kind, val: json(value) };
    case "get":
    case "watch":
      return { tag: kind, val: objectRef(value) };
    case "list": {
      const { apiVersion, kind: of, namespace, labels = "" } = value;
      return { tag: kind, val: { apiVersion, kind: of, namespace: namespace ?? undefined, labels } };
    }
    case "patch":
      return { tag: kind, val: { object: objectRef(value.object), merge: json(value.merge) } };
    case "delete":
      return {
        tag: kind,
        val: { object: objectRef(value.object), propagation: oneOf(value.propagation, PROPAGATIONS, "propagation") },
      };
    case "http":
      return { tag: kind, val: httpRequest(value) };
    case "wait-signal":
    case "emit-event":
      return { tag: kind, val: text(value, kind) };
    default:
      throw new TypeError(`\`${kind}\` is not a request; those of the contract are the functions of \`request\``);
  }
}

function objectRef({ apiVersion, kind, namespace, name }) {
  return {
    apiVersion: text(apiVersion, "apiVersion"),
    kind: text(kind, "kind"),
    namespace: namespace ?? undefined,
    name: text(name, "name"),
  };
}

function httpRequest({ method = "GET", url, headers = {}, body, timeoutMs = DEFAULT_TIMEOUT_MS }) {
  return {
    method,
    url: text(url, "url"),
    headers: Object.entries(headers).map(([name, value]) => [name, headerValue(value)]),
    body: optional(body, (value) => (value instanceof Uint8Array ? value : encodeUtf8(typeof value === "string" ? value : json(value)))),
    timeoutMs: Math.min(wholeMs(timeoutMs, "timeoutMs"), MAX_TIMEOUT_MS),
  };
}

function headerValue(value) {
  if (typeof value === "string") return { tag: "text", val: value };
  const { secret: name, key, prefix = "" } = value;
  if (prefix === "") return { tag: "secret", val: [name, key] };
  return { tag: "other", val: ["prefixed-secret", json({ prefix, name, key })] };
}

function rawDisposal(answer) {
  const { kind, value } = record(answer, "decide");
  switch (oneOf(kind, ["keep", "delete", "delete-at", "ask-again-at"], "kind")) {
    case "keep":
      return { tag: kind };
    case "delete":
      return { tag: kind, val: oneOf(value, PROPAGATIONS, "propagation") };
    default:
      return { tag: kind, val: wholeMs(value, kind) };
  }
}

// The bindings don't name the field of a wrong value, so that is done here.

function record(value, what) {
  if (typeof value === "object" && value !== null && !(value instanceof Promise)) return value;
  const hint = value instanceof Promise ? "; its functions can't be `async`" : "";
  throw new TypeError(`\`${what}\` returned ${value instanceof Promise ? "a Promise" : String(value)}, which is not an answer${hint}`);
}

function text(value, field) {
  if (typeof value === "string") return value;
  throw new TypeError(`\`${field}\` is ${JSON.stringify(value)} and not a text`);
}

function oneOf(value, words, field) {
  if (words.includes(value)) return value;
  throw new TypeError(`\`${field}\` is ${JSON.stringify(value)} and not one of ${words.join(", ")}`);
}

function wholeMs(value, field) {
  if (Number.isFinite(value) && value >= 0) return Math.round(value);
  throw new TypeError(`\`${field}\` is ${String(value)} and not a number of milliseconds`);
}

const optional = (value, convert) => (value === undefined || value === null ? undefined : convert(value));

const json = (value) => (typeof value === "string" ? value : JSON.stringify(value));
