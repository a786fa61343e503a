// The cases that every SDK has to pass. `CAPSTAN_CONFORMANCE` is the folder of those cases and this language's program.

import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import test from "node:test";

import { readCases, takeLog } from "capstan-sdk/testing";
import { parse } from "yaml";

const folder = process.env.CAPSTAN_CONFORMANCE;
const plugin = await import(pathToFileURL(join(folder, "plugin.js")));

const cases = readCases(join(folder, "cases"), parse);
assert.ok(cases.length > 20, `only ${cases.length} cases were found`);
for (const { name, run } of cases) test(name, () => run(plugin));

test("a wrong expectation is a failure that says where", () => {
  const [first] = readCases(join(folder, "wrong"), parse);
  assert.throws(() => first.run(plugin), /status\n {4}- "degraded"\n {4}\+ "healthy"/);
});

test("the log is kept for the test", () => {
  takeLog();
  cases[0].run(plugin);
  assert.deepEqual(takeLog(), [{ level: "info", message: "claim example.com/Probe" }]);
});
