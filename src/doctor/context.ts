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
import { type Answer, request } from "./brain_http.ts";
import { type BrainSession, openBrainSession } from "./brain_session.ts";
import { agentDirectories } from "./directories.ts";
import { type FullSession, openFullSession } from "./full_session.ts";
import { findPackages, type FoundPackage } from "./inventory.ts";
import { type LiveAgent, readLiveAgents } from "./live_agents.ts";
import type { DoctorOptions } from "./options.ts";
import { findRoute, type Route, type RouteOutcome } from "./route.ts";
import { tryUpgrade, type UpgradeOutcome } from "./upgrade.ts";

const DEFAULT_TIMEOUT_MS = 5000;

/** What the probes share; what costs something is asked once. */
export interface DoctorContext {
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
  /** What `/api/v1/health` answers. */
  health(): Promise<Answer>;
  /** A socket without a hello. */
  upgrade(): Promise<UpgradeOutcome>;
  /** A long-poll session; `shifted` signs with the brain's clock. */
  session(shifted?: boolean): Promise<BrainSession>;
  /** A whole session, or `null` where none may be opened. */
  fullSession(): Promise<FullSession | null>;
  /** Brain's clock minus ours, or `null` when no answer told. */
  clockOffsetMs(): Promise<number | null>;
  /** Live agents of this home. */
  liveAgents(): Promise<readonly LiveAgent[]>;
  /** Queue and schedule libraries of the app. */
  packages(): readonly FoundPackage[];
}

/** Reads settings and prepares everything else for when it is asked. */
export function createContext(options: DoctorOptions): DoctorContext {
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
  const context: DoctorContext = {
    options,
    timeoutMs,
    platform,
    net: createNetProbe(),
    disk,
    isGranted: permissionCheck(),
    env,
    outcome,
    values,
    location: memo(() => {
      const { home, bufferPath } = values;
      return home === undefined
        ? null
        : chooseBufferPath({ home, bufferPath: bufferPath ?? null }, platform);
    }),
    route: memo(() => findRoute(values, given, platform)),
    health: memo(() => request(routeOf(context), "/api/v1/health", {}, timeoutMs)),
    upgrade: memo(() =>
      tryUpgrade(routeOf(context), values.token ?? "", values.devMode ?? false, timeoutMs)
    ),
    session: memoBy(async (shifted) => {
      const clockShiftMs = shifted ? await context.clockOffsetMs() ?? 0 : 0;
      return await openBrainSession({
        route: routeOf(context),
        token: values.token ?? "",
        hmacSecret: values.hmacSecret ?? "",
        clockShiftMs,
        timeoutMs,
      });
    }),
    fullSession: memo(async () => {
      const mates = (await context.liveAgents()).filter(({ sharesToken }) => sharesToken);
      // While none is connected, commands that wait would come to us.
      const isSafe = mates.some(({ presence }) => presence.status.state === "connected");
      if (!isSafe && options.handshake !== true) return null;
      return await openFullSession({
        route: routeOf(context),
        token: values.token ?? "",
        hmacSecret: values.hmacSecret ?? "",
        allowInsecure: values.devMode ?? false,
        mates,
        sendsEvent: options.roundTrip !== false,
        timeoutMs,
      });
    }),
    clockOffsetMs: memo(async () => {
      const { opening } = await context.session();
      const told = opening.kind === "answer" ? opening.clockOffsetMs : null;
      if (told !== null) return told;
      const health = await context.health();
      return health.kind === "answer" ? health.clockOffsetMs : null;
    }),
    liveAgents: memo(() =>
      readLiveAgents({
        directories: agentDirectories(values.home, context.location(), context.isGranted),
        token: values.token ?? null,
      })
    ),
    packages: memo(() => findPackages(options.appDir ?? ".", disk)),
  };
  return context;
}

/** The way to the brain, for probes that need `proxy` and so know that there is one. */
export function routeOf(context: Pick<DoctorContext, "route">): Route {
  const outcome = context.route();
  if (outcome?.ok) return outcome.route;
  throw new Error("Cannot reach the brain: no usable address, expected the settings probe before");
}

function memo<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function memoBy<T>(make: (flag: boolean) => T): (flag?: boolean) => T {
  const plain = memo(() => make(false));
  const flagged = memo(() => make(true));
  return (flag = false) => flag ? flagged() : plain();
}
