// The contract as its bindings show it to JavaScript: what a plugin exports without the other modules of this package, and
// `import { log, nowUnixMs } from "capstan:plugin/host@0.1.0"`. `wit/` describes what each function does.

type Variant<Tag extends string, Value = undefined> = Value extends undefined ? { tag: Tag; val?: undefined } : { tag: Tag; val: Value };
type Other<Value = [string, string]> = Variant<"other", Value>;

/** Thrown by every function instead of an answer. `retry` has milliseconds. */
export type Failure = Variant<"invalid", string> | Variant<"retry", [string, number]> | Variant<"failed", string> | Other;

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";
export type Propagation = "foreground" | "background" | "orphan";
export type Phase =
  | Variant<"pre-sync" | "sync" | "post-sync" | "sync-fail" | "pre-delete" | "post-delete">
  | Other<string>;

export interface ObjectRef {
  apiVersion: string;
  kind: string;
  namespace?: string;
  name: string;
}

export interface Assessment {
  status: Variant<"healthy" | "progressing" | "degraded" | "suspended" | "missing" | "unknown"> | Other<string>;
  message: string;
  rule: string;
  final: boolean;
  recheckAfterMs?: number;
  need: string[];
  details?: string;
}

export type Placement = Variant<"run", Placed> | Variant<"skip", string> | Other;

export interface Placed {
  phases: Phase[];
  object: Variant<"planned" | "none"> | Other;
  also: string[];
  details?: string;
}

export interface Step {
  progress: Variant<"running" | "succeeded" | "failed"> | Other;
  message: string;
  asks: Ask[];
  state: Uint8Array;
  wakeAfterMs?: number;
  details?: string;
}

export interface Ask {
  id: number;
  what: Request;
}

export type Request =
  | Variant<"create-own" | "watch-own" | "follow-logs-own">
  | Variant<"delete-own", Propagation>
  | Variant<"apply" | "wait-signal" | "emit-event", string>
  | Variant<"get" | "watch", ObjectRef>
  | Variant<"list", { apiVersion: string; kind: string; namespace?: string; labels: string }>
  | Variant<"patch", { object: ObjectRef; merge: string }>
  | Variant<"delete", { object: ObjectRef; propagation: Propagation }>
  | Variant<"http", HttpRequest>
  | Other;

export interface HttpRequest {
  method: string;
  url: string;
  headers: [string, Variant<"text", string> | Variant<"secret", [string, string]> | Other][];
  body?: Uint8Array;
  timeoutMs: number;
}

export type Disposal =
  | Variant<"keep">
  | Variant<"delete", Propagation>
  | Variant<"delete-at" | "ask-again-at", number>
  | Other;

/** `export const health: Health = { .. }` */
export interface Health {
  assess(claim: string, input: string): Assessment;
}

/** `export const hook: Hook = { .. }` */
export interface Hook {
  place(claim: string, input: string): Placement;
  start(claim: string, input: string): Step;
  advance(claim: string, input: string, state: Uint8Array): Step;
  abort(claim: string, input: string, state: Uint8Array): Step;
}

/** `export const deletePolicy: DeletePolicy = { .. }` */
export interface DeletePolicy {
  decide(claim: string, input: string): Disposal;
}

declare module "capstan:plugin/host@0.1.0" {
  export function log(level: "trace" | "debug" | "info" | "warn" | "error", message: string): void;
  /** In milliseconds since 1970, UTC. */
  export function nowUnixMs(): number | bigint;
}
