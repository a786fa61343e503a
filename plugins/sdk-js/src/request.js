// What a hook may ask the host to do. `id` is the plugin's own number; the observation that answers carries it in `answers`.

const kind = (name) => (id, value) => ({ id, kind: name, value });

/** Creates the hook's own object. Creating it twice adopts the first one. */
export const createOwn = kind("create-own");
/** Watches the hook's own object. */
export const watchOwn = kind("watch-own");
/** Reads the last log lines of the pods of the hook's own object. */
export const followLogsOwn = kind("follow-logs-own");
/** Deletes the hook's own object. */
export const deleteOwn = (id, propagation = "background") => ({ id, kind: "delete-own", value: propagation });
/** Applies an object with server-side apply. */
export const apply = kind("apply");
/** Reads an object once. */
export const get = kind("get");
/** Reads all objects that match: `{ apiVersion, kind, namespace, labels }`. */
export const list = kind("list");
/** Watches another object. */
export const watch = kind("watch");
/** Changes an object by a JSON merge patch (RFC 7396). */
export const patch = (id, object, merge) => ({ id, kind: "patch", value: { object, merge } });
/** Deletes another object. */
export const remove = (id, object, propagation = "background") => ({ id, kind: "delete", value: { object, propagation } });
/** Calls a URL: `{ method, url, headers, body, timeoutMs }`. */
export const http = kind("http");
/** Waits for a signal: `approval` is what `capstan approve` sends. */
export const waitSignal = kind("wait-signal");
/** Writes a Kubernetes Event about the hook. */
export const emitEvent = kind("emit-event");

/** A header's value that the host reads from a Secret of the application's namespace. The plugin never sees it. */
export const secret = (name, key, { prefix = "" } = {}) => ({ secret: name, key, prefix });
