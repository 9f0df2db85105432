import type { DenoFileInfo, DenoGlobal } from "./deno_global.ts";
import type { FileFacts, SystemFiles } from "./system_port.ts";

/** The file system through what Deno has itself. */
export function denoFiles(deno: DenoGlobal): SystemFiles {
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
    setTimes: (path, time) => deno.utimeSync(path, time, time),
    rename: (from, to) => deno.renameSync(from, to),
    remove: (path) => deno.removeSync(path),
    list: (directory) => Array.from(deno.readDirSync(directory), ({ name }) => name),
    readText: (path) => deno.readTextFileSync(path),
    readLink: (path) => deno.readLinkSync(path),
    realPath: (path) => deno.realPathSync(path),
    identity(path) {
      const { dev, ino } = deno.statSync(path);
      return `${dev}:${ino}`;
    },
    modifiedAt: (path) => deno.statSync(path).mtime?.getTime() ?? null,
  };
}

function facts({ isFile, isDirectory, isSymlink, size, mode, uid }: DenoFileInfo): FileFacts {
  return { isFile, isDirectory, isLink: isSymlink, size, mode: mode ?? 0, uid: uid ?? 0 };
}
