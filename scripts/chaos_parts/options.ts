import { parseArgs } from "node:util";
import type { BrainKind } from "./brain_rows.ts";
import type { Runtime } from "./child.ts";
import { isPlant, type Plant, PLANTS } from "./plants.ts";
import { VARIANTS } from "./slots.ts";

/** What a run does. */
export interface ChaosOptions {
  readonly seed: number;
  readonly kills: number;
  readonly events: number;
  readonly brain: BrainKind;
  readonly plant: Plant | undefined;
  /** Names of the variants that write. */
  readonly variants: readonly string[];
  /** Runtime of the embedded brain. */
  readonly brainRuntime: Runtime;
  /** Whether the folder of the run is kept even if all is well. */
  readonly keep: boolean;
}

/** How to call it. */
export const HELP: string = `Kills agents and a brain and gives the account of every event.

  ./scripts/chaos                                   200 kills over 20 000 events
  ./scripts/chaos --full --seed 1                   2 000 kills over 100 000 events
  ./scripts/chaos --brain stock --kills 30 --seed 1
  ./scripts/chaos --plant delete-before-ack         must end with status 1
  ./scripts/chaos --engine bullmq --seed 1          BullMQ: agents, workers and Redis in trouble

  --engine E     bullmq: three agents and four workers over 5 000 jobs; the holder of the
                 lease is killed, the next one frozen, Redis restarted twice
  --jobs N       jobs of that scenario
  --seed N       choices of this run (default: drawn, and printed)
  --kills N      SIGKILLs in all
  --events M     events in all
  --full         2 000 kills, 100 000 events
  --brain KIND   embedded (default) or stock
  --brain-runtime R  runtime of the embedded brain: bun (default) or deno
  --variant V    only these writers; repeatable: ${VARIANTS.map(({ name }) => name).join(", ")}
  --plant FAULT  plants a fault: ${PLANTS.join(", ")}
  --prove        plants every fault in turn; ends with 0 if each one is found
  --json FILE    writes the account to a file as well
  --keep         keeps the folder of the run

Exit codes: 0 the account holds, 1 it does not, 2 wrong usage`;

/** What the command line asks for. */
export interface ChaosCall {
  readonly options: ChaosOptions;
  /** Whether every fault is planted in turn. */
  readonly prove: boolean;
  readonly help: boolean;
  /** The scenario of an engine instead of the kill account. */
  readonly engine: { readonly jobs: number } | undefined;
  /** File that keeps the account. */
  readonly json: string | undefined;
}

/** Reads the command line; a text says what is wrong with it. */
export function parseOptions(argv: readonly string[]): ChaosCall | string {
  try {
    return read(argv);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function read(argv: readonly string[]): ChaosCall {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seed: { type: "string" },
      kills: { type: "string" },
      engine: { type: "string" },
      jobs: { type: "string" },
      events: { type: "string" },
      full: { type: "boolean", default: false },
      brain: { type: "string", default: "embedded" },
      "brain-runtime": { type: "string", default: "bun" },
      variant: { type: "string", multiple: true },
      plant: { type: "string" },
      prove: { type: "boolean", default: false },
      json: { type: "string" },
      keep: { type: "boolean", default: false },
      help: { type: "boolean", default: false, short: "h" },
    },
  });
  const { brain, plant, full } = values;
  if (values.engine !== undefined && values.engine !== "bullmq") {
    throw new Error("--engine: bullmq");
  }
  if (brain !== "embedded" && brain !== "stock") throw new Error("--brain: embedded or stock");
  if (plant !== undefined && !isPlant(plant)) throw new Error(`--plant: ${PLANTS.join(", ")}`);
  const brainRuntime = values["brain-runtime"];
  if (brainRuntime !== "bun" && brainRuntime !== "deno") {
    throw new Error("--brain-runtime: bun or deno");
  }
  const names = VARIANTS.map(({ name }) => name);
  const variants = values.variant ?? names;
  const unknown = variants.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`--variant ${unknown}: ${names.join(", ")}`);
  // The stock brain takes some 120 events a second on two cores.
  const [kills, events] = full ? [2000, 100_000] : brain === "stock" ? [30, 2000] : [200, 20_000];
  const options: ChaosOptions = {
    seed: whole("--seed", values.seed, Math.floor(Math.random() * 1e9)),
    kills: whole("--kills", values.kills, kills),
    events: whole("--events", values.events, events),
    brain,
    plant,
    variants,
    brainRuntime,
    keep: values.keep,
  };
  const engine = values.engine === undefined
    ? undefined
    : { jobs: whole("--jobs", values.jobs, 5_000) };
  return { options, prove: values.prove, help: values.help, engine, json: values.json };
}

function whole(flag: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text.replaceAll("_", ""));
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${flag} ${text}: a whole number`);
  return value;
}
