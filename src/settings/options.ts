import type { LogLevel } from "../base/logger.ts";
import type { CommandRuleOption } from "./command_rule.ts";

/** Which wire the agent uses; `auto` is the WebSocket, or long-poll where none passes. */
export type TransportChoice = "auto" | "ws" | "longpoll";

/** Where events wait; `auto` is SQLite, or memory where no directory can be used. */
export type BufferStoreChoice = "auto" | "sqlite" | "deno-kv" | "memory";

/** When an event is on disk: within a group commit, or before `push` returns. */
export type DurabilityChoice = "group" | "sync";

/** Which parts of jobs leave the process. */
export interface CaptureOptions {
  /** Inputs. Default `true`. `Z4J_CAPTURE_ARGS` */
  readonly args?: boolean | undefined;
  /** Results, progress and log lines. Default `true`. `Z4J_CAPTURE_RESULT` */
  readonly result?: boolean | undefined;
  /** Texts and stacks of failures. Default `true`. `Z4J_CAPTURE_ERROR` */
  readonly error?: boolean | undefined;
}

/** What leaves the process with the jobs of one queue. */
export interface QueuePrivacyOptions {
  /** Switches that differ from the general ones. */
  readonly capture?: CaptureOptions | undefined;
  /** Paths besides the general ones. */
  readonly redactPaths?: readonly string[] | undefined;
}

/**
 * What brains may ask of this process. A rule is an action, or an action with
 * patterns: `purge_queue`, `retry_task queue=mail*`, `* worker=batch-*`, or an
 * object where a name holds spaces. Where a command leaves open what it is
 * about, a rule of `deny` counts and one of `allow` does not.
 */
export interface CommandOptions {
  /** When given, the only commands that may change something. Default: all. `Z4J_COMMANDS_ALLOW` */
  readonly allow?: readonly (string | CommandRuleOption)[] | undefined;
  /** Commands that are never carried out; stronger than `allow`. Default: none. `Z4J_COMMANDS_DENY` */
  readonly deny?: readonly (string | CommandRuleOption)[] | undefined;
  /** Refuses every command that changes something. Default `false`. `Z4J_READ_ONLY` */
  readonly readOnly?: boolean | undefined;
}

/**
 * What users write to configure the agent.
 *
 * Every field has a `Z4J_*` variable, and a variable that is set and not empty
 * wins over the field. `undefined` and an empty text count as not given.
 *
 * @example The four fields that an agent needs
 * ```ts
 * import type { AgentSettingsOptions } from "@z4j/core";
 *
 * const options: AgentSettingsOptions = {
 *   brainUrl: "https://tasks.example.com",
 *   token: "from the minting dialog",
 *   hmacSecret: "from the minting dialog",
 *   projectId: "picker",
 * };
 * ```
 */
