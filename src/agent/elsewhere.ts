import { type Clock, sleep, TIMED_OUT, withDeadline } from "../base/clock.ts";
import type { ActionContext, ActionOutcome } from "../engines/contract.ts";
import { type CommandNeed, type Fit, fitOf, needOf } from "./command_need.ts";
import type { CommandPolicy } from "./command_policy.ts";
import type { ReceivedCommand } from "./commands.ts";
import type { Announcement } from "./hello.ts";
import { nameOf, type Neighbour, outcomeOf } from "./neighbours.ts";

/** Carries a command out in this process, its policy included. */
export type Here = () => Promise<ActionOutcome>;

/** Carries a command out in the process that can: this one or a neighbour. */
export type Router = (
  command: ReceivedCommand,
  context: ActionContext,
  here: Here,
) => Promise<ActionOutcome>;

/** What routing needs. */
export interface RouterParts {
  /** What this process has. */
  readonly own: Announcement;
  /** The processes that share the token and the home, in an order that all agree on. */
  readonly neighbours: () => Promise<readonly Neighbour[]>;
  readonly policy: CommandPolicy;
  readonly clock: Clock;
}

// Files of a folder are read: a home on a dead network disk must not hold the answer.
const LOOK_MS = 2000;
// A refused tick switches its schedule off; the owner may just be starting anew.
const FIRE_PATIENCE_MS = 20_000;
const FIRE_LOOK_MS = 1000;
// Of these every process of a token may refuse what another one can do.
const ON_WORKERS: ReadonlySet<string> = new Set([
  "pool_grow",
  "pool_shrink",
  "add_consumer",
  "cancel_consumer",
  "restart_worker",
]);

/**
 * A brain knows one inventory for all processes of a token and gives a command
 * to the one that connected first. What that one lacks is carried out by a
 * neighbour, once, under the neighbour's policy; the answer leaves from here.
 */
export function createRouter(parts: RouterParts): Router {
  return async (command, context, here) => {
    if (command.action === "schedule.resync") return await resyncAll(parts, command, context, here);
    const need = needOf(command);
    if (need === null) return await here();
    const fit = fitOf(need, parts.own);
    if (fit !== "full") return await byNeighbour(parts, { command, context, here, need, fit });
    if (!ON_WORKERS.has(command.action)) return await here();
    const outcome = await here();
    // Its policy speaks for the engine; not to know a worker does not.
    if (outcome.status !== "refused" || parts.policy.refusal(command) !== null) return outcome;
    const tried = await askInTurn(parts, await fitting(parts, need, "none"), command, context);
    return tried.outcome === null || tried.outcome.status === "refused" ? outcome : tried.outcome;
  };
}

interface Errand {
  readonly command: ReceivedCommand;
  readonly context: ActionContext;
  readonly here: Here;
  readonly need: CommandNeed;
  readonly fit: Fit;
}

async function byNeighbour(parts: RouterParts, errand: Errand): Promise<ActionOutcome> {
  const { command, context, here, need, fit } = errand;
  const { clock } = parts;
  const patience = command.action === "schedule.fire" && fit === "none" ? FIRE_PATIENCE_MS : 0;
  const until = clock.monotonic() + Math.min(patience, context.remainingMs / 2);
  for (;;) {
    const candidates = await fitting(parts, need, fit);
    const tried = need.isPortable
      ? await askInTurn(parts, candidates, command, context)
      : { outcome: null, problem: "its stream of schedules belongs to its own connection" };
    if (tried.outcome !== null) return tried.outcome;
    if (fit === "part") return await here();
    if (clock.monotonic() + FIRE_LOOK_MS > until || context.signal.aborted) {
      return advised(await here(), candidates[0], tried.problem);
    }
    await sleep(clock, FIRE_LOOK_MS, context.signal);
  }
}

/** Those that have more of what is needed than this process, the able ones first. */
async function fitting(
  { neighbours, clock }: RouterParts,
  need: CommandNeed,
  own: Fit,
): Promise<readonly Neighbour[]> {
  const found = await withDeadline(clock, neighbours().catch(() => []), LOOK_MS);
  if (found === TIMED_OUT) return [];
  const of = (fit: Fit): readonly Neighbour[] =>
    found.filter(({ announces }) => fitOf(need, announces) === fit);
  return own === "none" ? [...of("full"), ...of("part")] : of("full");
}

interface Tried {
  /** The first that is no refusal, else the first refusal, else `null`. */
  readonly outcome: ActionOutcome | null;
  /** Why the last one could not be asked. */
  readonly problem: string | null;
}

/** Asks until one does not refuse; who may have begun is the last one that is asked. */
async function askInTurn(
  { clock }: RouterParts,
  neighbours: readonly Neighbour[],
  command: ReceivedCommand,
  { remainingMs, signal }: ActionContext,
): Promise<Tried> {
  const until = clock.monotonic() + remainingMs;
  let refused: ActionOutcome | null = null;
  let problem: string | null = null;
  for (const neighbour of neighbours) {
    const leftMs = until - clock.monotonic();
    if (leftMs <= 0 || signal.aborted) break;
    const answer = await neighbour.ask(command, { remainingMs: leftMs, signal });
    if (answer.status === "lost") {
      const reason = `${nameOf(neighbour)} took the command: ${answer.reason}; ` +
        "it may still take effect";
      return { outcome: { status: "indeterminate", reason }, problem: null };
    }
    if (answer.status === "unreached") {
      problem = answer.reason;
      continue;
    }
    const outcome = outcomeOf(answer.result);
    if (outcome.status !== "refused") return { outcome, problem: null };
    refused ??= outcome;
  }
  return { outcome: refused, problem };
}

/** A resync is for all schedulers of the token. */
async function resyncAll(
  parts: RouterParts,
  command: ReceivedCommand,
  context: ActionContext,
  here: Here,
): Promise<ActionOutcome> {
  const need = { kind: "schedulers", name: null, token: null, isPortable: true } as const;
  const others = await fitting(parts, need, "none");
  const ask = (one: Neighbour): Promise<Tried> => askInTurn(parts, [one], command, context);
  const [own, ...tried] = await Promise.all([here(), ...others.map(ask)]);
  const all = tried.map(({ outcome }) => outcome).filter((one) => one !== null);
  const done = all.filter((one) => one.status === "done");
  const hasOwn = parts.own.schedulers.length > 0;
  if (own.status !== "done") return own;
  if (!hasOwn && others.length > 0 && done.length === 0) {
    const problem = tried.find((one) => one.problem !== null)?.problem ?? null;
    const reason = "no scheduler is watched by this process";
    return all[0] ?? advised({ status: "refused", reason }, others[0], problem);
  }
  const drained = [own, ...done].map(({ result }) => Number(result["schedulers_drained"] ?? 0));
  const total = drained.reduce((sum, count) => sum + count, 0);
  return { ...own, result: { ...own.result, schedulers_drained: total } };
}

/** A refusal with what to do about it. */
function advised(
  outcome: ActionOutcome,
  neighbour: Neighbour | undefined,
  problem: string | null,
): ActionOutcome {
  if (outcome.status !== "refused") return outcome;
  const advice = neighbour === undefined
    ? "nor by another process on this token in the same home: start the one that has it, with " +
      "the same Z4J_HOME"
    : `but by ${nameOf(neighbour)} on the same token, which cannot be asked ` +
      `(${problem ?? "there was no time left"}): mint a second token in the dashboard, and give ` +
      "one of the two kinds of process its Z4J_TOKEN and Z4J_HMAC_SECRET";
  return { status: "refused", reason: `${outcome.reason}, ${advice}` };
}
