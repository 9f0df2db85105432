import {
  AGENT_ENV_NAMES,
  type BufferLocation,
  chooseBufferPath,
  createDiskProbe,
  createNetProbe,
  createPlatform,
  type DiskProbe,
  type IsGranted,
  type NetProbe,
  permissionCheck,
  type Platform,
  PROXY_ENV_NAMES,
  resolveSettings,
  secretProblem,
  type SettingsOutcome,
  type SettingValues,
} from "@z4j/core/diagnostics";
import { agentDirectories } from "./directories.ts";
import { findPackages, type FoundPackage } from "./inventory.ts";
import { type LiveAgent, readLiveAgents } from "./live_agents.ts";
import { memo } from "./memo.ts";
import type { DoctorOptions } from "./options.ts";
import { findRoute, type Route, type RouteOutcome } from "./route.ts";

const DEFAULT_TIMEOUT_MS = 5000;

/** What the probes know before anybody is asked; what costs something is found once. */
export interface DoctorBase {
  readonly options: DoctorOptions;
  readonly timeoutMs: number;
  readonly platform: Platform;
  readonly net: NetProbe;
  readonly disk: DiskProbe;
  readonly isGranted: IsGranted;
  /** The environment as far as it may be read. */
  readonly env: Readonly<Record<string, string>>;
  readonly outcome: SettingsOutcome;
  /** The settings that are right; they hold secrets. */
  readonly values: Readonly<Partial<SettingValues>>;
  /** Where the buffer goes; `null` when the home is not known. */
  location(): BufferLocation | null;
  /** The way to the brain; `null` without an address. */
  route(): RouteOutcome | null;
  /** Live agents of this home. */
  liveAgents(): Promise<readonly LiveAgent[]>;
  /** Queue and schedule libraries of the app. */
  packages(): readonly FoundPackage[];
}

/** Reads settings and prepares everything else for when it is asked. */
export function createBase(options: DoctorOptions): DoctorBase {
  const platform = createPlatform();
  const given = options.settings?.env;
  const env = given === false
    ? {}
    : given ?? platform.env([...AGENT_ENV_NAMES, ...PROXY_ENV_NAMES, "HOME", "REDIS_URL"]);
  const outcome = resolveSettings(options.settings ?? {}, platform, {
    validateSecret: secretProblem,
  });
  const values = outcome.ok ? outcome.settings : outcome.partial();
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const disk = createDiskProbe();
  const isGranted = permissionCheck();
  const location = memo(() => {
    const { home, bufferPath } = values;
    return home === undefined
      ? null
      : chooseBufferPath({ home, bufferPath: bufferPath ?? null }, platform);
  });
  return {
    options,
    timeoutMs,
    platform,
    net: createNetProbe(),
    disk,
    isGranted,
    env,
    outcome,
    values,
    location,
    route: memo(() => findRoute(values, given, platform)),
    liveAgents: memo(() =>
      readLiveAgents({
        directories: agentDirectories(values.home, location(), isGranted),
        token: values.token ?? null,
      })
    ),
    packages: memo(() => findPackages(options.appDir ?? ".", disk)),
  };
}

/** The way to the brain, for probes that need `proxy` and so know that there is one. */
export function routeOf(context: Pick<DoctorBase, "route">): Route {
  const outcome = context.route();
  if (outcome?.ok) return outcome.route;
  throw new Error("Cannot reach the brain: no usable address, expected the settings probe before");
}
