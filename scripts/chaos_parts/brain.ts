import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { BrainLine } from "./brain_child.ts";
import type { BrainKind } from "./brain_rows.ts";
import { type ChaosChild, type ChildEnd, type Runtime, startChild } from "./child.ts";
import { PLANT_VARIABLE } from "./plants.ts";
import { POINT_VARIABLE } from "./points.ts";

/** Secrets of an agent. */
export interface AgentSecrets {
  readonly token: string;
  readonly secret: string;
}

/** A brain that is killed and started again on the same data. */
export interface ChaosBrain {
  readonly kind: BrainKind;
  /** Its database file. */
  readonly database: string;
  /** Where it logs. */
  readonly log: string;
  /** Agents minted at the first start. */
  readonly agents: readonly AgentSecrets[];
  /** Starts it, at a chosen place of death if one is named; answers its port, or `null` if it died. */
  start(point?: string): Promise<number | null>;
  /** Resolves when the running one ended by itself. */
  died(): Promise<ChildEnd>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Ends it politely, or at last by force. */
  stop(): Promise<void>;
}

/** Where a brain lives. */
export interface BrainPlace {
  readonly folder: string;
  readonly runtime: Runtime;
  readonly agents: readonly string[];
  readonly plant: string | undefined;
}

const START_DEADLINE_MS = 30_000;

/** Opens the embedded brain's place and starts it for the first time, to mint agents. */
export async function openEmbeddedBrain(place: BrainPlace): Promise<ChaosBrain> {
  const directory = join(place.folder, "brain");
  const log = join(place.folder, "brain.log");
  let child: ChaosChild | undefined;
  const launch = async (names: readonly string[], point?: string): Promise<BrainLine | null> => {
    const started = startChild({
      runtime: place.runtime,
      script: "scripts/chaos_parts/brain_child.ts",
      args: [directory, ...names],
      env: {
        ...(point === undefined ? {} : { [POINT_VARIABLE]: point }),
        ...(place.plant === undefined ? {} : { [PLANT_VARIABLE]: place.plant }),
      },
      log,
    });
    child = started;
    const line = await started.line("{", START_DEADLINE_MS);
    return line === null ? null : JSON.parse(line) as BrainLine;
  };
  const kill = async (): Promise<void> => {
    child?.kill("SIGKILL");
    await child?.ended;
  };
  const first = await launch(place.agents);
  if (first === null) throw new Error(`Cannot start the brain: see ${log}`);
  return {
    kind: "embedded",
    database: join(directory, "brain.db"),
    log,
    agents: first.agents,
    start: async (point) => (await launch([], point))?.port ?? null,
    died: () => child?.ended ?? Promise.reject(new Error("the brain was never started")),
    kill,
    async stop() {
      child?.kill("SIGTERM");
      const timer = setTimeout(() => child?.kill("SIGKILL"), 5000);
      await child?.ended;
      clearTimeout(timer);
    },
  };
}

interface UpAnswer {
  readonly base_url: string;
  readonly agents: readonly { readonly token: string; readonly hmac_secret: string }[];
}

/** Starts the stock brain 1.13.0; it has no places of its own, so it dies at any time. */
export async function openStockBrain(place: BrainPlace): Promise<ChaosBrain> {
  const home = join(place.folder, "stock");
  const run = promisify(execFile);
  const control = async (action: string, ...rest: readonly string[]): Promise<string> => {
    const args = ["tests/interop/brainctl.py", action, "--home", home, ...rest];
    return (await run("python3", args, { maxBuffer: 16 * 1024 * 1024 })).stdout;
  };
  const names = place.agents.flatMap((name) => ["--agent", name]);
  const up = JSON.parse(await control("up", ...names)) as UpAnswer;
  const port = Number(new URL(up.base_url).port);
  return {
    kind: "stock",
    database: join(home, "z4j", "z4j.db"),
    log: join(home, "brain.log"),
    agents: up.agents.map(({ token, hmac_secret: secret }) => ({ token, secret })),
    async start() {
      await control("start");
      return port;
    },
    died: () => new Promise(() => {}),
    kill: async () => void await control("kill9"),
    stop: async () => void await control("down"),
  };
}
