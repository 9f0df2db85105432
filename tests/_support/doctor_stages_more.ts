import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { brainStage, fails, type Stage, stage, type StageBed, warns } from "./doctor_stages.ts";
import { startBlackHole } from "./doctor_peers.ts";

const URL_NOWHERE = { Z4J_BRAIN_URL: "http://127.0.0.1:9", Z4J_PROJECT_ID: "default" };
const SECRETS = {
  Z4J_TOKEN: "4eZw51ZIVVUrU0d0GksjA_BHAGRwQMaZyswvZZotH3c",
  Z4J_HMAC_SECRET: "alO-Nw3uXMX__yubzo9U1zAkhuhDjdvBT9hB-rii9_Q=",
};
const ALL = { ...URL_NOWHERE, ...SECRETS };
const ONLY_SETTINGS = ["--only", "settings"];

const SETTINGS: readonly Stage[] = [
  stage(
    "no HMAC secret",
    fails("settings", "Z4J_DOCTOR_SETTINGS_MISSING", /hmac_secret is required/),
    () => ({ env: { ...URL_NOWHERE, Z4J_TOKEN: SECRETS.Z4J_TOKEN }, args: ONLY_SETTINGS }),
  ),
  stage(
    "secret that is no base64",
    fails("settings", "Z4J_DOCTOR_SETTINGS_INVALID", /it is not URL-safe base64/),
    () => ({ env: { ...ALL, Z4J_HMAC_SECRET: "canary!secret+/" }, args: ONLY_SETTINGS }),
  ),
  stage(
    "secret file that is not there",
    fails("settings", "Z4J_DOCTOR_SETTINGS_UNREADABLE", /the file cannot be read/),
    () => ({
      env: { ...URL_NOWHERE, Z4J_TOKEN: "t-token", Z4J_HMAC_SECRET_FILE: "/no/such" },
      args: ONLY_SETTINGS,
    }),
  ),
  stage(
    "switched off",
    fails("settings", "Z4J_DOCTOR_DISABLED", /no agent starts/),
    () => ({ env: { ...ALL, Z4J_DISABLED: "1" }, args: ONLY_SETTINGS }),
  ),
  stage(
    "autostart off",
    warns("settings", "Z4J_DOCTOR_AUTOSTART_OFF", /waits for start\(\)/),
    () => ({ env: { ...ALL, Z4J_AUTOSTART: "false" }, args: ONLY_SETTINGS }),
  ),
  stage(
    "misspelt variable",
    warns("settings", "Z4J_DOCTOR_SETTINGS_UNKNOWN", /perhaps Z4J_HMAC_SECRET/),
    () => ({ env: { ...ALL, Z4J_HMAC_SECRT: "canary-misspelt" }, args: ONLY_SETTINGS }),
  ),
  stage(
    "buffer in memory by choice",
    warns("buffer_path", "Z4J_DOCTOR_BUFFER_VOLATILE", /memory/),
    () => ({ env: { ...ALL, Z4J_BUFFER_STORE: "memory" }, args: ["--only", "buffer_path"] }),
  ),
  stage(
    "home that everybody may write to",
    warns("home", "Z4J_DOCTOR_HOME_OPEN", /mode 0?0?777/),
    (bed) => {
      mkdirSync(`${bed.folder}/open`, { mode: 0o777 });
      chmodOpen(`${bed.folder}/open`);
      return { env: { ...ALL, Z4J_HOME: `${bed.folder}/open` }, args: ["--only", "home"] };
    },
  ),
  stage(
    "proxy of another scheme",
    fails("settings", "Z4J_DOCTOR_SETTINGS_INVALID", /neither http nor https/),
    () => ({ env: { ...ALL, Z4J_PROXY: "socks5://u:canary-proxy@p:1" }, args: ONLY_SETTINGS }),
  ),
  stage(
    "damaged buffer",
    warns("buffers", "Z4J_DOCTOR_BUFFER_DAMAGED", /1 damaged/),
    (bed) => {
      mkdirSync(`${bed.folder}/home`, { mode: 0o700 });
      writeFileSync(`${bed.folder}/home/buffer-1.sqlite.corrupt-1`, "rubbish");
      return { env: { ...ALL, Z4J_HOME: `${bed.folder}/home` }, args: ["--only", "buffers"] };
    },
  ),
];

/** The flags that a green run on Deno needs, by name. */
function flags(bed: StageBed, port: number): Readonly<Record<string, string>> {
  return {
    net: `--allow-net=127.0.0.1:${port}`,
    env: "--allow-env",
    sys: "--allow-sys=hostname",
    read: `--allow-read=${bed.folder}/home`,
    write: `--allow-write=${bed.folder}/home`,
  };
}

function permissionStage(
  denied: string,
  expected: Pick<Stage, "probe" | "code" | "text" | "exit">,
): Stage {
  return brainStage(
    denied === "" ? "Deno with just the flags of the doctor" : `Deno without --allow-${denied}`,
    expected,
    async (bed) => {
      const { env } = await bed.agent();
      const all = Object.entries(flags(bed, bed.brain.port));
      const denoFlags = all.filter(([name]) => name !== denied).map(([, flag]) => flag);
      return { env, denoFlags };
    },
    { runtime: "deno", brain: "embedded" },
  );
}

const PERMISSIONS: readonly Stage[] = [
  permissionStage("", { probe: null, code: null, exit: 0, text: /an event was acknowledged/ }),
  permissionStage("net", fails("tcp", "Z4J_DOCTOR_PERMISSION_NET", /forbids network access/)),
  permissionStage("env", fails("settings", "Z4J_DOCTOR_PERMISSION_ENV", /no permission to read/)),
  permissionStage(
    "read",
    fails("buffer_path", "Z4J_DOCTOR_PERMISSION_READ", /no --allow-read permission/),
  ),
  permissionStage(
    "write",
    fails("buffer_path", "Z4J_DOCTOR_PERMISSION_WRITE", /no --allow-write permission/),
  ),
  permissionStage("sys", warns("permissions", "Z4J_DOCTOR_PERMISSION_SYS", /--allow-sys=hostname/)),
];

const DOWN: readonly Stage[] = [
  stage(
    "proxy that does not answer",
    fails("tcp", "Z4J_DOCTOR_TCP_TIMEOUT", /\(proxy\).*no answer/),
    async (bed) => {
      const hole = await startBlackHole();
      bed.defer(() => hole.close());
      const proxy = `http://u:canary-proxy@127.0.0.1:${hole.port}`;
      const env = { ...ALL, Z4J_BRAIN_URL: "https://brain.invalid", Z4J_PROXY: proxy };
      return { env, args: ["--timeout", "0.5"] };
    },
    { only: { not: "node" } },
  ),
];

function chmodOpen(path: string): void {
  // The mode of mkdir is narrowed by the umask.
  chmodSync(path, 0o777);
}

/** Settings, files, permissions. */
export const MORE_STAGES: readonly Stage[] = [...SETTINGS, ...PERMISSIONS, ...DOWN];
