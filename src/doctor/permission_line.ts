import { AGENT_ENV_NAMES, PROXY_ENV_NAMES } from "@z4j/core/diagnostics";
import type { DoctorContext } from "./context.ts";
import { authority } from "./route.ts";

const REDIS = "127.0.0.1:6379";

/** The least flags with which Deno runs an agent of these settings beside what was detected. */
export function permissionLine(context: DoctorContext): string {
  const flags = [
    `--allow-net=${hosts(context).join(",")}`,
    envFlag(context),
    "--allow-sys=hostname",
  ];
  const { read, write } = paths(context);
  if (read.length > 0) flags.push(`--allow-read=${read.join(",")}`);
  if (write.length > 0) flags.push(`--allow-write=${write.join(",")}`);
  return flags.map(quoted).join(" ");
}

function hosts(context: DoctorContext): string[] {
  const outcome = context.route();
  const found = outcome?.ok
    ? [authority(outcome.route.proxy ?? outcome.route.target)]
    : ["BRAIN_HOST:PORT"];
  if (outcome?.ok && outcome.route.proxy !== null) found.push(authority(outcome.route.target));
  if (usesRedis(context)) found.push(redisAddress(context.env["REDIS_URL"]));
  return [...new Set(found)];
}

function usesRedis(context: DoctorContext): boolean {
  return context.packages().some(({ name }) => name === "bullmq");
}

function redisAddress(url: string | undefined): string {
  if (url === undefined || !URL.canParse(url)) return REDIS;
  const { hostname, port } = new URL(url);
  return hostname === "" ? REDIS : `${hostname}:${port === "" ? "6379" : port}`;
}

/** A dependency of ioredis lists the whole environment, so BullMQ needs all of it. */
function envFlag(context: DoctorContext): string {
  if (usesRedis(context)) return "--allow-env";
  const names = [...AGENT_ENV_NAMES, ...PROXY_ENV_NAMES].filter((name) => name in context.env);
  const needsHome = !("Z4J_HOME" in context.env);
  return `--allow-env=${[...names, ...(needsHome ? ["HOME"] : [])].sort().join(",")}`;
}

function paths(context: DoctorContext): { readonly read: string[]; readonly write: string[] } {
  const { values, env } = context;
  const { bufferStore } = values;
  const needsDisk = bufferStore !== "memory" && bufferStore !== "deno-kv";
  const home = needsDisk && values.home !== undefined ? [values.home] : [];
  const ca = values.ca?.includes("-----BEGIN") === false ? [values.ca] : [];
  const secrets = ["Z4J_TOKEN_FILE", "Z4J_HMAC_SECRET_FILE"].map((name) => env[name] ?? "");
  const files = [...ca, ...secrets].filter((path) => path !== "");
  return { read: [...new Set([...home, ...files])], write: home };
}

function quoted(flag: string): string {
  return /^[\w\-=,.:/@~%+[\]]*$/.test(flag) ? flag : `'${flag.replaceAll("'", "'\\''")}'`;
}
