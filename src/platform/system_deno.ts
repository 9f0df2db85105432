import type { DenoFileInfo, DenoGlobal } from "./deno_global.ts";
import { nodeProcess } from "./node_process.ts";
import { posixPaths } from "./posix_paths.ts";
import type { FileFacts, System, SystemFiles } from "./system_port.ts";

/** The system through what Deno has itself. */
export function denoSystem(deno: DenoGlobal): System {
  const { env } = deno;
  return {
    pid: deno.pid,
    version: deno.version.deno,
    isWindows: false,
    files: denoFiles(deno),
    paths: posixPaths(() => deno.cwd()),
    mainPath: () => pathOf(deno.mainModule),
    args: () => deno.args,
    getEnv: (name) => env.get(name),
    environment: () => env.toObject(),
    hostname: () => deno.hostname(),
    // Where HOME is not set, the user database knows.
    homeDir: () => nodeProcess().getBuiltinModule("node:os").homedir(),
    tempDir: () => env.get("TMPDIR") || env.get("TMP") || env.get("TEMP") || "/tmp",
    userId: () => deno.uid() ?? undefined,
    isTerminal: () => deno.stdin.isTerminal(),
  };
}

function denoFiles(deno: DenoGlobal): SystemFiles {
  const stat = (path: string): FileFacts => facts(deno.statSync(path));
  return {
    stat,
    lstat: (path) => facts(deno.lstatSync(path)),
    exists(path) {
      try {
        return stat(path) !== null;
      } catch {
        return false;
      }
    },
    makeDirectory: (path, mode) => deno.mkdirSync(path, { mode }),
    create: (path, mode) => deno.openSync(path, { write: true, createNew: true, mode }).close(),
    setMode: (path, mode) => deno.chmodSync(path, mode),
    remove: (path) => deno.removeSync(path),
    readText: (path) => deno.readTextFileSync(path),
    readLink: (path) => deno.readLinkSync(path),
    realPath: (path) => deno.realPathSync(path),
  };
}

function facts({ isFile, isDirectory, isSymlink, size, mode, uid }: DenoFileInfo): FileFacts {
  return { isFile, isDirectory, isLink: isSymlink, size, mode: mode ?? 0, uid: uid ?? 0 };
}

// Code from a server or from the command line has a path as well.
function pathOf(url: string | undefined): string | null {
  return url === undefined ? null : decodeURIComponent(new URL(url).pathname);
}
