
// Added by `capstan plugin build`: the host shows the message of an Error, and takes a failure of the contract for the answer. Whatever
// else is thrown becomes an Error that has its text. The program's last line may lack its semicolon.
;(() => {
  const isFailure = (thrown) => ["invalid", "retry", "failed"].includes(thrown?.tag);
  const text = (thrown) => {
    try {
      return JSON.stringify(thrown) ?? String(thrown);
    } catch {
      return String(thrown);
    }
  };
  const exported = [
    typeof health === "undefined" ? null : health,
    typeof hook === "undefined" ? null : hook,
    typeof deletePolicy === "undefined" ? null : deletePolicy,
  ];
  for (const each of exported) {
    if (typeof each !== "object" || each === null || Object.isFrozen(each)) continue;
    for (const name of ["assess", "place", "start", "advance", "abort", "decide"]) {
      const own = each[name];
      if (typeof own !== "function") continue;
      each[name] = (...given) => {
        try {
          return own.apply(each, given);
        } catch (thrown) {
          if (thrown instanceof Error || isFailure(thrown)) throw thrown;
          // Its place is this file's end, which would mislead.
          throw Object.assign(new Error(`threw ${text(thrown)}, which is no Error`), { stack: "" });
        }
      };
    }
  }
})();
