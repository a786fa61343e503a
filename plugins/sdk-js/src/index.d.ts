/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** An object of Kubernetes, as far as the claim's `fields` show it. Kubernetes omits empty values: expect every field to be absent. */
export interface KubernetesObject {
  apiVersion?: string;
  kind?: string;
  metadata?: {
    name?: string;
    namespace?: string;
    uid?: string;
    generation?: number;
    resourceVersion?: string;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  [field: string]: any;
}

/** An entry of `status.conditions`. */
export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown" | (string & {});
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  observedGeneration?: number;
}

/** What every call passes. */
export interface CommonInput {
  /** The claim of `plugin.toml` that led here: `example.com/Queue`, `*\/*`, a hook type, a policy. */
  claim: string;
  /** The version of the contract. */
  contract: string;
  /** The user's settings. */
  settings: Record<string, any>;
  /** The application that the object or hook belongs to. */
  application: { name: string; namespace: string };
  /** `argocd` if the user wants the answers that Argo CD would give. */
  compat?: "argocd" | (string & {});
}

// ---- Health

export interface HealthInput extends CommonInput {
  object: KubernetesObject;
  /** In the second call, after a `need`: what was found. See `ownedPods`, `events` and `explanation`. */
  related?: Record<string, Related>;
}

/** Related objects, or why there are none. */
export interface Related {
  objects: KubernetesObject[];
  /** Their number, including those that the host leaves out. */
  total: number;
  /** Of `owned-pods`: Secrets and ConfigMaps that pods mount and that don't exist. */
  missing?: { pod: string; kind: string; name: string }[];
  /** Why the host didn't fetch them. */
  refused?: string;
}

export type HealthStatus = "healthy" | "progressing" | "degraded" | "suspended" | "missing" | "unknown";

export interface AssessmentOptions {
  /** Waiting can't help: no change of this status is to be expected. */
  final?: boolean;
  /** Ask again after so many milliseconds. Needed by every answer that depends on `now()`. */
  recheckAfterMs?: number;
  /** Related objects that the plugin must see to say more; the claim's `related` must list them. */
  need?: ("owned-pods" | "events" | "storage-class" | (string & {}))[];
  /** JSON for tools. */
  details?: Json;
}

export interface Assessment extends AssessmentOptions {
  status: HealthStatus;
  /** The name of the rule that decided: `Queue/backlog`. `capstan explain` shows it. */
  rule: string;
  /** One sentence without the object's name. */
  message?: string;
}

export interface HealthPlugin {
  /** Assesses one object. */
  assess(input: HealthInput): Assessment;
}

export function healthy(rule: string, message?: string, options?: AssessmentOptions): Assessment;
export function progressing(rule: string, message: string, options?: AssessmentOptions): Assessment;
/** The object failed, or will not become healthy as it is. `{ final: true }` if waiting can't help. */
export function degraded(rule: string, message: string, options?: AssessmentOptions): Assessment;
export function suspended(rule: string, message: string, options?: AssessmentOptions): Assessment;
export function missing(rule: string, message: string, options?: AssessmentOptions): Assessment;
/** The status can't be determined: neither healthy nor failed. */
export function unknown(rule: string, message: string, options?: AssessmentOptions): Assessment;

// ---- Hook

export type Phase = "PreSync" | "Sync" | "PostSync" | "SyncFail" | "PreDelete" | "PostDelete" | (string & {});
export type OnVanished = "fail" | "rerun" | "succeed" | (string & {});

export interface PlaceInput extends CommonInput {
  /** The manifest. */
  object: KubernetesObject;
  /** The values of the hook annotation, in order. */
  words: string[];
  /** Those values that are phases. */
  phases: Phase[];
  onVanished: OnVanished;
}

export interface HookInput extends CommonInput {
  /** The run; `run` stays the same after a crash. */
  hook: { run: string; phase: Phase; wave: number; attempt: number; onVanished: OnVanished };
  operation: { id: string; kind: "sync" | "delete" | (string & {}) };
  /** The planned manifest. */
  object: KubernetesObject;
  /** In SyncFail: what went wrong. */
  cause?: { class: string; message: string; objects: string[] };
  /** In `abort`: why the run is stopped. */
  reason?: "terminated" | "deadline" | "failed" | (string & {});
}

interface Answers {
  /** The id of the request that this answers. */
  answers: number;
}

/** What happened. Later versions of the host may add kinds. */
export type Observation =
  | (Answers & { kind: "created"; object: KubernetesObject })
  | (Answers & {
      kind: "object";
      object: KubernetesObject;
      health: { status: HealthStatus; message: string; rule: string; final: boolean };
    })
  | (Answers & { kind: "gone" })
  | (Answers & { kind: "deleted" })
  | (Answers & { kind: "done" })
  | (Answers & { kind: "objects"; objects: KubernetesObject[] })
  | (Answers & { kind: "log"; lines: { pod: string; container: string; text: string }[] })
  | (Answers & {
      kind: "http";
      status: number;
      /** Names are in lower case. */
      headers: Record<string, string>;
      /** The first 64 KiB. */
      body: Uint8Array;
      /** Whether the body had more. */
      cut?: boolean;
      /** The body as text. */
      text(): string;
      /** The body as JSON. Throws if it isn't. */
      json(): any;
    })
  | (Answers & { kind: "signal"; name: string; by: string; value: any })
  | { kind: "woke"; answers?: undefined }
  | (Answers & { kind: "refused"; reason: string })
  | (Answers & { kind: "failed"; reason: string; temporary?: boolean });

