import type { Stats } from "node:fs";
import type { FileFacts, SystemFiles } from "./system_port.ts";

/** `node:fs`, handed in: whoever loads it knows when. */
export type NodeFs = typeof import("node:fs");

/** The file system through `node:fs`. */
export function nodeFiles(fs: NodeFs): SystemFiles {
  return {
    stat: (path) => facts(fs.statSync(path)),
    lstat: (path) => facts(fs.lstatSync(path)),
    exists: (path) => fs.existsSync(path),
    makeDirectory: (path, mode) => void fs.mkdirSync(path, { mode }),
    // Exclusive creation never follows a link that somebody planted.
    create: (path, mode) => fs.closeSync(fs.openSync(path, "wx", mode)),
    setMode: (path, mode) => fs.chmodSync(path, mode),
    setTimes: (path, time) => fs.utimesSync(path, time, time),
    rename: (from, to) => fs.renameSync(from, to),
    remove: (path) => fs.unlinkSync(path),
    list: (directory) => fs.readdirSync(directory),
    readText: (path) => fs.readFileSync(path, "utf8"),
    readLink: (path) => fs.readlinkSync(path),
    realPath: (path) => fs.realpathSync(path),
    identity(path) {
      const { dev, ino } = fs.statSync(path, { bigint: true });
      return `${dev}:${ino}`;
    },
    modifiedAt: (path) => fs.statSync(path).mtimeMs,
  };
}

function facts(state: Stats): FileFacts {
  const { size, mode, uid } = state;
  const isLink = state.isSymbolicLink();
  return { isFile: state.isFile(), isDirectory: state.isDirectory(), isLink, size, mode, uid };
}