export interface AgentSettingsOptions {
  /** Base URL of the brain, a path prefix is kept. Required. `Z4J_BRAIN_URL` */
  readonly brainUrl?: string | undefined;
  /** Bearer token of the minted agent. Required. `Z4J_TOKEN`, `Z4J_TOKEN_FILE` */
  readonly token?: string | undefined;
  /** Project HMAC secret of the same dialog. Required. `Z4J_HMAC_SECRET`, `Z4J_HMAC_SECRET_FILE` */
  readonly hmacSecret?: string | undefined;
  /** Project slug, 1 to 63 characters. Required. `Z4J_PROJECT_ID` */
  readonly projectId?: string | undefined;
  /** Label of this process in the dashboard, up to 64 characters. Default: none. `Z4J_AGENT_NAME` */
  readonly agentName?: string | undefined;
  /**
   * Agent id, up to 64 characters. Default: none. Not needed, not even for
   * long-poll: the brain tells the id (protocol section 22.2). `Z4J_AGENT_ID`
   */
  readonly agentId?: string | undefined;
  /** Label on every event, up to 40 characters. Default `production`. `Z4J_ENVIRONMENT` */
  readonly environment?: string | undefined;
  /** Tags on every event, up to 32. Default `{}`. `Z4J_TAGS` (`k=v,k2=v2` or a JSON object) */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Allows plain `ws://` to hosts that are not loopback. Default `false`. `Z4J_DEV_MODE` */
  readonly devMode?: boolean | undefined;
  /** Throws on a wrong setting instead of running without an agent. Default `false`. `Z4J_STRICT_MODE` */
  readonly strictMode?: boolean | undefined;
  /** Starts the agent by itself. Default `true`. `Z4J_AUTOSTART` */
  readonly autostart?: boolean | undefined;
  /**
   * File of the event buffer, inside `home` or `$TMPDIR/z4j-{uid}`.
   * Default `{home}/buffer-{pid}.sqlite`. `Z4J_BUFFER_PATH`
   */
  readonly bufferPath?: string | undefined;
  /** Where events wait; `deno-kv` is for Deno without a disk. Default `auto`. `Z4J_BUFFER_STORE` */
  readonly bufferStore?: BufferStoreChoice | undefined;
  /** Most events in the buffer, at least 1000. Default 100 000. `Z4J_BUFFER_MAX_EVENTS` */
  readonly bufferMaxEvents?: number | undefined;
  /** Most bytes of event text in the buffer, at least 1 MiB. Default 256 MiB. `Z4J_BUFFER_MAX_BYTES` */
  readonly bufferMaxBytes?: number | undefined;
  /** When an event is on disk. Default `group`. `Z4J_BUFFER_DURABILITY` */
  readonly durability?: DurabilityChoice | undefined;
  /** Which wire the agent uses. Default `auto`. `Z4J_TRANSPORT` */
  readonly transport?: TransportChoice | undefined;
  /**
   * Certificates to trust besides those of the system: PEM text, or the path of
   * a file with it. Default: none. `Z4J_CA`
   */
  readonly ca?: string | undefined;
  /**
   * Proxy to reach the brain through, `http://user:password@host:port`.
   * Default: `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY`, unless `NO_PROXY`
   * names the brain. `Z4J_PROXY`
   */
  readonly proxy?: string | undefined;
  /** Seconds between heartbeats until the brain tells its own, 1 to 300. Default: the brain's. `Z4J_HEARTBEAT_SECONDS` */
  readonly heartbeatSeconds?: number | undefined;
  /** Most UTF-8 bytes of one scalar value in an event, at least 128. Default 8192. `Z4J_MAX_PAYLOAD_BYTES` */
  readonly maxPayloadBytes?: number | undefined;
  /** What this process is, such as `web` or `task`, up to 32 characters. Default: none. `Z4J_WORKER_ROLE` */
  readonly workerRole?: string | undefined;
  /** Regular expressions of further keys to redact. Default `[]`. `Z4J_REDACTION_EXTRA_KEY_PATTERNS` */
  readonly redactionExtraKeyPatterns?: readonly string[] | undefined;
  /** Regular expressions of further values to redact. Default `[]`. `Z4J_REDACTION_EXTRA_VALUE_PATTERNS` */
  readonly redactionExtraValuePatterns?: readonly string[] | undefined;
  /**
   * Places in the data of events to redact: `kwargs.user.email`, `args[0].card`,
   * `**.token`. `*` is one step, `**` any number. Default `[]`. `Z4J_REDACT_PATHS`
   */
  readonly redactPaths?: readonly string[] | undefined;
  /** Which parts of jobs leave the process. Default: all. */
  readonly capture?: CaptureOptions | undefined;
  /** Other switches and further paths for single queues. Default `{}`. `Z4J_QUEUE_PRIVACY` (JSON) */
  readonly queuePrivacy?: Readonly<Record<string, QueuePrivacyOptions>> | undefined;
  /** What brains may ask of this process, whoever operates them. Default: everything. */
  readonly commands?: CommandOptions | undefined;
  /** Directory of the agent's files. Default `~/.z4j`. `Z4J_HOME` */
  readonly home?: string | undefined;
  /** Switches the agent off. Default `false`. `Z4J_DISABLED` */
  readonly disabled?: boolean | undefined;
  /** Sends heartbeats without the status frame. Default `false`. `Z4J_AGENT_STATUS_DISABLED` */
  readonly agentStatusDisabled?: boolean | undefined;
  /** Queue depth above which a purge needs force, at least 0. Default 1000. `Z4J_PURGE_THRESHOLD` */
  readonly purgeThreshold?: number | undefined;
  /** Least grave line that is logged. Default `info`. `Z4J_LOG_LEVEL` */
  readonly logLevel?: LogLevel | undefined;
  /** Another environment, or `false` for none. Default: that of the process */
  readonly env?: Readonly<Record<string, string>> | false | undefined;
}