export interface StepOptions {
  /** What the host does, in this order; see `request`. At most 64. */
  requests?: Request[];
  /** Call again after so many milliseconds (100 or more), unless something else happens first. */
  wakeAfterMs?: number;
  /** JSON for tools. */
  details?: Json;
}

export interface Step extends StepOptions {
  progress: "running" | "succeeded" | "failed";
  /** One sentence without the hook's name. */
  message?: string;
}

export interface RunOptions {
  /** The phases to run in; those that the user wrote by default. */
  phases?: Phase[];
  /** Whether the manifest is an object of the cluster. `false` for `kind: Hook`. */
  object?: boolean;
  /** Other objects that the hook may touch, for the plan's JSON. */
  also?: Json[];
  details?: Json;
}

export type Placement = { run: RunOptions & { phases: Phase[] } } | { skip: string };

/** A hook type. `state` is JSON that the host stores after each call, at most 64 KiB; change it in place. */
export interface HookPlugin<State = Record<string, any>> {
  /** The state of a new run; an empty object by default. */
  initialState?: State | (() => State);
  /** Says where a manifest runs. By default as an object of the cluster, in the phases that the user wrote. */
  place?(input: PlaceInput): Placement;
  /** Starts a run. May be called again for the same run after a crash. */
  start(input: HookInput, state: State): Step;
  /** Continues after an observation. After a crash an observation may come again with an older state. */
  advance(input: HookInput, observation: Observation, state: State): Step;
  /** Stops a run. `aborted(input)` by default. */
  abort?(input: HookInput, state: State): Step;
}

export function running(message: string, options?: StepOptions): Step;
export function succeeded(message: string, options?: StepOptions): Step;
export function failed(reason: string, options?: StepOptions): Step;
/** The hook has failed because it was told to stop. */
export function aborted(input: HookInput, options?: StepOptions): Step;
export function run(input: PlaceInput, options?: RunOptions): Placement;
export function skip(reason: string): Placement;

export interface RetryOptions {
  /** The number of attempts, 5 by default. */
  limit?: number;
  /** The wait before the second attempt, 5000 by default. */
  waitMs?: number;
  /** By how much each wait is longer than the one before, 1 by default. */
  factor?: number;
  /** The longest wait, 60000 by default. */
  maxWaitMs?: number;
}

/**
 * Counts attempts in `state.attempts`. Returns an answer that is woken for the next attempt, or a failure after the last one.
 * Use a new request id for each attempt, such as `state.attempts`.
 */
export function retryOrFail(state: { attempts?: number }, reason: string, options?: RetryOptions): Step;

/** Creates the hook's own object and watches it. Uses the request ids 1 and 2. */
export function beginOwnObject(message: string): Step;
/** Ends the hook by the health of its own object. Uses `state.own`. */
export function followOwnObject(input: HookInput, observation: Observation, state: Record<string, any>): Step;
/** Answers every observation that isn't the object itself, for a hook that judges its object by its own rules. */
export function settleOwnObject(input: HookInput, observation: Observation, state: Record<string, any>): Step;

// ---- Request

/** Which object. Without a namespace: that of the application. */
export interface ObjectRef {
  apiVersion: string;
  kind: string;
  namespace?: string;
  name: string;
}

export interface Selector {
  apiVersion: string;
  kind: string;
  namespace?: string;
  /** A label selector as kubectl writes it; empty for all. */
  labels?: string;
}

export interface HttpRequest {
  /** `GET` by default. */
  method?: string;
  url: string;
  /** Texts, or what the host reads from a Secret (`request.secret`). */
  headers?: Record<string, string | SecretValue>;
  /** Text, bytes, or a value that is sent as JSON. */
  body?: string | Uint8Array | Json;
  /** 10000 by default, at most 60000. */
  timeoutMs?: number;
}

export interface SecretValue {
  readonly secret: string;
  readonly key: string;
  readonly prefix: string;
}

export type Propagation = "foreground" | "background" | "orphan";

/** What the host is asked to do. Made by the functions of `request`. */
export interface Request {
  readonly id: number;
  readonly kind: string;
  readonly value?: unknown;
}

