import process from "node:process";
import { runDoctorCommand } from "./command.ts";

/** Runs the doctor as the program of this process. Never rejects. */
export async function runAsProgram(argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  const { stdout, stderr } = process;
  process.exitCode = await runDoctorCommand(argv, {
    out: (line) => void stdout.write(`${line}\n`),
    err: (line) => void stderr.write(`${line}\n`),
    hasColors: stdout.isTTY === true && mayColor(),
    showsProgress: stderr.isTTY === true,
  });
}

// Reading a variable without the permission would make Deno ask.
function mayColor(): boolean {
  try {
    const { Deno } = globalThis as unknown as {
      readonly Deno?: { readonly noColor: boolean };
    };
    if (Deno !== undefined) return !Deno.noColor;
    return (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb";
  } catch {
    return false;
  }
}
