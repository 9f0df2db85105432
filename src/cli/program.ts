import process from "node:process";
import { runCli } from "./run.ts";

/** Runs the command line as the program of this process. Never rejects. */
export async function runCliAsProgram(
  argv: readonly string[] = process.argv.slice(2),
): Promise<void> {
  const { stdout, stderr } = process;
  const stop = Promise.withResolvers<void>();
  // Listened to only by commands that go on; the others end by the signal as usual.
  const goesOn = argv[0] === "brain" || argv.includes("--tail");
  for (const signal of goesOn ? ["SIGTERM", "SIGINT"] as const : []) {
    process.once(signal, () => stop.resolve());
  }
  // A reader that left, such as `head`, is no failure.
  stdout.on("error", () => {});
  process.exitCode = await runCli(argv, {
    out: (line) => void stdout.write(`${line}\n`),
    err: (line) => void stderr.write(`${line}\n`),
    hasColors: stdout.isTTY === true && mayColor(),
    showsProgress: stderr.isTTY === true,
    pid: process.pid,
    stopped: stop.promise,
  });
  if (goesOn) process.exit();
}

// Reading a variable without the permission would make Deno ask.
function mayColor(): boolean {
  try {
    const { Deno } = globalThis as unknown as { readonly Deno?: { readonly noColor: boolean } };
    if (Deno !== undefined) return !Deno.noColor;
    return (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb";
  } catch {
    return false;
  }
}
