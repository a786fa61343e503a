/** Returns the condition of this type in `status.conditions`. */
export const condition = (object, type) =>
  (object?.status?.conditions ?? []).find((each) => each?.type === type);

/** Says whether the condition of this type has the status `True`. */
export const isConditionTrue = (object, type) => condition(object, type)?.status === "True";

/** Says whether the condition of this type has the status `False`. */
export const isConditionFalse = (object, type) => condition(object, type)?.status === "False";

/** Says whether the status is about the current spec. `true` for an object without `observedGeneration`. */
export function isObserved(object) {
  const observed = object?.status?.observedGeneration;
  return observed === undefined || observed === null || observed >= (object?.metadata?.generation ?? 0);
}

/**
 * Returns the value at a JSON pointer (RFC 6901), or `undefined`.
 */
export function at(object, pointer) {
  let value = object;
  for (const token of pointer.split("/").slice(1)) {
    if (value === null || typeof value !== "object") return undefined;
    const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
    value = Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return value;
}
