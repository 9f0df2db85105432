import type { Stats } from "node:fs";
import { detectRuntime } from "./detect.ts";
import { nodeProcess } from "./node_process.ts";
import type { FileFacts, System, SystemFiles } from "./system_port.ts";

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

type NodeFs = typeof import("node:fs");

// A service reads a pipe or nothing; it need not load node:tty for that.
function mayBeTerminal(fs: NodeFs): boolean {
  try {
    const input = fs.fstatSync(0);
    return input.isCharacterDevice() && input.rdev !== fs.statSync("/dev/null").rdev;
  } catch {
    return true; // Another system, or no permission to look.
  }
}

function nodeFiles(fs: NodeFs): SystemFiles {
  return {
    stat: (path) => facts(fs.statSync(path)),
    lstat: (path) => facts(fs.lstatSync(path)),
    exists: (path) => fs.existsSync(path),
    makeDirectory: (path, mode) => void fs.mkdirSync(path, { mode }),
    create: (path, mode) => fs.closeSync(fs.openSync(path, "wx", mode)),
    setMode: (path, mode) => fs.chmodSync(path, mode),
    remove: (path) => fs.unlinkSync(path),
    readText: (path) => fs.readFileSync(path, "utf8"),
    readLink: (path) => fs.readlinkSync(path),
    realPath: (path) => fs.realpathSync(path),
  };
}

function facts(state: Stats): FileFacts {
  const { size, mode, uid } = state;
  const isLink = state.isSymbolicLink();
  return { isFile: state.isFile(), isDirectory: state.isDirectory(), isLink, size, mode, uid };
}
