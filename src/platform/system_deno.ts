import type { DenoGlobal } from "./deno_global.ts";
import { denoFiles } from "./fs_deno.ts";
import { nodeProcess } from "./node_process.ts";
import { posixPaths } from "./posix_paths.ts";
import type { System } from "./system_port.ts";

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

// Code from a server or from the command line has a path as well.
function pathOf(url: string | undefined): string | null {
  return url === undefined ? null : decodeURIComponent(new URL(url).pathname);
}
