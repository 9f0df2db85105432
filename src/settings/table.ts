import { parseBrainUrl } from "./brain_url.ts";
import { choice, flag, integer, path, patterns, secret, tags, text, url } from "./kinds.ts";
import { certificates, proxyUrl } from "./network_kinds.ts";
import { commandRules, paths, queuePrivacy } from "./privacy_kinds.ts";
import { REQUIRED, type Rule, type SettingKind } from "./rule.ts";
import type { SettingKey, SettingValues } from "./settings.ts";
import { optionName } from "./source.ts";

// Bounds and defaults are those of the reference agent (protocol section 1.6).
const MIB = 1024 * 1024;

/** Every setting, once: parsing, checks, the masked dump and the docs come from here. */
export const RULES: { readonly [K in SettingKey]: Rule<SettingValues[K]> } = {
  brainUrl: url({
    env: "Z4J_BRAIN_URL",
    meaning: "Base URL of the brain; a path prefix is kept, ws and wss mean http and https.",
    expected: "an http or https URL without user information, query and fragment",
    parse: parseBrainUrl,
  }),
  token: secret({
    env: "Z4J_TOKEN",
    fileEnv: "Z4J_TOKEN_FILE",
    meaning: "Bearer token from the minting dialog, not the first-boot setup token.",
  }),
  hmacSecret: secret({
    env: "Z4J_HMAC_SECRET",
    fileEnv: "Z4J_HMAC_SECRET_FILE",
    meaning: "HMAC secret of the project, shown beside the token.",
  }),
  projectId: text<string>({
    env: "Z4J_PROJECT_ID",
    max: 63,
    fallback: REQUIRED,
    meaning: "Project slug; the brain takes the project from the token.",
  }),
  agentName: text({
    env: "Z4J_AGENT_NAME",
    max: 64,
    fallback: null,
    meaning: "Label of this process in the dashboard.",
  }),
  agentId: text({
    env: "Z4J_AGENT_ID",
    max: 64,
    fallback: null,
    meaning: "Agent id; not needed, the brain tells it, also on long-poll.",
  }),
  environment: text({
    env: "Z4J_ENVIRONMENT",
    max: 40,
    fallback: "production",
    meaning: "Label on every event.",
  }),
  tags: tags({ env: "Z4J_TAGS", meaning: "Tags on every event." }),
  devMode: flag({
    env: "Z4J_DEV_MODE",
    fallback: false,
    meaning: "Allows plain ws:// to hosts that are not loopback; for trusted networks only.",
  }),
  strictMode: flag({
    env: "Z4J_STRICT_MODE",
    fallback: false,
    meaning: "Throws on a wrong setting instead of running without an agent.",
  }),
  autostart: flag({
    env: "Z4J_AUTOSTART",
    fallback: true,
    meaning: "Starts the agent by itself.",
  }),
  bufferPath: path({
    env: "Z4J_BUFFER_PATH",
    fallback: null,
    defaultText: "{home}/buffer-{pid}.sqlite",
    meaning: "File of the event buffer, inside the home or $TMPDIR/z4j-{uid}.",
  }),
  bufferStore: choice({
    env: "Z4J_BUFFER_STORE",
    choices: ["auto", "sqlite", "deno-kv", "memory"],
    fallback: "auto",
    meaning: "Where events wait; auto is SQLite, or memory where no directory can be used.",
  }),
  bufferMaxEvents: integer({
    env: "Z4J_BUFFER_MAX_EVENTS",
    min: 1000,
    max: null,
    unit: "events",
    fallback: 100_000,
    meaning: "Most events in the buffer.",
  }),
  bufferMaxBytes: integer({
    env: "Z4J_BUFFER_MAX_BYTES",
    min: MIB,
    max: null,
    unit: "bytes",
    fallback: 256 * MIB,
    meaning: "Most bytes of event text in the buffer.",
  }),
  durability: choice({
    env: "Z4J_BUFFER_DURABILITY",
    choices: ["group", "sync"],
    fallback: "group",
    meaning: "When an event is on disk: within a group commit, or before push returns.",
  }),
  transport: choice({
    env: "Z4J_TRANSPORT",
    choices: ["auto", "ws", "longpoll"],
    fallback: "auto",
    meaning: "Which wire the agent uses; auto is the WebSocket, or long-poll where none passes.",
  }),
  ca: certificates({
    env: "Z4J_CA",
    meaning: "PEM certificates to trust besides those of the system, or a file with them.",
  }),
  proxy: proxyUrl({
    env: "Z4J_PROXY",
    meaning: "Proxy to reach the brain through; may hold credentials, so it is never shown.",
  }),
  heartbeatSeconds: integer({
    env: "Z4J_HEARTBEAT_SECONDS",
    min: 1,
    max: 300,
    unit: "seconds",
    fallback: null,
    defaultText: "the brain's",
    meaning: "Time between heartbeats; the brain's own value wins.",
  }),
  maxPayloadBytes: integer({
    env: "Z4J_MAX_PAYLOAD_BYTES",
    min: 128,
    max: null,
    unit: "bytes",
    fallback: 8192,
    meaning: "Most UTF-8 bytes of one scalar value in an event.",
  }),
  workerRole: text({
    env: "Z4J_WORKER_ROLE",
    max: 32,
    fallback: null,
    meaning: "What this process is: web, task, scheduler, beat or other.",
  }),
  redactionExtraKeyPatterns: patterns({
    env: "Z4J_REDACTION_EXTRA_KEY_PATTERNS",
    meaning: "Regular expressions of further keys to redact.",
  }),
  redactionExtraValuePatterns: patterns({
    env: "Z4J_REDACTION_EXTRA_VALUE_PATTERNS",
    meaning: "Regular expressions of further values to redact.",
  }),
  redactPaths: paths({
    env: "Z4J_REDACT_PATHS",
    meaning:
      "Places in the data of events to redact, such as `kwargs.user.email`, `args[0].card` " +
      "or `**.token`; `*` is one step, `**` any number.",
  }),
  captureArgs: flag({
    env: "Z4J_CAPTURE_ARGS",
    option: ["capture", "args"],
    fallback: true,
    meaning: "Whether the inputs of jobs leave the process.",
  }),
  captureResult: flag({
    env: "Z4J_CAPTURE_RESULT",
    option: ["capture", "result"],
    fallback: true,
    meaning: "Whether the results of jobs leave the process, with their progress and log lines.",
  }),
  captureError: flag({
    env: "Z4J_CAPTURE_ERROR",
    option: ["capture", "error"],
    fallback: true,
    meaning: "Whether texts and stacks of failures leave the process.",
  }),
  queuePrivacy: queuePrivacy({
    env: "Z4J_QUEUE_PRIVACY",
    meaning: "Other switches and further paths for single queues, such as " +
      '`{"mail":{"capture":{"args":false},"redactPaths":["result.id"]}}`.',
  }),
  commandsAllow: commandRules({
    env: "Z4J_COMMANDS_ALLOW",
    option: ["commands", "allow"],
    meaning: "When given, the only commands that may change something here, such as " +
      "`retry_task queue=mail*`.",
  }),
  commandsDeny: commandRules({
    env: "Z4J_COMMANDS_DENY",
    option: ["commands", "deny"],
    meaning:
      "Commands that are never carried out here, such as `purge_queue`; stronger than allow.",
  }),
  readOnly: flag({
    env: "Z4J_READ_ONLY",
    option: ["commands", "readOnly"],
    fallback: false,
    meaning: "Refuses every command that changes something.",
  }),
  home: path({
    env: "Z4J_HOME",
    fallback: "~/.z4j",
    defaultText: "~/.z4j",
    meaning: "Directory of the agent's files.",
  }),
  disabled: flag({
    env: "Z4J_DISABLED",
    fallback: false,
    meaning: "Switches the agent off.",
  }),
  agentStatusDisabled: flag({
    env: "Z4J_AGENT_STATUS_DISABLED",
    fallback: false,
    meaning: "Sends heartbeats without the status frame.",
  }),
  purgeThreshold: integer({
    env: "Z4J_PURGE_THRESHOLD",
    min: 0,
    max: null,
    unit: "jobs",
    fallback: 1000,
    meaning: "Queue depth above which a purge needs force.",
  }),
  logLevel: choice({
    env: "Z4J_LOG_LEVEL",
    choices: ["debug", "info", "warn", "error"],
    fallback: "info",
    aliases: { warning: "warn", critical: "error" },
    meaning: "Least grave line that is logged.",
  }),
};

