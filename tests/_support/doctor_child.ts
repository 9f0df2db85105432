import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** One probe in the doctor's `--json`. */
export interface ProbeJson {
  readonly name: string;
  readonly ok: boolean;
  readonly status: "ok" | "warn" | "fail" | "skip";
  readonly code: string | null;
  readonly message: string;
  readonly remedy: string | null;
  readonly lines: readonly string[];
  readonly details: Readonly<Record<string, unknown>>;
  readonly ms: number;
}

/** The doctor's `--json`. */
export interface DoctorJson {
  readonly ok: boolean;
  readonly config: Readonly<Record<string, unknown>>;
  readonly settings: Readonly<Record<string, { readonly value: unknown; readonly source: string }>>;
  readonly engines: readonly { readonly name: string; readonly version: string | null }[];
  readonly permissions: string | null;
  readonly probes: readonly ProbeJson[];
  readonly ms: number;
}

/** A run of the doctor as a process. */
export interface DoctorRun {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly ms: number;
}

/** How to run it. */
export interface DoctorChildOptions {
  readonly args?: readonly string[];
  /** The whole environment besides what the runtime itself needs. */
  readonly env?: Readonly<Record<string, string>>;
  /** Permission flags for Deno. Default `-A`. */
  readonly denoFlags?: readonly string[];
  /** Seconds by which the clock of the process is off. */
  readonly skewSeconds?: number;
  /** A command that runs the doctor, such as `setpriv ...`. */
  readonly wrap?: readonly string[];
  /** The program. Default: the doctor. */
  readonly script?: string;
  /** The program by its path. */
  readonly path?: string;
  readonly cwd?: string;
  /** Whether `NO_COLOR` is set. Default `true`. */
  readonly noColor?: boolean;
}

const path = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url));

/** Whether this test runs on Deno. */
export const onDeno: boolean = "Deno" in globalThis;

/** The runtime of this test. */
export const runtimeName: "deno" | "bun" | "node" = onDeno
  ? "deno"
  : "Bun" in globalThis
  ? "bun"
  : "node";

/** Brains that can be started here; the embedded one serves on Deno and Bun. */
export const BRAIN_KINDS: readonly ("embedded" | "stock")[] = runtimeName === "node"
  ? ["stock"]
  : ["embedded", "stock"];

/** Runs the doctor on the runtime of this test and waits for its end. */
export function runDoctorProcess(options: DoctorChildOptions = {}): Promise<DoctorRun> {
  const { args = [], env = {}, denoFlags = ["-A"], skewSeconds, wrap = [] } = options;
  const isSkewed = skewSeconds !== undefined;
  const script = options.path ?? path(
    isSkewed ? "tests/_support/skewed_doctor.ts" : options.script ?? "src/doctor/cli.ts",
  );
  const run = onDeno
    ? ["run", "--no-check", "--no-prompt", "--quiet", ...denoFlags, script]
    : [script];
  const [command = "", ...rest] = [...wrap, process.execPath, ...run, ...args];
  const startedAt = performance.now();
  const child = spawn(command, rest, {
    cwd: options.cwd ?? path("."),
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: process.env["HOME"] ?? "/nonexistent",
      ...(options.noColor === false ? {} : { NO_COLOR: "1" }),
      ...(process.env["DENO_DIR"] === undefined ? {} : { DENO_DIR: process.env["DENO_DIR"] }),
      ...(isSkewed ? { TEST_SKEW_SECONDS: String(skewSeconds) } : {}),
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => out += String(chunk));
  child.stderr.on("data", (chunk) => err += String(chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ code, out, err, ms: Math.round(performance.now() - startedAt) });
    });
  });
}

/** The document of a run with `--json`. */
export function jsonOf(run: DoctorRun): DoctorJson {
  try {
    return JSON.parse(run.out) as DoctorJson;
  } catch {
    throw new Error(`no JSON: exit ${run.code}\n${run.out}\n${run.err}`);
  }
}
