// The module that `capstan plugin build` compiles: it exports what plugin.js exports. The host shows the message of an Error, and takes a
// failure of the contract for the answer. Whatever else plugin.js throws becomes an Error that has its text.
import * as program from "./plugin.js";
export * from "./plugin.js";

const isFailure = (thrown) => ["invalid", "retry", "failed"].includes(thrown?.tag);

const text = (thrown) => {
  try {
    return JSON.stringify(thrown) ?? String(thrown);
  } catch {
    return String(thrown);
  }
};

for (const each of Object.values(program)) {
  if (typeof each !== "object" || each === null) continue;
  for (const name of ["assess", "place", "start", "advance", "abort", "decide"]) {
    const own = each[name];
    if (typeof own !== "function") continue;
    // A frozen object stays as it is.
    Reflect.set(each, name, (...given) => {
      try {
        return own.apply(each, given);
      } catch (thrown) {
        if (thrown instanceof Error || isFailure(thrown)) throw thrown;
        // Its place is in this module, which would mislead.
        throw Object.assign(new Error(`threw ${text(thrown)}, which is not an Error`), { stack: "" });
      }
    });
  }
}
