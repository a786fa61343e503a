// @ts-check
// A delete policy: keeps the objects of a hook's last three runs.

import { definePolicy, deleteNow, keep } from "capstan-sdk";

export const deletePolicy = definePolicy({
  decide({ occasion, rank }) {
    // With the one that is about to be created there are three.
    return occasion === "before-creation" && rank >= 2 ? deleteNow() : keep();
  },
});
