const assessment = (status) => (rule, message = "", options = {}) => ({ ...options, status, rule, message });

/** The object does what it is for. */
export const healthy = assessment("healthy");
/** The object is on its way; the message says what is missing. */
export const progressing = assessment("progressing");
/** The object failed, or will not become healthy as it is. `{ final: true }` if waiting can't help. */
export const degraded = assessment("degraded");
/** The object waits for somebody. */
export const suspended = assessment("suspended");
/** The object doesn't exist. */
export const missing = assessment("missing");
/** The status can't be determined: neither healthy nor failed. */
export const unknown = assessment("unknown");
