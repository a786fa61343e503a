import { now, writeLog } from "#host";

/** The time of this call in milliseconds since 1970, UTC. It doesn't change during a call. */
export { now };

/** Writes lines to the plugin's log, which the host shows. At most 100 lines and 16 KiB a call. */
export const log = {
  trace: (message) => writeLog("trace", String(message)),
  debug: (message) => writeLog("debug", String(message)),
  info: (message) => writeLog("info", String(message)),
  warn: (message) => writeLog("warn", String(message)),
  error: (message) => writeLog("error", String(message)),
};
