import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ChaosChild, type Runtime, startChild } from "../chaos_parts/child.ts";
import { createRandom } from "../chaos_parts/random.ts";
import { attack, type Outcome } from "./attacker.ts";
import { HTTP_PLANS } from "./http_plans.ts";
import { LONG_POLL_PLANS } from "./long_poll_plans.ts";
import { CREATED, type Plan, type Target } from "./plan.ts";
import { SOCKET_PLANS } from "./socket_plans.ts";

/** How to attack one brain. */
export interface RunOptions {
  readonly runtime: Runtime;
  readonly seed: number;
  readonly cases: number;
  /** Sockets of a request that never goes on, which the brain has to end by itself. */
  readonly held: number;
}

/** What came of it. */
export interface RunAccount {
  readonly runtime: Runtime;
  readonly cases: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly kinds: Readonly<Record<string, number>>;
  readonly honest: {
    readonly recorded: number;
    readonly acked: number;
    readonly calmP50Ms: number;
    readonly attackedP50Ms: number;
    readonly attackedP99Ms: number;
  };
  /** Sockets of the brain before, at most meanwhile, and after. */
  readonly sockets: { readonly before: number; readonly most: number; readonly after: number };
  readonly failures: readonly string[];
}

interface Up {
  readonly port: number;
  readonly apiToken: string;
  readonly signInUrl: string;
  readonly stolen: string;
  readonly honest: { readonly token: string; readonly secret: string };
}

const OPEN_AT_ONCE = 48;
// A case begins so often: attackers that took the machine's two cores whole would
// measure these, and not the brain.
const EVERY_MS = 8;
const CALM_MS = 1_500;
// A process that has just started is slower than it will be: that would hide a slow one.
const WARM_MS = 1_500;
// Bun ends what is silent after 30 s; the rest is for its timer and a slow machine.
const EMPTY_MS = 40_000;
const START_MS = 30_000;
const TWICE = 2;
// Below this a difference is the machine's noise.
const NOISE_MS = 20;
const SPARE_SOCKETS = 2;

