/**
 * Serves a brain on this machine: `deno task brain`, `bun run brain`.
 * See `--help`; the logic is in `src/brain/cli.ts`.
 */
import process from "node:process";
import { runBrainCli } from "../src/brain/cli.ts";

const stop = Promise.withResolvers<void>();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.resolve());

process.exitCode = await runBrainCli(process.argv.slice(2), {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  pid: process.pid,
  stopped: stop.promise,
});
process.exit();
