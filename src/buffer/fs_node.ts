import type { FsLike } from "./fs_like.ts";

/** The file system through `node:fs`. */
export async function nodeFs(): Promise<FsLike> {
  const fs = await import("node:fs");
  return {
    // Exclusive creation never follows a link that somebody planted.
    create: (path, mode) => fs.closeSync(fs.openSync(path, "wx", mode)),
    isFile: (path) => fs.lstatSync(path).isFile(),
    exists: (path) => fs.existsSync(path),
    setMode: (path, mode) => fs.chmodSync(path, mode),
    rename: (from, to) => fs.renameSync(from, to),
    remove: (path) => fs.unlinkSync(path),
    list: (directory) => fs.readdirSync(directory),
    readText: (path) => fs.readFileSync(path, "utf8"),
    realPath: (path) => fs.realpathSync(path),
    identity(path) {
      const { dev, ino } = fs.statSync(path, { bigint: true });
      return `${dev}:${ino}`;
    },
    modifiedAt: (path) => fs.statSync(path).mtimeMs,
    setTimes: (path, time) => fs.utimesSync(path, time, time),
  };
}
