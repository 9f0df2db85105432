/**
 * What a diagnosis needs of the agent: its settings, its directories, its way
 * to the network, read the way the agent itself reads them.
 *
 * `@z4j/doctor` and the command line are built on it.
 *
 * @example Why an agent would not start
 * ```ts
 * import { createPlatform, resolveSettings } from "@z4j/core/diagnostics";
 * import { match } from "node:assert/strict";
 *
 * const outcome = resolveSettings({ env: {} }, createPlatform());
 * if (!outcome.ok) match(outcome.problems[0]?.message ?? "", /brain_url is required/);
 * ```
 *
 * @module
 */
export { systemClock } from "../base/clock.ts";
export type { CancelTimer, Clock } from "../base/clock.ts";
export { errorText, isZ4jError, Z4jError } from "../base/errors.ts";
export type { Z4jErrorCode, Z4jErrorOptions } from "../base/errors.ts";
export type { JsonArray, JsonObject, JsonPrimitive, JsonValue } from "../base/json.ts";
export { noopLogger } from "../base/logger.ts";
export type { LogFacts, Logger, LogLevel } from "../base/logger.ts";
export type { MaybePromise } from "../base/maybe_promise.ts";
export { VERSION } from "../base/version.ts";
export { chooseBufferPath } from "../buffer/location.ts";
export type {
  BufferLocation,
  DirectoryAnswer,
  LocationPlatform,
  LocationWish,
} from "../buffer/location.ts";
export { isRemoteMount, mountType } from "../buffer/mounts.ts";
export { agentNetwork } from "../install/agent_network.ts";
export type { AgentNetwork } from "../install/agent_network.ts";
export type { NetworkParts, NetworkSettings } from "../install/network_needs.ts";
export { secretProblem } from "../install/secret_problem.ts";
export { permissionCheck } from "../platform/deno_permissions.ts";
export type { IsGranted, PermissionQuery } from "../platform/deno_permissions.ts";
export { createDiskProbe } from "../platform/disk_probe.ts";
export type { DiskFacts, DiskProbe } from "../platform/disk_probe.ts";
export { createNetProbe } from "../platform/net_probe.ts";
export type {
  NetFailure,
  NetProbe,
  NetProxy,
  NetReason,
  NetTarget,
} from "../platform/net_probe.ts";
export type { NetworkNeeds } from "../platform/network.ts";
export { createPlatform } from "../platform/node.ts";
export type { DirectoryState, DirectoryTrust, Platform, RuntimeName } from "../platform/port.ts";
export type { CertificateFacts, TlsOutcome, TlsTarget } from "../platform/tls_probe.ts";
export { isLoopback } from "../settings/brain_url.ts";
export { describeSettings } from "../settings/describe.ts";
export type { DescribedSetting } from "../settings/describe.ts";
export { AGENT_ENV_NAMES } from "../settings/known_env.ts";
export { nearestName } from "../settings/nearest.ts";
export type {
  AgentSettingsOptions,
  BufferStoreChoice,
  DurabilityChoice,
  TransportChoice,
} from "../settings/options.ts";
export type { SettingsProblem, SettingsProblemCode } from "../settings/problem.ts";
export { resolveSettings } from "../settings/resolve.ts";
export type { SettingsChecks, SettingsOutcome } from "../settings/resolve.ts";
export type {
  SettingEssentials,
  SettingKey,
  Settings,
  SettingSource,
  SettingValues,
} from "../settings/settings.ts";
export type { SettingsPlatform } from "../settings/source.ts";
export { settingsTable } from "../settings/table.ts";
export type { SettingRow } from "../settings/table.ts";
export type { SettingKind } from "../settings/rule.ts";
export { describeDialFailure } from "../transport/dial_failure.ts";
export type { FetchLike } from "../transport/long_poll_http.ts";
export { PROXY_ENV_NAMES } from "../transport/proxy.ts";
export type { FailureClass, SessionEnd } from "../transport/port.ts";
export type { WebSocketFactory, WebSocketInit, WebSocketLike } from "../transport/socket_like.ts";
export { agentSocketUrl } from "../transport/url.ts";
