// In reading order: `define` turns a program into what the contract calls; `health`, `hook`, `policy` and `request` make answers;
// `object`, `related` and `own-object` are helpers.

export { defineHealth, defineHook, definePolicy } from "./define.js";
export { Failure, failure, invalid, retryLater } from "./failure.js";
export { degraded, healthy, missing, progressing, suspended, unknown } from "./health.js";
export { aborted, failed, retryOrFail, run, running, skip, succeeded } from "./hook.js";
export { askAgainAt, deleteAt, deleteNow, keep } from "./policy.js";
export { at, condition, isConditionFalse, isConditionTrue, isObserved } from "./object.js";
export { beginOwnObject, followOwnObject, settleOwnObject } from "./own-object.js";
export { events, explanation, isSecondCall, ownedPods, podTroubles } from "./related.js";
export * as request from "./request.js";
export { log, now } from "./host.js";
