const ms = (moment) => (moment instanceof Date ? moment.getTime() : moment);

/** This policy doesn't want to delete the object now. */
export const keep = () => ({ kind: "keep" });
/** Deletes the object now. */
export const deleteNow = (propagation = "background") => ({ kind: "delete", value: propagation });
/** Deletes the object at this time: a Date, or milliseconds since 1970. */
export const deleteAt = (moment) => ({ kind: "delete-at", value: ms(moment) });
/** Asks the policy again at this time: a Date, or milliseconds since 1970. */
export const askAgainAt = (moment) => ({ kind: "ask-again-at", value: ms(moment) });
