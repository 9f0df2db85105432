import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import { type ChaosChild, type Runtime, startChild } from "../chaos_parts/child.ts";
import { type CuttingProxy, startCuttingProxy } from "../chaos_parts/cutting_proxy.ts";
import { createRandom } from "../chaos_parts/random.ts";
import type { Sample } from "./sampler.ts";
import { type Tolerance, type Trend, trendOf } from "./trend.ts";

/** What a soak does. */
export interface SoakOptions {
  readonly minutes: number;
  /** Events a second. */
  readonly rate: number;
  readonly runtime: Runtime;
  /** Seconds between cuts of the connection; 0 for none. */
  readonly cutEvery: number;
  /** Planted fault: the agent's process leaks. */
  readonly plant: "leak" | undefined;
}

/** What came of it. */
export interface SoakReport {
  readonly options: SoakOptions;
  readonly ok: boolean;
  readonly trends: Readonly<Record<string, Trend>>;
  readonly recorded: number;
  readonly stored: number;
  readonly cuts: number;
  readonly bytesPerEvent: number;
  readonly problems: readonly string[];
}

const MIB = 1024 * 1024;
// A collector keeps some garbage, and SQLite fills its caches.
const TOLERANCES: Readonly<Record<string, Tolerance>> = {
  "agent rss": { absolute: 12 * MIB, share: 0.1 },
  "agent heap": { absolute: 1 * MIB, share: 0.05 },
  "agent sockets": { absolute: 0.9, share: 0 },
  "agent timers": { absolute: 2, share: 0 },
  // A write-ahead log keeps its largest size: a thousand pages and the largest commit.
  "buffer files": { absolute: 4 * MIB, share: 0.1 },
  "brain rss": { absolute: 12 * MIB, share: 0.1 },
  "brain heap": { absolute: 1 * MIB, share: 0.05 },
  "brain sockets": { absolute: 0.9, share: 0 },
  "brain timers": { absolute: 2, share: 0 },
  "brain log file": { absolute: 4 * MIB, share: 0.1 },
};
const WARM_UP_SECONDS = 60;
const WARM_UP_SHARE = 0.3;

type Series = Record<string, number[]>;

