import type { LogLevel } from "../base/logger.ts";
import type { CommandRule } from "./command_rule.ts";
import type { QueuePrivacySettings } from "./privacy_kinds.ts";
import type { BufferStoreChoice, DurabilityChoice, TransportChoice } from "./options.ts";

/** The resolved value of every setting. */
export interface SettingValues {
  /** Base URL of the brain, `http:` or `https:`, without a slash at the end. */
  readonly brainUrl: string;
  /** Bearer token. Secret. */
  readonly token: string;
  /** Project HMAC secret as text. Secret. */
  readonly hmacSecret: string;
  /** Project slug. */
  readonly projectId: string;
  /** Label of this process, or `null`. */
  readonly agentName: string | null;
  /** Agent id as configured, or `null`. */
  readonly agentId: string | null;
  /** Label on every event. */
  readonly environment: string;
  /** Tags on every event. */
  readonly tags: Readonly<Record<string, string>>;
  /** Whether plain `ws://` to other hosts is allowed. */
  readonly devMode: boolean;
  /** Whether wrong settings throw. */
  readonly strictMode: boolean;
  /** Whether the agent starts by itself. */
  readonly autostart: boolean;
  /** Buffer file as configured, or `null` for the default. */
  readonly bufferPath: string | null;
  /** Where events wait. */
  readonly bufferStore: BufferStoreChoice;
  /** Most events in the buffer. */
  readonly bufferMaxEvents: number;
  /** Most bytes of event text in the buffer. */
  readonly bufferMaxBytes: number;
  /** When an event is on disk. */
  readonly durability: DurabilityChoice;
  /** Which wire the agent uses. */
  readonly transport: TransportChoice;
  /** PEM certificates, or the path of a file with them, or `null`. */
  readonly ca: string | null;
  /** Proxy to reach the brain through, or `null` for that of the environment. Secret. */
  readonly proxy: string | null;
  /** Seconds between heartbeats, or `null` to leave it to the brain. */
  readonly heartbeatSeconds: number | null;
  /** Most UTF-8 bytes of one scalar value. */
  readonly maxPayloadBytes: number;
  /** What this process is, or `null`. */
  readonly workerRole: string | null;
  /** Further keys to redact. */
  readonly redactionExtraKeyPatterns: readonly string[];
  /** Further values to redact. */
  readonly redactionExtraValuePatterns: readonly string[];
  /** Places in the data of events to redact. */
  readonly redactPaths: readonly string[];
  /** Whether the inputs of jobs leave the process. */
  readonly captureArgs: boolean;
  /** Whether the results of jobs leave the process, with their progress and log lines. */
  readonly captureResult: boolean;
  /** Whether texts and stacks of failures leave the process. */
  readonly captureError: boolean;
  /** What differs for single queues. */
  readonly queuePrivacy: QueuePrivacySettings;
  /** The only commands that may change something here, when there are any. */
  readonly commandsAllow: readonly CommandRule[];
  /** Commands that are never carried out here. */
  readonly commandsDeny: readonly CommandRule[];
  /** Whether commands that change something are refused. */
  readonly readOnly: boolean;
  /** Absolute directory of the agent's files. */
  readonly home: string;
  /** Whether the agent is switched off. */
  readonly disabled: boolean;
  /** Whether the status frame is left out. */
  readonly agentStatusDisabled: boolean;
  /** Queue depth above which a purge needs force. */
  readonly purgeThreshold: number;
  /** Least grave line that is logged. */
  readonly logLevel: LogLevel;
}

/** Name of a setting. */
export type SettingKey = keyof SettingValues;

/** Where a value came from. */
export type SettingSource = "env" | "option" | "file" | "default";

/** What the agent reads: nothing optional, frozen. */
export interface Settings extends SettingValues {
  /** Where each value came from. */
  readonly sources: Readonly<Record<SettingKey, SettingSource>>;
}

/** The few settings that are known even when others are wrong. */
export type SettingEssentials = Pick<Settings, "strictMode" | "disabled" | "logLevel">;
