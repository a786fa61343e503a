// Asks a plugin in a test without WebAssembly, by the same JSON as the host, and answers in the words of the cases in `cases/`.
// For Node.js: it isn't part of a component.

import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";

import { native } from "./host-node.js";
import { decodeUtf8, encodeUtf8 } from "./text.js";

// As `capstan plugin test` begins.
const START_MS = Date.UTC(2026, 0, 1);
const ARGO_CD_CASES = "health_test.yaml";

/** Sets what `now()` returns, as a Date or in milliseconds since 1970. */
export function setNow(moment) {
  native.nowMs = moment instanceof Date ? moment.getTime() : moment;
}

/** Returns the lines that the plugin has logged, `[{ level, message }]`, and forgets them. */
export const takeLog = () => native.log.splice(0);

/** Asks how an object is. `input` is an object of Kubernetes, or a HealthInput with `object` and `related`. */
export function assess(health, input, claim) {
  const isObject = input?.kind !== undefined && input?.apiVersion !== undefined;
  const filled = complete("assess", isObject ? { object: input } : input);
  return answer(() => assessmentWords(health.assess(claim ?? kindOf(filled.object), JSON.stringify(filled))));
}

/** Asks where a manifest goes. `input` is a PlaceInput. */
export const place = (hook, input = {}, claim = "test") =>
  answer(() => placementWords(hook.place(claim, JSON.stringify(complete("place", input)))));

/** Asks what becomes of a hook's object. `input` is a PolicyInput. */
export const decide = (policy, input = {}, claim = "test") =>
  answer(() => disposalWords(policy.decide(claim, JSON.stringify(complete("decide", input)))));

/** One run of a hook in virtual time, step by step. A step that the host would never make is an error. */
export class HookRun {
  #hook;
  #input;
  #claim;
  #state = new Uint8Array();
  #requests = new Map();
  #wakeAt;
  #isOver = false;

  /** `input` is a HookInput without an observation. The run starts at `now`, in milliseconds since 1970. */
  constructor(hook, input = {}, { claim = "test", now = START_MS } = {}) {
    this.#hook = hook;
    this.#input = complete("hook", input);
    this.#claim = claim;
    setNow(now);
  }

  /** Starts the run. */
  start() {
    return this.#ask("start", this.#input);
  }

  /** Passes an observation: its kind (`"woke"`), or `{ kind: "http", status: 200, text: ".." }`, after so many milliseconds. */
  see(observation, { afterMs = 0 } = {}) {
    const seen = typeof observation === "string" ? { kind: observation } : { ...observation };
    this.#advanceTime(afterMs, seen.kind === "woke");
    const answered = this.#answered(seen);
    if (answered) {
      seen.answers = answered.id;
      if (seen.kind === "created") seen.object ??= this.#input.object;
      if (seen.kind === "signal") seen.name ??= answered.what;
    }
    if (typeof seen.health === "string") seen.health = { status: seen.health, message: "", rule: "", final: false };
    if (seen.kind === "http") {
      seen.body ??= Buffer.from(seen.text ?? "").toString("base64");
      delete seen.text;
      seen.headers ??= {};
    }
    const given = this.#ask("advance", { ...this.#input, observation: seen });
    if (answered && given.retry === undefined && endsWith(seen.kind, answered.name)) {
      if (!(given.asks ?? []).some((ask) => ask.id === answered.id)) this.#requests.delete(answered.id);
    }
    this.#check(given);
    return given;
  }

  /** Stops the run: `terminated`, `deadline` or `failed`. */
  abort(reason, { afterMs = 0 } = {}) {
    this.#advanceTime(afterMs, false);
    const given = this.#ask("abort", { ...this.#input, reason });
    this.#check(given);
    return given;
  }

