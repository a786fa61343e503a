// Runs the cases of `capstan plugin test` in Node.js, without WebAssembly: `npm test`.

import test from "node:test";

import { readCases } from "capstan-sdk/testing";
import { parse } from "yaml";

import * as plugin from "./plugin.js";

for (const { name, run } of readCases(new URL("./cases", import.meta.url), parse)) test(name, () => run(plugin));
