import { type Answer, request } from "./brain_http.ts";
import { type BrainSession, openBrainSession } from "./brain_session.ts";
import { type DoctorBase, routeOf } from "./base.ts";
import { type FullSession, openFullSession } from "./full_session.ts";
import { memo } from "./memo.ts";
import { tryUpgrade, type UpgradeOutcome } from "./upgrade.ts";

/** What the brain answers; each question is asked once. */
export interface BrainSources {
  /** What `/api/v1/health` answers. */
  health(): Promise<Answer>;
  /** A socket without a hello. */
  upgrade(): Promise<UpgradeOutcome>;
  /** A long-poll session. */
  session(): Promise<BrainSession>;
  /** Another one, whose frames are signed by the brain's clock. */
  shiftedSession(): Promise<BrainSession>;
  /** A whole session, or `null` where none may be opened. */
  fullSession(): Promise<FullSession | null>;
  /** Brain's clock minus ours, or `null` when no answer told. */
  clockOffsetMs(): Promise<number | null>;
}

/** Prepares the questions; nothing is asked yet. */
export function createSources(base: DoctorBase): BrainSources {
  const { values, timeoutMs } = base;
  const token = values.token ?? "";
  const hmacSecret = values.hmacSecret ?? "";
  const open = (clockShiftMs: number): Promise<BrainSession> =>
    openBrainSession({ route: routeOf(base), token, hmacSecret, clockShiftMs, timeoutMs });
  const sources: BrainSources = {
    health: memo(() => request(routeOf(base), "/api/v1/health", {}, timeoutMs)),
    upgrade: memo(() => tryUpgrade(routeOf(base), token, values.devMode ?? false, timeoutMs)),
    session: memo(() => open(0)),
    shiftedSession: memo(async () => await open(await sources.clockOffsetMs() ?? 0)),
    fullSession: memo(() => fullSession(base)),
    clockOffsetMs: memo(async () => {
      const { opening } = await sources.session();
      const told = opening.kind === "answer" ? opening.clockOffsetMs : null;
      if (told !== null) return told;
      const health = await sources.health();
      return health.kind === "answer" ? health.clockOffsetMs : null;
    }),
  };
  return sources;
}

async function fullSession(base: DoctorBase): Promise<FullSession | null> {
  const { values, options, timeoutMs } = base;
  const mates = (await base.liveAgents()).filter(({ sharesToken }) => sharesToken);
  // While none is connected, commands that wait would come to us.
  const isSafe = mates.some(({ presence }) => presence.status.state === "connected");
  if (!isSafe && options.handshake !== true) return null;
  return await openFullSession({
    route: routeOf(base),
    token: values.token ?? "",
    hmacSecret: values.hmacSecret ?? "",
    allowInsecure: values.devMode ?? false,
    mates,
    sendsEvent: options.roundTrip !== false,
    timeoutMs,
  });
}
