/**
 * Runs an agent and the embedded brain for a while and fails when anything
 * rises after the warm-up or an event is missing:
 *
 *     soak.ts --minutes 5 --rate 200 [--runtime bun|deno] [--cut-every 15]
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { keepAccount } from "./account_parts/json.ts";
import { runSoak, type SoakReport } from "./soak_parts/run.ts";

const HELP = `Runs an agent and the embedded brain side by side and watches what grows.

  ./scripts/soak --minutes 5

  --minutes N     how long (default 5)
  --rate R        events a second (default 200)
  --runtime NAME  bun (default) or deno
  --plant leak    makes the agent's process leak; must end with 1
  --json FILE     writes the result to a file as well
  --cut-every S   cuts the connection every S seconds; 0 never (default 15)

Exit codes: 0 flat and complete, 1 not, 2 wrong usage`;

function table({ trends, recorded, stored, cuts, bytesPerEvent, problems }: SoakReport): string {
  const rows = Object.entries(trends).map(([name, { first, last, max, rise, bound, flat }]) => {
    const cells = [first, last, max, rise, bound].map((value) =>
      readable(name, value).padStart(10)
    );
    return `  ${name.padEnd(16)}${cells.join("")}  ${flat ? "flat" : "RISES"}`;
  });
  const head = ["first", "last", "max", "rise", "bound"].map((text) => text.padStart(10)).join("");
  return [
    `  ${"after warm-up".padEnd(16)}${head}`,
    ...rows,
    `  ${recorded} events recorded, ${stored} in the brain (${bytesPerEvent} bytes each), ${cuts} cuts`,
    ...problems.map((problem) => `  ! ${problem}`),
  ].join("\n");
}

function readable(name: string, value: number): string {
  const isCount = name.endsWith("sockets") || name.endsWith("timers");
  return isCount ? value.toFixed(1) : `${(value / 1024 / 1024).toFixed(2)}M`;
}

function number(flag: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  console.error(`--${flag} ${text}: expected a number from 0`);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    minutes: { type: "string" },
    rate: { type: "string" },
    runtime: { type: "string", default: "bun" },
    "cut-every": { type: "string" },
    plant: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean", default: false, short: "h" },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const { runtime, plant } = values;
if (plant !== undefined && plant !== "leak") {
  console.error(`--plant ${plant}: expected leak`);
  process.exit(2);
}
if (runtime !== "bun" && runtime !== "deno") {
  console.error(`--runtime ${runtime}: expected bun or deno`);
  process.exit(2);
}
const report = await runSoak({
  minutes: number("minutes", values.minutes, 5),
  rate: number("rate", values.rate, 200),
  cutEvery: number("cut-every", values["cut-every"], 15),
  runtime,
  plant: plant === "leak" ? plant : undefined,
}, (second) => {
  if (second % 60 === 0) console.error(`${second / 60} min`);
});
console.log(table(report));
console.log(JSON.stringify(report));
if (values.json !== undefined) keepAccount(values.json, report);
process.exit(report.ok ? 0 : 1);
