import { createDiskProbe, createPlatform, VERSION } from "@z4j/core/diagnostics";
import { AGENT_ENV_NAMES, PROXY_ENV_NAMES } from "@z4j/core/diagnostics";
import { parseEnvFile } from "./env_file.ts";
import { type DoctorFlags, HELP, parseFlags } from "./flags.ts";
import { renderJson, renderProbe, renderText, type TextStyle } from "./render.ts";
import type { DoctorReport } from "./report.ts";
import { runDoctor } from "./run.ts";

/** What the command line gives the command. */
export interface DoctorIo {
  /** Writes a line of data. */
  out(line: string): void;
  /** Writes a line for people. */
  err(line: string): void;
  /** Whether stdout is a terminal that shows colours. */
  readonly hasColors: boolean;
  /** Whether stderr is a terminal, so that progress has a reader. */
  readonly showsProgress: boolean;
}

// Probes that take longer than this are announced.
const SLOW_MS = 700;
const MAX_ENV_BYTES = 16 * 1024 * 1024;

/**
 * The doctor's command line.
 *
 * @returns The exit code: 0 every probe passed, 1 one failed, 2 wrong usage.
 */
export async function runDoctorCommand(argv: readonly string[], io: DoctorIo): Promise<number> {
  const flags = parseFlags(argv);
  if (typeof flags === "string") {
    io.err(`${flags}\nTry --help`);
    return 2;
  }
  if (flags.help || flags.version) {
    io.out(flags.help ? HELP : VERSION);
    return 0;
  }
  const env = environment(flags);
  if (env === null) {
    io.err("--env-file: the file cannot be read, expected a readable text file");
    return 2;
  }
  const report = await look(flags, env, io);
  print(report, flags, io);
  return report.ok ? 0 : 1;
}

/** The variables of the file below those of the process; `null` without the file. */
function environment(
  { envFile }: DoctorFlags,
): Readonly<Record<string, string>> | undefined | null {
  if (envFile === undefined) return undefined;
  const text = createDiskProbe().readText(envFile, MAX_ENV_BYTES);
  if (text === null) return null;
  const own = createPlatform().env([...AGENT_ENV_NAMES, ...PROXY_ENV_NAMES]);
  return { ...parseEnvFile(text), ...own };
}

async function look(
  flags: DoctorFlags,
  env: Readonly<Record<string, string>> | undefined,
  io: DoctorIo,
): Promise<DoctorReport> {
  const timers = new Map<string, ReturnType<typeof setTimeout>>();
  const announces = io.showsProgress && !flags.quiet && !flags.json;
  const { timeoutMs, websocket, roundTrip, handshake } = flags;
  try {
    return await runDoctor({
      settings: env === undefined ? {} : { env },
      appDir: flags.app,
      timeoutMs,
      websocket,
      roundTrip,
      handshake,
      only: flags.permissions ? ["permissions"] : flags.only,
      onStart(id, title) {
        if (!announces) return;
        timers.set(id, setTimeout(() => io.err(`  ... ${title}`), SLOW_MS));
      },
      onResult: ({ id }) => clearTimeout(timers.get(id)),
    });
  } finally {
    for (const timer of timers.values()) clearTimeout(timer);
  }
}

function print(report: DoctorReport, flags: DoctorFlags, io: DoctorIo): void {
  if (flags.json) return io.out(renderJson(report));
  if (flags.permissions) return io.out(report.permissions ?? NO_PERMISSIONS);
  const style: TextStyle = { colors: io.hasColors && flags.color, verbose: flags.verbose };
  if (!flags.quiet) return io.out(renderText(report, style));
  const bad = report.probes.filter(({ status }) => status === "fail" || status === "warn");
  const rows = bad.flatMap((probe) => renderProbe(probe, style));
  if (rows.length > 0) io.out(rows.join("\n"));
}

const NO_PERMISSIONS = "This runtime has no permissions; run the doctor on Deno to see its flags.";
