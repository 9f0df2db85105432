import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { DRIVER_FAULT } from "./failing_driver.ts";
import { CALLS, type Fault, type Host, type Runtime, whenOf } from "./fault.ts";
import { BRAIN_NAME, BUFFER_NAME, KV_NAME, MARKS_NAME } from "./marks.ts";
import { UNSYNCED } from "./small_log.ts";
import { makePlace } from "./place.ts";
import { marksAlone, readTrace, type Trace } from "./trace.ts";

/** How one host ended. */
export interface Ended {
  /** Its folder; `remove()` deletes it. */
  readonly folder: string;
  readonly code: number | null;
  readonly stderr: string;
  /** The last line that it printed. */
  readonly report: unknown;
  /** Of marks alone where nothing may be traced. */
  readonly trace: Trace;
  remove(): void;
}

/** What to run. */
export interface HostRun {
  readonly host: Host;
  readonly runtime: Runtime;
  readonly trial: string;
  readonly brainUrl: string;
  /** `null` runs it undisturbed. */
  readonly fault: Fault | null;
  /** Weakens its syncs: it has to lose what it promised when the power fails. */
  readonly unsynced: boolean;
}

const DENO = ["run", "-A", "--no-check", "--unstable-kv"];
const DEADLINE_MS = 60_000;
// What SQLite would say.
const DRIVER_MESSAGES = {
  ENOSPC: "database or disk is full",
  EIO: "disk I/O error",
  EACCES: "unable to open database file",
} as const;

/** Files that calls may fail on, side files of SQLite included. */
function filesOf(host: Host): string[] {
  if (host === "brain") return ["", "-wal", "-shm", "-journal"].map((end) => BRAIN_NAME + end);
  const name = host === "kv" ? KV_NAME : BUFFER_NAME;
  return ["", "-wal", "-shm", "-journal", "-owner", "-owner-journal"].map((end) => name + end);
}

/** Runs a host to its end, under strace unless the driver is to fail. */
export async function runHost(run: HostRun, traced: boolean): Promise<Ended> {
  const { host, runtime, trial, brainUrl, fault } = run;
  const folder = makePlace("z4j-nth-");
  const home = join(folder, "home");
  mkdirSync(home, { mode: 0o700 });
  const log = join(folder, "trace");
  const script = `scripts/nth_call_parts/${host === "brain" ? "brain" : "agent"}_host.ts`;
  const flags = runtime === "deno" ? DENO : [];
  const command = [`node_modules/.bin/${runtime}`, ...flags, script];
  const args = [...command, home, brainUrl, trial, fault?.mode === "ever" ? "ever" : "once", host];
  const strace = traced ? straceOf(host, fault, home, log) : [];
  const [first = "", ...rest] = [...strace, ...args];
  const env = {
    ...process.env,
    NO_COLOR: "1",
    ...driverEnv(fault),
    ...(run.unsynced ? { [UNSYNCED]: "1" } : {}),
  };
  const { code, stdout, stderr } = await collect(first, rest, env);
  const trace = traced
    ? readTrace(readFileSync(log, "latin1"), home)
    : marksAlone(readFileSync(join(home, MARKS_NAME), "utf8"));
  return {
    folder: home,
    code,
    stderr,
    report: parsed(stdout),
    trace,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function straceOf(host: Host, fault: Fault | null, home: string, log: string): string[] {
  const paths = [...filesOf(host), MARKS_NAME].flatMap((name) => ["-P", join(home, name)]);
  const inject = fault === null
    ? []
    : ["-e", `inject=${fault.call}:error=${fault.error}:when=${whenOf(fault)}`];
  const trace = ["-e", `trace=${CALLS.join()},write`, ...inject];
  return ["strace", "-f", "-qq", "--seccomp-bpf", "-y", "-xx", "-s", "100000"]
    .concat(paths, trace, "-o", log);
}

function driverEnv(fault: Fault | null): Record<string, string> {
  if (fault?.call !== "driver") return {};
  return { [DRIVER_FAULT]: `${fault.at} ${fault.mode} ${DRIVER_MESSAGES[fault.error]}` };
}

interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function collect(command: string, args: string[], env: Record<string, string>): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    const texts = { stdout: "", stderr: "" };
    const timer = setTimeout(() => {
      texts.stderr += "it did not end\n";
      child.kill("SIGKILL");
    }, DEADLINE_MS);
    child.stdout.on("data", (chunk) => texts.stdout += String(chunk));
    child.stderr.on("data", (chunk) => texts.stderr += String(chunk));
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code, ...texts });
    });
  });
}

function parsed(stdout: string): unknown {
  try {
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  } catch {
    return null;
  }
}
