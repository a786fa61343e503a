// A hook type without an object in the cluster: it pauses for as many seconds as its settings say.

import { nowUnixMs } from "capstan:plugin/host@0.1.0";

// What is thrown here is the plugin's answer; anything else that is thrown is a fault of the plugin.
const failure = (tag, val) => ({ tag, val });

// The words of the annotation and their names in the contract.
const PHASES = {
  PreSync: "pre-sync",
  Sync: "sync",
  PostSync: "post-sync",
  SyncFail: "sync-fail",
  PreDelete: "pre-delete",
  PostDelete: "post-delete",
};

function read(text) {
  const input = JSON.parse(text);
  if (!Number.isSafeInteger(input.settings.seconds)) {
    throw failure("invalid", "the settings need `seconds`, a whole number");
  }
  return input;
}

// The next step. The host keeps the state, here the moment of the end, and hands it back with the next question.
function step(seconds, until) {
  const left = until - Number(nowUnixMs());
  const state = Uint8Array.from(String(until), (digit) => digit.charCodeAt(0));
  if (left <= 0) {
    return { progress: { tag: "succeeded" }, message: `paused for ${seconds} s`, asks: [], state };
  }
  return { progress: { tag: "running" }, message: `pausing for ${seconds} s`, asks: [], state, wakeAfterMs: left };
}

export const hook = {
  place(_claim, text) {
    const phases = read(text).phases.map((name) => ({ tag: PHASES[name] }));
    return { tag: "run", val: { phases, object: { tag: "none" }, also: [] } };
  },

  start(_claim, text) {
    const { seconds } = read(text).settings;
    return step(seconds, Number(nowUnixMs()) + seconds * 1000);
  },

  advance(_claim, text, state) {
    return step(read(text).settings.seconds, Number(String.fromCharCode(...state)));
  },

  abort(_claim, text, state) {
    return { progress: { tag: "failed" }, message: read(text).reason, asks: [], state };
  },
};
