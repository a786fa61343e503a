import { defineHealth, defineHook, definePolicy, healthy, progressing, request, run, running, succeeded, retryOrFail, condition, keep, deleteAt, now, invalid, ownedPods, log } from "capstan-sdk";
import { HookRun, readCases, assess } from "capstan-sdk/testing";
import type { Health } from "capstan-sdk/bindings";
export const health: Health = defineHealth({ assess(input) {
  if (condition(input.object, "Ready")?.status === "True") return healthy("a/b");
  log.info(String(ownedPods(input).missing.length));
  return progressing("a/b", "x", { need: ["owned-pods"], recheckAfterMs: 5 }); } });
export const hook = defineHook<{ attempts: number }>({ initialState: { attempts: 1 },
  place: (input) => run(input, { object: false }),
  start(input, state) { if (!input.settings.url) throw invalid("url"); return running("x", { requests: [request.http(state.attempts, { url: "u", headers: { a: request.secret("a", "b") } })] }); },
  advance(input, seen, state) {
    if (seen.kind === "http") { const n: number = seen.status; return succeeded(seen.text() + n); }
    if (seen.kind === "object") return running(seen.health.status);
    return retryOrFail(state, "x");
  } });
export const deletePolicy = definePolicy({ decide: (i) => i.rank > 2 ? deleteAt(now()) : keep() });
const run2 = new HookRun(hook, { settings: {} }); run2.start(); run2.see("woke", { afterMs: 1 }); run2.abort("deadline");
for (const c of readCases("cases")) c.run({ health });
assess(health, { kind: "a", apiVersion: "b" });
// @ts-expect-error
healthy(1);
// @ts-expect-error
request.deleteOwn(1, "sometimes");
