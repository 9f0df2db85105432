import { readFileSync, statSync } from "node:fs";
import { homedir, hostname, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type IsGranted, permissionCheck } from "./deno_permissions.ts";
import { detectRuntime } from "./detect.ts";
import type { Platform, RuntimeName } from "./port.ts";
import { ensureDirectory } from "./private_dir.ts";
import { resolveRealPath } from "./real_path.ts";
import { onStopSignal } from "./stop_signal.ts";

// A secret is a line; a larger file is a mistake, perhaps a device that never ends.
const MAX_TEXT_FILE_BYTES = 64 * 1024;

/**
 * The platform of this process, over the node: built-ins that Deno, Bun and
 * Node share.
 *
 * On Deno it never asks for a permission: what was not granted is answered
 * with an empty environment, `unknown-host`, no home directory or an unusable
 * directory.
 */
export function createPlatform(): Platform {
  const isGranted = permissionCheck();
  const runtime = detectRuntime();
  const hasModes = process.platform !== "win32";
  const variable = (name: string): string | null => readVariable(name, isGranted);
  const homeDir = (): string | null => findHome(isGranted, variable);
  return {
    runtime,
    runtimeVersion: versionOf(runtime),
    pid: process.pid,
    hostname: hostName(isGranted),
    env: (names = []) => readEnv(names, isGranted),
    homeDir,
    tempDir: () => findTemp(isGranted, variable),
    userId: () => findUser(isGranted, variable),
    readTextFile: (path) => readText(expandHome(path, homeDir()), isGranted),
    realPath: (path) => resolveRealPath(expandHome(path, homeDir()), isGranted),
    ensurePrivateDir: (path, trust = "ours") =>
      ensureDirectory(path, trust, { isGranted, hasModes }),
    onStopSignal,
  };
}

function versionOf(runtime: RuntimeName): string {
  return process.versions[runtime] ?? "unknown";
}

function hostName(isGranted: IsGranted): string {
  return attempt(() => isGranted({ name: "sys", kind: "hostname" }) ? hostname() : null) ??
    "unknown-host";
}

function readVariable(name: string, isGranted: IsGranted): string | null {
  return attempt(() => isGranted({ name: "env", variable: name }) ? process.env[name] : null);
}

function readEnv(names: readonly string[], isGranted: IsGranted): Readonly<Record<string, string>> {
  const isWhole = isGranted({ name: "env" });
  const readable = isWhole ? Object.keys(process.env) : names;
  const entries: [string, string][] = [];
  for (const name of readable) {
    const value = isWhole ? process.env[name] : readVariable(name, isGranted);
    if (typeof value === "string") entries.push([name, value]);
  }
  return Object.fromEntries(entries);
}

type ReadVariable = (name: string) => string | null;

function findHome(isGranted: IsGranted, variable: ReadVariable): string | null {
  const told = attempt(() => isGranted({ name: "sys", kind: "homedir" }) ? homedir() : null);
  return told ?? variable("HOME") ?? variable("USERPROFILE");
}

function findTemp(isGranted: IsGranted, variable: ReadVariable): string {
  // node:os reads three variables for it, which Deno may refuse or ask for.
  if (isGranted({ name: "env" })) return attempt(tmpdir) ?? "/tmp";
  const told = variable("TMPDIR") ?? variable("TMP") ?? variable("TEMP");
  if (told !== null) return told;
  return process.platform === "win32" ? "C:\\Windows\\Temp" : "/tmp";
}

function findUser(isGranted: IsGranted, variable: ReadVariable): string {
  const uid = attempt(() => isGranted({ name: "sys", kind: "uid" }) ? process.getuid?.() : null);
  if (uid !== null) return String(uid);
  const name = variable("USER") ?? variable("USERNAME") ?? "user";
  return name.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 32);
}

function readText(path: string, isGranted: IsGranted): string {
  if (!isGranted({ name: "read", path })) {
    throw new Error("Cannot read the file: no permission, expected --allow-read for it");
  }
  const state = statSync(path);
  if (!state.isFile() || state.size > MAX_TEXT_FILE_BYTES) {
    throw new Error("Cannot read the file: it is no file or too large, expected a small text file");
  }
  return readFileSync(path, "utf8").trim();
}

function expandHome(path: string, home: string | null): string {
  if (home === null || !/^~(?=$|[/\\])/.test(path)) return path;
  return join(home, path.slice(1));
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