  #ask(name, input) {
    if (this.#isOver) throw new Error("the hook has its verdict: nothing happens to it any more");
    const text = JSON.stringify(input);
    const given = answer(() => stepWords(this.#hook[name](this.#claim, text, this.#state), (state) => (this.#state = state)));
    if (given.retry !== undefined) return given;
    this.#isOver = given.progress !== "running";
    this.#wakeAt = given["wake-after-ms"] == null ? undefined : native.nowMs + given["wake-after-ms"];
    for (const { id, ...what } of given.asks ?? []) {
      const [name] = Object.keys(what);
      this.#requests.set(id, { id, name, what: what[name] });
    }
    if (name === "start") this.#check(given);
    return given;
  }

  #check(given) {
    if (given.progress === "running" && this.#requests.size === 0 && this.#wakeAt === undefined) {
      throw new Error(
        "it is running, and nothing could ever happen to it again: no request is unanswered, and it isn't woken",
      );
    }
  }

  #advanceTime(afterMs, isWoken) {
    const then = native.nowMs + afterMs;
    if (isWoken && this.#wakeAt === undefined) throw new Error("it is not woken: its last answer has no `wakeAfterMs`");
    if (isWoken && afterMs === 0) setNow(this.#wakeAt);
    else if (isWoken && then < this.#wakeAt) throw new Error(`it is not woken yet, but ${this.#wakeAt - then} ms later`);
    else if (!isWoken && this.#wakeAt < then) {
      throw new Error(`its wake-up comes first, after ${this.#wakeAt - native.nowMs} ms`);
    } else setNow(then);
  }

  #answered({ kind, answers }) {
    const all = [...this.#requests.values()];
    const underWay = all.map(({ id, name }) => `${id} (${name})`).join(", ") || "nothing";
    if (answers !== undefined) {
      const found = this.#requests.get(answers);
      if (!found) throw new Error(`\`answers\` names no pending request; under way: ${underWay}`);
      return found;
    }
    const fitting = all.filter(({ name }) => isAnsweredBy(name, kind));
    if (fitting.length > 1) throw new Error(`write \`answers\`, the id of the request; under way: ${underWay}`);
    if (fitting.length === 0 && kind !== "woke") {
      throw new Error(`no request is answered by \`${kind}\`; under way: ${underWay}`);
    }
    return fitting[0];
  }
}

/**
 * Reads the cases of a folder: those that `capstan plugin test` runs. `parse` reads YAML, as `parse` of the package `yaml` does;
 * without it, only files that are JSON are read.
 *
 * Returns `[{ name, file, run }]`; `run({ health, hook, deletePolicy })` throws where an answer isn't the expected one. Argo CD's
 * `health_test.yaml` is left to `capstan plugin test`.
 */
export function readCases(folder, parse = JSON.parse) {
  const path = folder instanceof URL ? decodeURIComponent(folder.pathname) : folder;
  const names = readdirSync(path).filter((name) => [".yaml", ".yml", ".json"].includes(extname(name)));
  const files = names.filter((name) => basename(name) !== ARGO_CD_CASES).sort();
  return files.flatMap((name) => {
    const file = join(path, name);
    const load = (other) => parse(readFileSync(join(dirname(file), other), "utf8"));
    const cases = Object.entries(parse(readFileSync(file, "utf8")));
    return cases.map(([title, written]) => ({
      name: title,
      file,
      run: (plugin) => runCase(plugin, written, load),
    }));
  });
}

function runCase({ health, hook, deletePolicy }, written, load) {
  const { claim, now } = written;
  const atMs = now === undefined ? undefined : new Date(now).getTime();
  const read = (input) => loadObject(input ?? {}, load);
  if ("assess" in written) {
    setNow(atMs ?? START_MS);
    const input = typeof written.assess === "string" ? { object: written.assess } : written.assess;
    return expectAnswer(written.expect, assess(needed(health, "health"), read(input), claim));
  }
  if ("place" in written) {
    setNow(atMs ?? 0);
    return expectAnswer(written.expect, place(needed(hook, "hook"), read(written.place), claim));
  }
  if ("decide" in written) {
    setNow(atMs ?? START_MS);
    const input = { ...read(written.decide) };
    if (typeof input.finishedAt !== "number" && input.finishedAt) input.finishedAt = new Date(input.finishedAt).getTime();
    return expectAnswer(written.expect, decide(needed(deletePolicy, "deletePolicy"), input, claim));
  }
  const run = new HookRun(needed(hook, "hook"), read(written.hook), { claim, now: atMs });
  for (const [n, step] of written.steps.entries()) {
    const afterMs = durationMs(step.after ?? "0s");
    const told = step.abort ?? step.see;
    const given =
      n === 0
        ? run.start()
        : step.abort !== undefined
          ? run.abort(told, { afterMs })
          : run.see(typeof told === "string" ? told : loadObject(told, load), { afterMs });
    if (step.expect !== undefined) expectAnswer(step.expect, given, ` in step ${n + 1}`);
    else if (n + 1 === written.steps.length) throw new Error("the last step expects nothing");
  }
  return undefined;
}

function needed(plugin, name) {
  if (!plugin) throw new Error(`the case asks \`${name}\`, which isn't passed to \`run\``);
  return plugin;
}

const loadObject = (input, load) =>
  typeof input.object === "string" ? { ...input, object: load(input.object) } : input;

/** Reads `1h 30m`, `2s`, `500ms`. */
function durationMs(text) {
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  const parts = [...String(text).matchAll(/([\d.]+)\s*(ms|s|m|h|d)/g)];
  if (parts.length === 0) throw new Error(`\`${text}\` is not a duration like \`2s\``);
  return parts.reduce((sum, [, number, name]) => sum + Number(number) * unit[name], 0);
}

/** Throws if an answer isn't the expected one. Keys of a mapping that aren't expected may have any value. */
function expectAnswer(expected, given, where = "") {
  if (expected === undefined) throw new Error("the case expects nothing: write `expect`");
  const found = [];
  compare("", expected, given, found);
  if (found.length === 0) return;
  const lines = found.map(({ path, expected, actual }) => `  ${path}\n    - ${expected}\n    + ${actual}`);
  const error = new Error(`the answer${where} is another than expected:\n${lines.join("\n")}`);
  throw Object.assign(error, { expected, actual: given });
}

function compare(path, expected, actual, found) {
  const isMapping = (value) => typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
  if (isMapping(expected) && isMapping(actual)) {
    for (const [key, value] of Object.entries(expected)) compare(path ? `${path}.${key}` : key, value, actual[key], found);
    return;
  }
  if (Array.isArray(expected) && Array.isArray(actual) && expected.length === actual.length) {
    expected.forEach((value, n) => compare(`${path}[${n}]`, value, actual[n], found));
    return;
  }
  const isSame = expected === actual || (expected === null && actual === undefined) || isSameMoment(expected, actual);
  if (!isSame) found.push({ path: path || "the answer", expected: JSON.stringify(expected), actual: JSON.stringify(actual) });
}

const TIMESTAMP = /^\d{4}-\d\d-\d\dT/;
const isSameMoment = (expected, actual) =>
  (expected instanceof Date || TIMESTAMP.test(expected)) &&
  TIMESTAMP.test(actual) &&
  new Date(expected).getTime() === new Date(actual).getTime();

/** Adds what the host passes with every call, as `capstan plugin test` does. */
function complete(kind, input) {
  const document = { apiVersion: "capstan.dev/v1", kind: "Hook", metadata: { name: "test" } };
  const usual = {
    assess: {},
    place: { object: document, words: ["PreSync"], phases: ["PreSync"], onVanished: "fail" },
    hook: {
      object: document,
      hook: { run: "run1", phase: "PreSync", wave: 0, attempt: 1, onVanished: "fail" },
      operation: { id: "1-test", kind: "sync" },
    },
    decide: { policies: [], hook: { run: "run1", phase: "PreSync", wave: 0 }, rank: 0, runsToCompletion: true, ttl: {} },
  };
  const keys = { contract: "0.1.0", application: { name: "test", namespace: "test" }, settings: {}, ...usual[kind] };
  const filled = { ...input };
  for (const [key, value] of Object.entries(keys)) {
    const own = filled[key];
    const isMerged = typeof own === "object" && own !== null && !Array.isArray(own) && !Array.isArray(value);
    filled[key] = isMerged ? { ...value, ...own } : (own ?? value);
  }
  return filled;
}

function kindOf(object) {
  const { apiVersion = "", kind = "" } = object ?? {};
  return apiVersion.includes("/") ? `${apiVersion.slice(0, apiVersion.lastIndexOf("/"))}/${kind}` : kind;
}

function answer(ask) {
  try {
    return ask();
  } catch (thrown) {
    const { tag, val } = thrown ?? {};
    if (tag === "retry") return { retry: val[0], "after-ms": val[1] };
    if (tag === "invalid" || tag === "failed") return { [tag]: val };
    throw thrown;
  }
}

const assessmentWords = ({ status, message, rule, final, recheckAfterMs, need }) => ({
  status: status.tag,
  message,
  rule,
  final,
  "recheck-after-ms": recheckAfterMs ?? null,
  need,
});

const PHASES = {
  "pre-sync": "PreSync",
  sync: "Sync",
  "post-sync": "PostSync",
  "sync-fail": "SyncFail",
  "pre-delete": "PreDelete",
  "post-delete": "PostDelete",
};

function placementWords({ tag, val }) {
  if (tag === "skip") return { skip: val };
  const { phases, object, also } = val;
  return { run: { phases: phases.map((phase) => PHASES[phase.tag] ?? phase.val), object: object.tag, also: also.map(parsed) } };
}

function disposalWords({ tag, val }) {
  if (tag === "keep") return tag;
  return { [tag]: tag === "delete" ? val : new Date(val).toISOString() };
}

function stepWords({ progress, message, asks, wakeAfterMs, state }, store) {
  store(state);
  return {
    progress: progress.tag,
    message,
    asks: asks.map(({ id, what }) => ({ id, [what.tag]: requestWords(what) })),
    "wake-after-ms": wakeAfterMs ?? null,
    state: parsed(decodeUtf8(state)),
  };
}

function requestWords({ tag, val }) {
  switch (tag) {
    case "create-own":
    case "watch-own":
    case "follow-logs-own":
      return {};
    case "apply":
      return parsed(val);
    case "get":
    case "watch":
    case "list":
      return { ...val, namespace: val.namespace ?? null };
    case "patch":
      return { object: { ...val.object, namespace: val.object.namespace ?? null }, merge: parsed(val.merge) };
    case "delete":
      return { object: { ...val.object, namespace: val.object.namespace ?? null }, propagation: val.propagation };
    case "http":
      return {
        method: val.method,
        url: val.url,
        headers: Object.fromEntries(val.headers.map(([name, value]) => [name, headerWords(value)])),
        body: val.body === undefined ? null : bodyWords(val.body),
        "timeout-ms": val.timeoutMs,
      };
    default:
      return val;
  }
}

/** A body that isn't UTF-8 is in base64. */
function bodyWords(body) {
  const text = decodeUtf8(body);
  const bytes = encodeUtf8(text);
  const isText = bytes.length === body.length && bytes.every((byte, n) => byte === body[n]);
  return isText ? text : Buffer.from(body).toString("base64");
}

function headerWords({ tag, val }) {
  if (tag === "text") return val;
  if (tag === "secret") return { secret: val[0], key: val[1] };
  const { prefix, name, key } = JSON.parse(val[1]);
  return { prefix, secret: name, key };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function isAnsweredBy(name, kind) {
  if (kind === "refused" || kind === "failed") return true;
  const kinds = {
    "create-own": ["created"],
    "watch-own": ["object", "gone"],
    watch: ["object", "gone"],
    get: ["object", "gone"],
    "follow-logs-own": ["log"],
    "delete-own": ["deleted"],
    delete: ["deleted"],
    apply: ["done"],
    patch: ["done"],
    "emit-event": ["done"],
    list: ["objects"],
    http: ["http"],
    "wait-signal": ["signal"],
  };
  return (kinds[name] ?? []).includes(kind);
}

/** Watches and logs continue after an observation. */
const endsWith = (kind, name) =>
  !["watch-own", "watch", "follow-logs-own"].includes(name) || kind === "refused" || kind === "failed";
