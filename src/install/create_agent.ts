import { createAgentCore } from "../agent/agent.ts";
import { isSuperseded, nextGeneration } from "../agent/registry.ts";
import type { Agent, AgentParts } from "../agent/agent_types.ts";
import { createCommandPolicy } from "../agent/command_policy.ts";
import type { PrivacyRules } from "../agent/privacy.ts";
import { createSpans } from "../agent/spans.ts";
import { createWorkTracker } from "../agent/work_contexts.ts";
import { systemClock } from "../base/clock.ts";
import { isZ4jError } from "../base/errors.ts";
import { consoleLogger, type Logger, safeLogger } from "../base/logger.ts";
import { VERSION } from "../base/version.ts";
import type { WorkSource } from "../base/work_context.ts";
import { createAsyncStore } from "../platform/async_store.ts";
import { permissionCheck } from "../platform/deno_permissions.ts";
import { fingerprintOf } from "../buffer/fingerprint.ts";
import { onHangupSignal } from "../platform/hangup_signal.ts";
import { onIdleEnd } from "../platform/idle_end.ts";
import { createPlatform } from "../platform/node.ts";
import type { Platform } from "../platform/port.ts";
import { onClusterFork, processFacts } from "../platform/process_facts.ts";
import { decodeHmacSecret } from "../protocol/hmac.ts";
import { createRedactor } from "../redaction/redactor.ts";
import { describeSettings } from "../settings/describe.ts";
import { settingsError, type SettingsProblem } from "../settings/problem.ts";
import { resolveSettings, type SettingsOutcome } from "../settings/resolve.ts";
import type { Settings } from "../settings/settings.ts";
import { createAgentFiles } from "./agent_files.ts";
import { createNeighbourDesk } from "./agent_neighbours.ts";
import { createAgentPresence, presenceFacts } from "./agent_presence.ts";
import { createAgentTransport } from "./agent_transport.ts";
import { createIdentity } from "./identity.ts";
import { createIdleAgent } from "./idle_agent.ts";
import { manageAgent, type ManagedAgent } from "./managed_agent.ts";
import { AGENT_OPTION_KEYS, type AgentOptions } from "./options.ts";
import { secretProblem } from "./secret_problem.ts";
import { createRestart } from "./restart.ts";
import { createStartGate } from "./start_gate.ts";
import { START_ENV_NAMES } from "./start_rules.ts";

/**
 * Makes the agent of this process from options and `Z4J_*` variables; the
 * environment wins. It does nothing until `start()`, which the Hono middleware
 * and `startAgent()` call.
 *
 * With wrong settings the process runs on without an agent, after one clear
 * line; with `strictMode` this throws instead.
 *
 * @param options What to watch, and how to reach the brain.
 * @throws {Z4jError} `Z4J_SETTINGS_INVALID` in strict mode, with every problem in `details`.
 *
 * @example An agent that is switched off
 * ```ts
 * import { createAgent } from "@z4j/core";
 * import { equal } from "node:assert/strict";
 *
 * const agent = createAgent({ env: { Z4J_DISABLED: "1" } });
 * await agent.start();
 * equal(agent.status().state, "stopped");
 * ```
 */
export function createAgent(options: AgentOptions = {}): ManagedAgent {
  const platform = createPlatform();
  const outcome = resolveSettings(options, platform, {
    validateSecret: secretProblem,
    alsoAllowed: AGENT_OPTION_KEYS,
  });
  const logger = safeLogger(options.logger ?? consoleLogger(outcome.settings.logLevel));
  const { disabled } = outcome.settings;
  if (disabled) return idle("z4j is switched off (disabled, Z4J_DISABLED)", logger, "info");
  if (!outcome.ok) return degraded(outcome, logger);
  for (const { message } of outcome.warnings) logger.warn({}, message);
  try {
    return compose(options, outcome.settings, platform, logger);
  } catch (error) {
    if (outcome.settings.strictMode || !isZ4jError(error)) throw error;
    return idle(error.message, logger, "error");
  }
}

/**
 * Makes the agent and starts it, unless `autostart` is off or a rule of
 * docs/life-cycle.md forbids it; one line then names the rule. A worker process
 * keeps it: SIGTERM and SIGINT flush what waits. A script that ends by itself
 * binds it with `await using`, which stops the agent at the end of the block.
 *
 * @param options What to watch, and how to reach the brain.
 * @throws {Z4jError} as `createAgent()` and `start()` do in strict mode.
 *
 * @example A script
 * ```ts
 * import { startAgent } from "@z4j/core";
 *
 * await using agent = await startAgent({ env: { Z4J_DISABLED: "1" } });
 * ```
 */
export async function startAgent(options: AgentOptions = {}): Promise<ManagedAgent> {
  const agent = createAgent(options);
  await agent.autoStart();
  return agent;
}

