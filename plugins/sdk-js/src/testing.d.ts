import type { Json, KubernetesObject } from "./index.js";
import type { DeletePolicy, Health, Hook } from "./bindings.js";

/** An answer in the words of the cases in `cases/`. */
export type Answer = any;

/** What a case needs of the plugin: its module's exports. */
export interface Plugin {
  health?: Health;
  hook?: Hook;
  deletePolicy?: DeletePolicy;
}

export interface Case {
  name: string;
  /** The file of the case. */
  file: string;
  /** Throws where an answer isn't the expected one. */
  run(plugin: Plugin): void;
}

/** Reads the cases of a folder. `parse` reads YAML; without it, only files that are JSON are read. */
export function readCases(folder: string | URL, parse?: (text: string) => any): Case[];

/** Asks how an object is. `input` is an object, or a HealthInput with `object` and `related`. */
export function assess(health: Health, input: KubernetesObject | Record<string, Json>, claim?: string): Answer;
/** Asks where a manifest goes. `input` is a PlaceInput; what it lacks is filled in. */
export function place(hook: Hook, input?: Record<string, any>, claim?: string): Answer;
/** Asks what becomes of a hook's object. `input` is a PolicyInput; what it lacks is filled in. */
export function decide(policy: DeletePolicy, input?: Record<string, any>, claim?: string): Answer;

/** One run of a hook in virtual time. A step that the host would never make is an error. */
export class HookRun {
  constructor(hook: Hook, input?: Record<string, any>, options?: { claim?: string; now?: number });
  start(): Answer;
  /** Passes an observation: its kind, or `{ kind: "http", status: 200, text: ".." }`. */
  see(observation: string | Record<string, any>, options?: { afterMs?: number }): Answer;
  abort(reason: "terminated" | "deadline" | "failed", options?: { afterMs?: number }): Answer;
}

/** Sets what `now()` returns. */
export function setNow(moment: Date | number): void;
/** Returns the lines that the plugin has logged, and forgets them. */
export function takeLog(): { level: string; message: string }[];