/** What a hook may ask the host to do. `id` is the plugin's own number; the observation that answers has it in `answers`. */
export declare namespace request {
  /** Creates the hook's own object. Creating it twice adopts the first one. */
  function createOwn(id: number): Request;
  function watchOwn(id: number): Request;
  function followLogsOwn(id: number): Request;
  function deleteOwn(id: number, propagation?: Propagation): Request;
  /** Server-side apply. */
  function apply(id: number, object: KubernetesObject): Request;
  function get(id: number, object: ObjectRef): Request;
  function list(id: number, selector: Selector): Request;
  function watch(id: number, object: ObjectRef): Request;
  /** A JSON merge patch (RFC 7396): `null` removes a field. */
  function patch(id: number, object: ObjectRef, merge: Json): Request;
  /** Deletes another object. */
  function remove(id: number, object: ObjectRef, propagation?: Propagation): Request;
  /** Calls a URL. Use a new id for a new call: it is part of the header `Idempotency-Key`. */
  function http(id: number, call: HttpRequest): Request;
  /** Waits for a signal. `approval` is what `capstan approve` sends. */
  function waitSignal(id: number, name: string): Request;
  /** Writes a Kubernetes Event about the hook. */
  function emitEvent(id: number, text: string): Request;
  /** A header's value that the host reads from a Secret of the application's namespace. The plugin never sees it. */
  function secret(name: string, key: string, options?: { prefix?: string }): SecretValue;
}

// ---- Policy

export interface PolicyInput extends CommonInput {
  occasion:
    | "before-creation"
    | "hook-finished"
    | "operation-finished"
    | "asked-again"
    | "application-deleted"
    | (string & {});
  /** The policies that the user wrote. */
  policies: string[];
  /** The hook's object. */
  object: KubernetesObject;
  hook: { run: string; phase: Phase; wave: number };
  outcome?: "succeeded" | "failed" | (string & {});
  operationOutcome?: "succeeded" | "failed" | (string & {});
  /** When the hook's object finished, in milliseconds since 1970. */
  finishedAt?: number;
  /** 0 for the newest object of this hook. */
  rank: number;
  /** Whether objects of this kind end by themselves. */
  runsToCompletion: boolean;
  /** In seconds. */
  ttl: { afterFinished?: number; failed?: number };
}

/** What becomes of a hook's object. Made by `keep`, `deleteNow`, `deleteAt` and `askAgainAt`. */
export interface Disposal {
  readonly kind: "keep" | "delete" | "delete-at" | "ask-again-at";
  readonly value?: unknown;
}

export interface PolicyPlugin {
  /** Decides on one object of one hook. */
  decide(input: PolicyInput): Disposal;
}

export function keep(): Disposal;
export function deleteNow(propagation?: Propagation): Disposal;
/** A Date, or milliseconds since 1970. */
export function deleteAt(moment: Date | number): Disposal;
/** A Date, or milliseconds since 1970. */
export function askAgainAt(moment: Date | number): Disposal;

// ---- What a plugin exports

/** Exported as `health`. */
export function defineHealth(plugin: HealthPlugin): import("./bindings.js").Health;
/** Exported as `hook`. */
export function defineHook<State = Record<string, any>>(plugin: HookPlugin<State>): import("./bindings.js").Hook;
/** Exported as `deletePolicy`. */
export function definePolicy(plugin: PolicyPlugin): import("./bindings.js").DeletePolicy;

// ---- Failures: thrown, and answers nevertheless. Every other exception is an error in the plugin.

export class Failure extends Error {
  readonly kind: "invalid" | "retry" | "failed";
  readonly afterMs?: number;
}
/** The input can never work; the message tells the user what to change. */
export function invalid(message: string): Failure;
/** Not now: the host asks again after at least `afterMs` (100 or more), at most five times in a row. */
export function retryLater(message: string, afterMs: number): Failure;
/** Anything else: health becomes Unknown, a hook fails, a delete policy keeps. */
export function failure(message: string): Failure;

// ---- Helpers

export function condition(object: KubernetesObject, type: string): Condition | undefined;
export function isConditionTrue(object: KubernetesObject, type: string): boolean;
export function isConditionFalse(object: KubernetesObject, type: string): boolean;
/** Says whether the status is about the current spec. `true` for an object without `observedGeneration`. */
export function isObserved(object: KubernetesObject): boolean;
/** Returns the value at a JSON pointer (RFC 6901), or `undefined`. */
export function at(object: unknown, pointer: string): any;
/** Says whether this call has the related objects that the first answer needed. */
export function isSecondCall(input: HealthInput): boolean;
export function ownedPods(input: HealthInput): Required<Omit<Related, "refused">> & Pick<Related, "refused">;
export function events(input: HealthInput): Required<Omit<Related, "refused">> & Pick<Related, "refused">;
/** Summarises the pods' problems in one sentence, else the newest warning. */
export function explanation(input: HealthInput): string | undefined;
/** `2 of 3 pods: back-off pulling image acme/api:1.2 (not found)`. */
export function podTroubles(pods: Related): string | undefined;

/** The time of this call in milliseconds since 1970, UTC. It doesn't change during a call. */
export function now(): number;
/** The plugin's log, which the host shows. At most 100 lines and 16 KiB a call. */
export const log: Record<"trace" | "debug" | "info" | "warn" | "error", (message: string) => void>;
