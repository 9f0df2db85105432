import type { OpenTelemetryLike } from "../agent/otel_like.ts";
import type { RedactHook } from "../agent/privacy.ts";
import type { Clock } from "../base/clock.ts";
import type { JsonObject } from "../base/json.ts";
import type { Logger } from "../base/logger.ts";
import type { Engine } from "../engines/contract.ts";
import type { Scheduler } from "../schedulers/contract.ts";
import type { AgentSettingsOptions } from "../settings/options.ts";
import type { WebSocketFactory } from "../transport/socket_like.ts";

/**
 * What users write to make an agent: the settings, plus what it watches.
 */
export interface AgentOptions extends AgentSettingsOptions {
  /** Job engines to watch and steer. Default: none. */
  readonly engines?: readonly Engine[] | undefined;
  /** Schedulers to watch and steer. Default: none. */
  readonly schedulers?: readonly Scheduler[] | undefined;
  /** Web framework as the brain shows it. Default `bare`, `hono` with the middleware. */
  readonly framework?: string | undefined;
  /** Where lines are written. Default: the console, from `logLevel` upwards. */
  readonly logger?: Logger | undefined;
  /** Facts about the current unit of work, put on each event as `context`. */
  readonly context?: (() => JsonObject | undefined) | undefined;
  /**
   * Removes more from the data of an event, after the built-in rules: gets a
   * redacted copy that it may change, and answers it or another object. When it
   * throws, answers a promise, or was slower than 10 ms twenty times, inputs,
   * results and errors are withheld. Default: none.
   */
  readonly redact?: RedactHook | undefined;
  /**
   * Further names of scripts, tools and package scripts in which the agent does
   * not start by itself, besides the built-in ones; `false` switches all those
   * rules off, for a test that wants `startAgent()` to start. Default: none.
   */
  readonly skip?: readonly string[] | false | undefined;
  /**
   * Your own `@opentelemetry/api`: commands and jobs that carry a context get
   * spans in your traces, and requests take their trace from yours. Default: no
   * spans.
   */
  readonly opentelemetry?: OpenTelemetryLike | undefined;
  /** Time. Default: the clock of the process. */
  readonly clock?: Clock | undefined;
  /** How to open a socket. Default: the runtime's `WebSocket` with headers. */
  readonly webSocket?: WebSocketFactory | undefined;
}

/** The keys above; the settings refuse every other unknown key. */
export const AGENT_OPTION_KEYS: readonly string[] = [
  "engines",
  "schedulers",
  "framework",
  "logger",
  "context",
  "redact",
  "skip",
  "opentelemetry",
  "clock",
  "webSocket",
];
