// A delete policy: keeps the objects of a hook's last three runs.

export const deletePolicy = {
  decide(_claim, text) {
    const { occasion, rank } = JSON.parse(text);
    // With the one that is about to be created there are three.
    if (occasion === "before-creation" && rank >= 2) return { tag: "delete", val: "background" };
    return { tag: "keep" };
  },
};
