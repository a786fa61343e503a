/** Why a plugin gives no answer. Every other exception is an error in the plugin, and is shown with its stack. */
export class Failure extends Error {
  constructor(kind, message, afterMs) {
    super(message);
    this.name = "Failure";
    this.kind = kind;
    this.afterMs = afterMs;
  }
}

/** The input can never work; the message tells the user what to change. The host doesn't ask again. */
export const invalid = (message) => new Failure("invalid", message);

/** Not now: the host asks again after at least `afterMs` (100 or more), at most five times in a row. */
export const retryLater = (message, afterMs) => new Failure("retry", message, afterMs);

/** Anything else: health becomes Unknown, a hook fails, a delete policy keeps. */
export const failure = (message) => new Failure("failed", message);