function compose(
  options: AgentOptions,
  settings: Settings,
  platform: Platform,
  logger: Logger,
): ManagedAgent {
  const clock = options.clock ?? systemClock;
  const naming = { framework: options.framework ?? "bare" };
  const files = createAgentFiles(settings, platform, logger);
  // Refused here, where every other setting is refused, not at the first start.
  if (settings.bufferPath !== null) files.check();
  const singletonKey = `${settings.projectId}/${settings.agentName ?? ""}`;
  const spans = options.opentelemetry && createSpans(options.opentelemetry, VERSION);
  const work = createWorkTracker(createAsyncStore<WorkSource>(), spans);
  const identity = createIdentity(settings, platform, () => naming.framework, clock.now(), {
    engines: options.engines?.length ?? 0,
    schedulers: options.schedulers?.length ?? 0,
  });
  const secret = decodeHmacSecret(settings.hmacSecret);
  const presence = createAgentPresence({
    home: () => files.home(),
    fingerprint: () => fingerprintOf(new TextEncoder().encode(settings.token)),
    facts: presenceFacts(settings, platform, identity),
    pid: platform.pid,
    desk: createNeighbourDesk({
      secret,
      isGranted: (path) => permissionCheck()({ name: "net", host: `unix:${path}` }),
      clock,
      logger,
    }),
    clock,
    logger,
  });
  const parts: AgentParts = {
    identity,
    announcer: presence,
    restart: createRestart({ platform, clock, startedAtMs: identity.startedAtMs }),
    secret,
    transport: createAgentTransport(settings, {
      platform,
      env: options.env,
      logger,
      webSocket: options.webSocket,
      clock: options.clock,
    }),
    openBuffer: () => files.openBuffer(),
    state: files.state,
    redactor: createRedactor({
      extraKeyPatterns: settings.redactionExtraKeyPatterns,
      extraValuePatterns: settings.redactionExtraValuePatterns,
      maxValueBytes: settings.maxPayloadBytes,
    }),
    privacy: privacyOf(settings, options),
    policy: createCommandPolicy({
      allow: settings.commandsAllow,
      deny: settings.commandsDeny,
      readOnly: settings.readOnly,
    }),
    engines: options.engines ?? [],
    schedulers: options.schedulers ?? [],
    purgeThreshold: settings.purgeThreshold,
    lintFacts: () => ({
      runtime: platform.runtime,
      envAccess: permissionCheck()({ name: "env" }) ? "full" : "scoped",
    }),
    context: options.context,
    work,
    spans,
    clock,
    logger,
    agentStatusDisabled: settings.agentStatusDisabled,
    singletonKey,
  };
  const generation = nextGeneration();
  const core = createAgentCore({ ...parts, generation });
  presence.watch(core);
  return manageAgent(core, {
    presence,
    gate: createStartGate({
      autostart: settings.autostart,
      skip: options.skip ?? [],
      facts: () => ({ ...processFacts(), env: platform.env(START_ENV_NAMES) }),
      isSuperseded: () => isSuperseded(singletonKey, generation),
      logger,
    }),
    onClusterFork,
    strictMode: settings.strictMode,
    config: describeSettings(settings),
    logger,
    onStopSignal: (listener) => platform.onStopSignal(listener),
    onHangup: (listener) => onHangupSignal(listener),
    onIdleEnd: (listener) => onIdleEnd(listener),
    nameFramework(name) {
      naming.framework = options.framework ?? name;
    },
  });
}

function privacyOf(settings: Settings, { redact }: AgentOptions): PrivacyRules {
  const { captureArgs: args, captureResult: result, captureError: error } = settings;
  return {
    capture: { args, result, error },
    redactPaths: settings.redactPaths,
    queues: settings.queuePrivacy,
    redact,
  };
}

function degraded(
  outcome: Extract<SettingsOutcome, { readonly ok: false }>,
  logger: Logger,
): ManagedAgent {
  if (outcome.settings.strictMode) throw settingsError(outcome.problems);
  for (const { message } of outcome.warnings) logger.warn({}, message);
  return idle(summary(outcome.problems), logger, "error");
}

function summary(problems: readonly SettingsProblem[]): string {
  return problems.map((problem) => problem.message).join("; ");
}

function idle(reason: string, logger: Logger, level: "info" | "error"): ManagedAgent {
  const agent: Agent = createIdleAgent(
    reason,
    () => logger[level]({}, `agent not started: ${reason}`),
    createWorkTracker(createAsyncStore<WorkSource>()),
  );
  return manageAgent(agent, {
    presence: { close: () => Promise.resolve() },
    // It starts nothing; its start says why.
    gate: { refusal: () => null, tell() {} },
    onClusterFork: () => () => {},
    strictMode: false,
    config: null,
    logger,
    onStopSignal: () => () => {},
    onHangup: () => () => {},
    onIdleEnd: () => () => {},
    nameFramework() {},
  });
}
