// Outside of a component there is not a host: tests set the time and read the log (`capstan-sdk/testing`).

export const native = { nowMs: 0, log: [] };

export const now = () => native.nowMs;
export const writeLog = (level, message) => native.log.push({ level, message });
