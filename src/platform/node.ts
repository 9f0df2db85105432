import { type IsGranted, permissionCheck } from "./deno_permissions.ts";
import { detectRuntime } from "./detect.ts";
import type { Platform } from "./port.ts";
import { ensureDirectory } from "./private_dir.ts";
import { resolveRealPath } from "./real_path.ts";
import { onStopSignal } from "./stop_signal.ts";
import { openSystem } from "./system.ts";
import type { System } from "./system_port.ts";

// A secret is a line; a larger file is a mistake, perhaps a device that never ends.
const MAX_TEXT_FILE_BYTES = 64 * 1024;

/**
 * The platform of this process, over the system below it: the node: built-ins
 * that Bun and Node share, or what Deno has itself.
 *
 * On Deno it never asks for a permission: what was not granted is answered
 * with an empty environment, `unknown-host`, no home directory or an unusable
 * directory.
 */
export function createPlatform(): Platform {
  const isGranted = permissionCheck();
  const runtime = detectRuntime();
  const system = openSystem();
  const look: Look = { isGranted, system };
  const homeDir = (): string | null => findHome(look);
  return {
    runtime,
    runtimeVersion: system.version ?? "unknown",
    pid: system.pid,
    hostname: hostName(look),
    env: (names = []) => readEnv(names, look),
    homeDir,
    tempDir: () => findTemp(look),
    userId: () => findUser(look),
    readTextFile: (path) => readText(expandHome(path, homeDir(), system), look),
    realPath: (path) => resolveRealPath(expandHome(path, homeDir(), system), isGranted, system),
    ensurePrivateDir: (path, trust = "ours") =>
      ensureDirectory(path, trust, { ...system, isGranted }),
    onStopSignal,
  };
}

/** What is looked at, and what may be looked at. */
interface Look {
  readonly isGranted: IsGranted;
  readonly system: System;
}

function hostName({ isGranted, system }: Look): string {
  return attempt(() => isGranted({ name: "sys", kind: "hostname" }) ? system.hostname() : null) ??
    "unknown-host";
}

function readVariable(name: string, { isGranted, system }: Look): string | null {
  return attempt(() => isGranted({ name: "env", variable: name }) ? system.getEnv(name) : null);
}

function readEnv(names: readonly string[], look: Look): Readonly<Record<string, string>> {
  const whole = look.isGranted({ name: "env" }) ? look.system.environment() : null;
  const entries: [string, string][] = [];
  for (const name of whole === null ? names : Object.keys(whole)) {
    const value = whole === null ? readVariable(name, look) : whole[name];
    if (typeof value === "string") entries.push([name, value]);
  }
  return Object.fromEntries(entries);
}

function findHome(look: Look): string | null {
  const { isGranted, system } = look;
  // What the system would answer as well, at the price of a module on Deno.
  const home = system.isWindows ? null : readVariable("HOME", look);
  return home ??
    attempt(() => isGranted({ name: "sys", kind: "homedir" }) ? system.homeDir() : null) ??
    readVariable("HOME", look) ?? readVariable("USERPROFILE", look);
}

function findTemp(look: Look): string {
  const { isGranted, system } = look;
  // The system reads three variables for it, which Deno may refuse or ask for.
  if (isGranted({ name: "env" })) return attempt(() => system.tempDir()) ?? "/tmp";
  const told = ["TMPDIR", "TMP", "TEMP"].map((name) => readVariable(name, look));
  return told.find((path) => path !== null) ?? (system.isWindows ? "C:\\Windows\\Temp" : "/tmp");
}

function findUser(look: Look): string {
  const { isGranted, system } = look;
  const uid = attempt(() => isGranted({ name: "sys", kind: "uid" }) ? system.userId() : null);
  if (uid !== null) return String(uid);
  const name = readVariable("USER", look) ?? readVariable("USERNAME", look) ?? "user";
  return name.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 32);
}

function readText(path: string, { isGranted, system: { files } }: Look): string {
  if (!isGranted({ name: "read", path })) {
    throw new Error("Cannot read the file: no permission, expected --allow-read for it");
  }
  const state = files.stat(path);
  if (!state.isFile || state.size > MAX_TEXT_FILE_BYTES) {
    throw new Error("Cannot read the file: it is no file or too large, expected a small text file");
  }
  return files.readText(path).trim();
}

function expandHome(path: string, home: string | null, { paths }: System): string {
  if (home === null || !/^~(?=$|[/\\])/.test(path)) return path;
  return paths.join(home, path.slice(1));
}

/** The answer, or `null` when there is none or the runtime refuses it. */
function attempt<T>(ask: () => T | null | undefined): T | null {
  try {
    const answer = ask() ?? null;
    return answer === "" ? null : answer;
  } catch {
    return null;
  }
}
