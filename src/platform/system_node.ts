import { detectRuntime } from "./detect.ts";
import { nodeFiles, type NodeFs } from "./fs_node.ts";
import { nodeProcess } from "./node_process.ts";
import type { System } from "./system_port.ts";

/** The system through `node:` built-ins, each loaded at its first use. */
export function nodeSystem(): System {
  const process = nodeProcess();
  const fs = process.getBuiltinModule("node:fs");
  const os = (): typeof import("node:os") => process.getBuiltinModule("node:os");
  return {
    pid: process.pid,
    version: process.versions[detectRuntime()],
    isWindows: process.platform === "win32",
    files: nodeFiles(fs),
    paths: process.getBuiltinModule("node:path"),
    mainPath: () => process.argv[1] ?? null,
    args: () => process.argv.slice(2),
    getEnv: (name) => process.env[name],
    environment: () => process.env,
    hostname: () => os().hostname(),
    homeDir: () => os().homedir(),
    tempDir: () => os().tmpdir(),
    userId: () => process.getuid?.(),
    isTerminal: () => mayBeTerminal(fs) && process.getBuiltinModule("node:tty").isatty(0),
  };
}

// A service reads a pipe or nothing; it need not load node:tty for that.
function mayBeTerminal(fs: NodeFs): boolean {
  try {
    const input = fs.fstatSync(0);
    return input.isCharacterDevice() && input.rdev !== fs.statSync("/dev/null").rdev;
  } catch {
    return true; // Another system, or no permission to look.
  }
}
