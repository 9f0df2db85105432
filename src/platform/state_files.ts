import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Small texts kept over the life of many processes. */
export interface StateFiles {
  /** The kept text, or `null`. */
  getMeta(key: string): Promise<string | null>;
  /** Keeps a text; `null` removes it. */
  setMeta(key: string, value: string | null): Promise<void>;
}

/**
 * Keeps one file per key below a directory, mode 0600, replaced as a whole. For
 * what must outlive a process, unlike the buffer with its process id in its name.
 *
 * @param directory Where the files go; made when the first one is written.
 */
export function openStateFiles(directory: string): StateFiles {
  const pathOf = (key: string): string => join(directory, `${encodeURIComponent(key)}.json`);
  return {
    async getMeta(key) {
      try {
        return await readFile(pathOf(key), "utf8");
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
        throw error;
      }
    },
    async setMeta(key, value) {
      const path = pathOf(key);
      if (value === null) return await rm(path, { force: true });
      await mkdir(directory, { recursive: true, mode: 0o700 });
      // A reader sees the old text or the new one, never half of one.
      const draft = `${path}.${crypto.randomUUID()}`;
      await writeFile(draft, value, { mode: 0o600, flag: "wx" });
      await rename(draft, path);
    },
  };
}
