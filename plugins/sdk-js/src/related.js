const NOTHING = { objects: [], total: 0, missing: [] };
// People read about at most so many kinds of trouble.
const MAX_TOLD = 2;
const WEIGHT = { unscheduled: 0, crashes: 1, stuck: 2 };

/** Says whether the host calls again with the related objects that the first answer needed. */
export const isSecondCall = (input) => input.related !== undefined && input.related !== null;

/** Returns the pods that the object owns, if the first answer had `need: ["owned-pods"]`. */
export const ownedPods = (input) => ({ ...NOTHING, ...input.related?.["owned-pods"] });

/** Returns the events about the object, newest first, if the first answer had `need: ["events"]`. */
export const events = (input) => ({ ...NOTHING, ...input.related?.events });

/** Summarises the pods' problems in one sentence, else the newest warning; `undefined` if there is neither. */
export function explanation(input) {
  const warning = events(input).objects.find((event) => event.type === "Warning");
  return podTroubles(ownedPods(input)) ?? (warning && `${warning.reason ?? ""}: ${warning.message ?? ""}`);
}

/** Summarises what is wrong with pods: `2 of 3 pods: back-off pulling image acme/api:1.2 (not found)`. */
export function podTroubles({ objects = [], total = 0, missing = [] }) {
  const counts = new Map();
  for (const pod of objects) {
    const trouble = podTrouble(pod, missing.find((each) => each.pod === pod?.metadata?.name));
    if (!trouble) continue;
    const [weight, text] = trouble;
    const key = `${weight} ${text}`;
    const counted = counts.get(key) ?? { weight, text, count: 0 };
    counted.count += 1;
    counts.set(key, counted);
  }
  if (counts.size === 0) return undefined;
  const all = Math.max(total, objects.length);
  const byText = (one, other) => (one.text < other.text ? -1 : one.text > other.text ? 1 : 0);
  return [...counts.values()]
    .sort((one, other) => other.weight - one.weight || other.count - one.count || byText(one, other))
    .slice(0, MAX_TOLD)
    .map(({ text, count }) => `${count} of ${all} ${all === 1 ? "pod" : "pods"}: ${text}`)
    .join("; ");
}

function podTrouble(pod, lacks) {
  const status = pod?.status ?? {};
  // One that has ended is counted by its owner, and another may have taken its place.
  if (pod?.metadata?.deletionTimestamp || status.phase === "Failed") return undefined;
  if (lacks) return [WEIGHT.stuck, `${lacks.kind}/${lacks.name}, which it mounts, doesn't exist`];
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const troubles = containers.map(containerTrouble).filter((each) => each !== undefined);
  if (troubles.length > 0) {
    return troubles.reduce((worst, each) =>
      each[0] > worst[0] || (each[0] === worst[0] && each[1] > worst[1]) ? each : worst,
    );
  }
  const unscheduled = (status.conditions ?? []).find((each) => each.type === "PodScheduled" && each.status === "False");
  return unscheduled && [WEIGHT.unscheduled, `no node: ${unscheduled.message ?? ""}`];
}

function containerTrouble({ name = "", image = "", state = {}, lastState = {} }) {
  if (!state.waiting) return undefined;
  const { reason = "", message = "" } = state.waiting;
  switch (reason) {
    case "ErrImagePull":
    case "ImagePullBackOff":
    case "RegistryUnavailable":
      return [WEIGHT.stuck, `back-off pulling image ${image} (${pullCause(message)})`];
    case "InvalidImageName":
      return [WEIGHT.stuck, `\`${image}\` is not an image name`];
    case "ErrImageNeverPull":
      return [WEIGHT.stuck, `image ${image} isn't on the node, and is never to be pulled`];
    case "CreateContainerConfigError":
    case "CreateContainerError":
    case "RunContainerError":
      return [WEIGHT.stuck, `container ${name} can't be started: ${message}`];
    case "CrashLoopBackOff": {
      const end = lastEnd(name, lastState.terminated);
      return [WEIGHT.crashes, end ? `${end}, again and again` : `container ${name} ends again and again`];
    }
    default:
      return undefined;
  }
}

function lastEnd(name, terminated) {
  if (!terminated) return undefined;
  if (terminated.reason === "OOMKilled") return `container ${name} ran out of memory`;
  if (terminated.exitCode === 0) return undefined;
  if (terminated.exitCode === undefined) return `container ${name} failed`;
  return `container ${name} failed with exit code ${terminated.exitCode}`;
}

function pullCause(message) {
  const lower = message.toLowerCase();
  const has = (words) => words.some((word) => lower.includes(word));
  const isDenied = has(["denied", "unauthorized", "forbidden", "authentication required", "no basic auth"]);
  const isUnknown = has(["not found", "notfound", "manifest unknown", "does not exist"]);
  if (isUnknown && isDenied) return "not found, or no access";
  if (isUnknown) return "not found";
  if (isDenied) return "no access";
  if (has(["too many requests", "toomanyrequests"])) return "too many requests";
  if (has(["no such host", "connection refused", "timeout", "dial tcp"])) return "its registry can't be reached";
  return message || "no reason given";
}