/** Runs agent and brain for a while and judges what rose. */
export async function runSoak(
  options: SoakOptions,
  told: (second: number) => void = () => {},
): Promise<SoakReport> {
  const folder = mkdtempSync(join(tmpdir(), "z4j-soak-"));
  mkdirSync(join(folder, "home"), { mode: 0o700 });
  const proxy = await startCuttingProxy(createRandom(1));
  proxy.calm();
  const brain = start(options, folder, "brain_child", [join(folder, "brain")], {});
  let agent: ChaosChild | undefined;
  try {
    const { up } = parse<{ up: { port: number; token: string; secret: string } }>(
      await brain.line('{"up"'),
      `the brain did not start, see ${folder}`,
    );
    proxy.aim(up.port);
    agent = start(options, folder, "agent_child", [String(options.rate)], {
      Z4J_BRAIN_URL: `http://127.0.0.1:${proxy.port}`,
      Z4J_TOKEN: up.token,
      Z4J_HMAC_SECRET: up.secret,
      Z4J_PROJECT_ID: "default",
      Z4J_HOME: join(folder, "home"),
      Z4J_LOG_LEVEL: "error",
      ...(options.plant === undefined ? {} : { Z4J_SOAK_PLANT: options.plant }),
    });
    const { series, cuts } = await measure(options, { agent, brain, folder, proxy }, told);
    return await judge(options, { agent, brain, folder }, series, cuts);
  } finally {
    agent?.kill("SIGKILL");
    brain.kill("SIGKILL");
    await proxy.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function start(
  { runtime }: SoakOptions,
  folder: string,
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ChaosChild {
  const script = `scripts/soak_parts/${name}.ts`;
  return startChild({ runtime, script, args, env, log: join(folder, `${name}.log`) });
}

interface Processes {
  readonly agent: ChaosChild;
  readonly brain: ChaosChild;
  readonly folder: string;
}

async function measure(
  options: SoakOptions,
  { agent, brain, folder, proxy }: Processes & { readonly proxy: CuttingProxy },
  told: (second: number) => void,
): Promise<{ readonly series: Series; readonly cuts: number }> {
  const series: Series = Object.fromEntries(Object.keys(TOLERANCES).map((name) => [name, []]));
  const seconds = Math.ceil(options.minutes * 60);
  let cuts = 0;
  for (let second = 1; second <= seconds; second++) {
    await sleep(1000);
    add(series, "agent", agent.last<Sample>('{"rss"'));
    add(series, "brain", withoutPages(brain.last<Sample>('{"rss"'), folder));
    series["buffer files"]?.push(bytesIn(join(folder, "home"), ""));
    series["brain log file"]?.push(bytesIn(join(folder, "brain"), "-wal"));
    if (options.cutEvery > 0 && second % options.cutEvery === 0) {
      proxy.cutAll();
      cuts++;
    }
    told(second);
  }
  return { series, cuts };
}

// The brain's database keeps this much of its file in memory, so it fills with the file.
const PAGE_CACHE_BYTES = 32 * MIB;

/** A brain's sample without the pages of its database. */
function withoutPages(sample: Sample | null, folder: string): Sample | null {
  if (sample === null) return null;
  const pages = Math.min(PAGE_CACHE_BYTES, bytesIn(join(folder, "brain"), ".db"));
  return { ...sample, rss: sample.rss - pages };
}

function add(series: Series, who: string, sample: Sample | null): void {
  if (sample === null) return;
  for (const name of ["rss", "heap", "sockets", "timers"] as const) {
    const value = sample[name];
    if (value !== null) series[`${who} ${name}`]?.push(value);
  }
}

async function judge(
  options: SoakOptions,
  { agent, brain, folder }: Processes,
  series: Series,
  cuts: number,
): Promise<SoakReport> {
  agent.kill("SIGTERM");
  const { end } = parse<{ end: { recorded: number; remaining: number; lost: unknown } }>(
    await agent.line('{"end"'),
    "the agent's process ended without its report",
  );
  brain.kill("SIGTERM");
  await brain.ended;
  const stored = await countEvents(join(folder, "brain", "brain.db"));
  const seconds = options.minutes * 60;
  const warmUp = Math.floor(Math.min(WARM_UP_SECONDS, seconds * WARM_UP_SHARE));
  const problems: string[] = [];
  const trends: Record<string, Trend> = {};
  for (const [name, tolerance] of Object.entries(TOLERANCES)) {
    const values = series[name] ?? [];
    // Sockets are only known where /proc is.
    if (values.length === 0 && name.endsWith("sockets")) continue;
    const trend = trendOf(values, warmUp, tolerance);
    trends[name] = trend;
    if (!trend.flat) problems.push(`${name} rose by ${Math.round(trend.rise)}`);
  }
  const { recorded, remaining } = end;
  if (remaining > 0) problems.push(`${remaining} events were not delivered`);
  if (stored !== recorded) problems.push(`${recorded} events recorded, ${stored} in the brain`);
  const least = Math.floor(options.rate * Math.max(0, seconds - 5));
  if (recorded < least) {
    problems.push(`${recorded} events recorded, expected ${least} at this rate`);
  }
  const bytesPerEvent = Math.round(bytesIn(join(folder, "brain"), ".db") / Math.max(1, stored));
  return {
    options,
    ok: problems.length === 0,
    trends,
    recorded,
    stored,
    cuts,
    bytesPerEvent,
    problems,
  };
}

async function countEvents(path: string): Promise<number> {
  const database = (await loadSqlite())(path);
  const total = Number(database.prepare("SELECT count(*) AS n FROM events").get()?.["n"] ?? 0);
  database.close();
  return total;
}

function bytesIn(directory: string, suffix: string): number {
  let bytes = 0;
  for (const name of readdirSync(directory)) {
    if (!name.endsWith(suffix)) continue;
    bytes += statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

function parse<T>(line: string | null, otherwise: string): T {
  if (line === null) throw new Error(otherwise);
  return JSON.parse(line) as T;
}