/** Attacks a brain of one runtime while an honest agent records. */
export async function run(options: RunOptions): Promise<RunAccount> {
  const folder = mkdtempSync(join(tmpdir(), "z4j-attack-"));
  const children: ChaosChild[] = [];
  const start = (runtime: Runtime, script: string, env: Readonly<Record<string, string>>) => {
    const args = [join(folder, "brain")];
    const log = join(folder, "log.txt");
    const child = startChild({ runtime, script: `scripts/attack_parts/${script}`, args, env, log });
    children.push(child);
    return child;
  };
  try {
    const brain = start(options.runtime, "brain_child.ts", {});
    const up = JSON.parse(await brain.line('{"port"', START_MS) ?? "null") as Up | null;
    if (up === null) throw new Error(`the brain did not start: ${logOf(folder)}`);
    const honest = start("bun", "honest_child.ts", {
      Z4J_BRAIN_URL: `http://127.0.0.1:${up.port}`,
      ...{ Z4J_TOKEN: up.honest.token, Z4J_HMAC_SECRET: up.honest.secret },
      ...{ Z4J_PROJECT_ID: "default", Z4J_LOG_LEVEL: "error", Z4J_HOME: join(folder, "home") },
    });
    if (await honest.line('{"up"', START_MS) === null) throw new Error(logOf(folder));
    return await siege(options, { brain, honest, up, folder });
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map((child) => child.ended));
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Siege {
  readonly brain: ChaosChild;
  readonly honest: ChaosChild;
  readonly up: Up;
  readonly folder: string;
}

interface Tally {
  readonly outcomes: Record<Outcome, number>;
  readonly kinds: Record<string, number>;
  readonly failures: string[];
  most: number;
}

async function siege(options: RunOptions, parts: Siege): Promise<RunAccount> {
  const { brain, honest, up } = parts;
  const target: Target = { ...up, cookie: await signIn(up.signInUrl) };
  await sleep(WARM_MS);
  const warmMs = Date.now();
  await sleep(CALM_MS);
  const [before, fromMs] = [socketsOf(brain.pid), Date.now()];
  const outcomes = { refused: 0, accepted: 0, unanswered: 0 };
  const tally: Tally = { outcomes, kinds: {}, failures: [], most: before };
  await storm(options, target, brain.pid, tally);
  const toMs = Date.now();
  const after = await emptied(brain.pid, before);
  tally.failures.push(...await creations(up));
  honest.kill("SIGTERM");
  await honest.ended;
  const end = honest.last<HonestEnd>('{"recorded"') ?? { recorded: -1, acked: 0, took: [] };
  const calm = end.took.filter(([at]) => at >= warmMs && at < fromMs).map(([, ms]) => ms);
  const attacked = end.took.filter(([at]) => at >= fromMs && at < toMs).map(([, ms]) => ms);
  const account = {
    ...{ runtime: options.runtime, cases: options.cases, outcomes, kinds: tally.kinds },
    honest: {
      ...{ recorded: end.recorded, acked: end.acked, calmP50Ms: quantile(calm, 0.5) },
      attackedP50Ms: quantile(attacked, 0.5),
      attackedP99Ms: quantile(attacked, 0.99),
    },
    sockets: { before, most: tally.most, after },
  };
  return { ...account, failures: [...tally.failures, ...complaints(account, parts)] };
}

interface HonestEnd {
  readonly recorded: number;
  readonly acked: number;
  readonly took: readonly (readonly [atMs: number, tookMs: number])[];
}

function complaints(account: Omit<RunAccount, "failures">, { folder }: Siege): string[] {
  const { honest, sockets } = account;
  const { recorded, acked, calmP50Ms, attackedP50Ms } = honest;
  const bound = Math.max(TWICE * calmP50Ms, calmP50Ms + NOISE_MS);
  return [
    recorded > 0 && acked === recorded ? "" : `${acked} of ${recorded} events were acknowledged`,
    attackedP50Ms <= bound ? "" : `honest events took ${attackedP50Ms} ms, before ${calmP50Ms} ms`,
    sockets.after <= sockets.before + SPARE_SOCKETS
      ? ""
      : `${sockets.after} sockets stayed open, ${sockets.before} before`,
    /"?a request failed/.test(logOf(folder)) ? `the brain failed: ${logOf(folder)}` : "",
  ].filter((text) => text !== "");
}

/** All attacks, so many at once, beside sockets that are held open to the end. */
async function storm(
  options: RunOptions,
  target: Target,
  pid: number,
  tally: Tally,
): Promise<void> {
  const { runtime, seed, cases, held } = options;
  const planners = Object.entries({ ...HTTP_PLANS, ...LONG_POLL_PLANS, ...SOCKET_PLANS });
  const holding = Array.from({ length: held }, () => attack(target.port, HELD));
  const startMs = performance.now();
  let next = 0;
  const one = async (): Promise<void> => {
    for (let at = next++; at < cases; at = next++) {
      await sleep(Math.max(0, startMs + at * EVERY_MS - performance.now()));
      const random = createRandom(seed).fork(`${runtime} ${at}`);
      const found = planners[at % planners.length];
      if (found === undefined) return;
      const [kind, planner] = found;
      const plan = { ...PLAIN, kind, ...planner(target, random) };
      const { outcome, why } = await attack(target.port, plan);
      tally.outcomes[outcome]++;
      tally.kinds[kind] = (tally.kinds[kind] ?? 0) + 1;
      if (why !== null) tally.failures.push(`${kind}, case ${at}: ${why}`);
      if (at % 16 === 0) tally.most = Math.max(tally.most, socketsOf(pid));
    }
  };
  await Promise.all(Array.from({ length: OPEN_AT_ONCE }, one));
  const left = (await Promise.all(holding)).filter(({ why }) => why !== null).length;
  if (left > 0) tally.failures.push(`${left} silent sockets were kept for ever`);
}

const PLAIN: Plan = {
  ...{ kind: "", parts: [], paceMs: 0, then: "answer", refused: true, ends: false },
};
const HELD: Plan = { ...PLAIN, parts: ["GET / HT"], ends: true, waitMs: EMPTY_MS };

async function signIn(url: string): Promise<string> {
  const answer = await fetch(url, { redirect: "manual" });
  const cookie = answer.headers.get("set-cookie")?.split(";")[0];
  if (cookie === undefined) throw new Error(`no session came of the link: ${answer.status}`);
  return cookie;
}

/** Agents that an attacker has created; the answer is the proof that the brain lives, too. */
async function creations({ port, apiToken }: Up): Promise<string[]> {
  const url = `http://127.0.0.1:${port}/api/v1/projects/default/agents`;
  const headers = { authorization: `Bearer ${apiToken}` };
  try {
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(10_000) });
    const agents = await answer.json() as { readonly name: string }[];
    const made = agents.filter(({ name }) => name.startsWith(CREATED)).length;
    const lost = agents.length - made === 2 ? [] : [`the brain knows ${agents.length} agents`];
    return made === 0 ? lost : [`${made} agents were created`, ...lost];
  } catch (error) {
    return [`the brain does not answer: ${String(error)}`];
  }
}

async function emptied(pid: number, before: number): Promise<number> {
  const startMs = performance.now();
  while (socketsOf(pid) > before + SPARE_SOCKETS && performance.now() - startMs < EMPTY_MS) {
    await sleep(50);
  }
  return socketsOf(pid);
}

function socketsOf(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  let count = 0;
  try {
    for (const name of readdirSync(folder)) {
      if (isSocket(join(folder, name))) count++;
    }
  } catch {
    return 0; // The brain died, which its silence tells.
  }
  return count;
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith("socket:");
  } catch {
    return false; // Closed meanwhile.
  }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? -1;
}

function logOf(folder: string): string {
  try {
    return readFileSync(join(folder, "log.txt"), "utf8").slice(-2_000);
  } catch {
    return "";
  }
}