/** Every setting's name, in the order of the documentation. */
export const SETTING_KEYS: readonly SettingKey[] = Object.freeze(
  Object.keys(RULES) as SettingKey[],
);

/** One setting as documentation shows it. */
export interface SettingRow {
  /** Name of the resolved setting. */
  readonly key: SettingKey;
  /** How the option is written in code, for example `capture.args`. */
  readonly option: string;
  /** Environment variable. */
  readonly env: string;
  /** Variable that names a file with the value, or `null`. */
  readonly fileEnv: string | null;
  /** Form of the value. */
  readonly kind: SettingKind;
  /** Whether the agent cannot run without it. */
  readonly required: boolean;
  /** Default as text, or `null` for none. */
  readonly defaultText: string | null;
  /** Least value or length, or `null`. */
  readonly min: number | null;
  /** Greatest value or length, or `null`. */
  readonly max: number | null;
  /** Unit of the value or of its bounds, or `null`. */
  readonly unit: string | null;
  /** Accepted words, or `null`. */
  readonly choices: readonly string[] | null;
  /** Whether the value is never shown. */
  readonly secret: boolean;
  /** One sentence for people. */
  readonly meaning: string;
}

/** The table of all settings, for documentation and for doctors. */
export function settingsTable(): readonly SettingRow[] {
  return SETTING_KEYS.map((key) => {
    const { env, fileEnv, kind, defaultText, min, max, unit, choices, secret, meaning, fallback } =
      RULES[key];
    const required = fallback === REQUIRED;
    return {
      key,
      option: optionName(key, RULES[key]),
      env,
      fileEnv,
      kind,
      required,
      defaultText,
      min,
      max,
      unit,
      choices,
      secret,
      meaning,
    };
  });
}
