import { log as hostLog, nowUnixMs } from "capstan:plugin/host@0.1.0";

export const now = () => Number(nowUnixMs());
export const writeLog = (level, message) => hostLog(level, message);
