import type { Clock } from "../base/clock.ts";
import type { FileOps } from "../buffer/file_ops.ts";
import { loadFileOps } from "../buffer/file_ops_node.ts";
import { loadSqlite } from "../buffer/load_sqlite.ts";
import {
  LOCK_SUFFIX,
  type LockParts,
  type OwnerLock,
  takeOwnerLock,
} from "../buffer/owner_lock.ts";
import { openStateFiles, type StateFiles } from "../platform/state_files.ts";
import { MAX_RECORDS, PRESENCE_FOLDER, STALE_DRAFT_MS } from "./limits.ts";
import { type AgentPresence, parsePresence } from "./record.ts";

const SUFFIX = ".json";
const SOCKET_SUFFIX = ".sock";
const OWNER_SUFFIX = SUFFIX + LOCK_SUFFIX;

/** The presence files of a home. */
export interface PresenceFolder {
  /** Takes the name for this process, for as long as it lives; `null` if somebody has it. */
  claim(id: string): Promise<OwnerLock | null>;
  /** Writes a file as a whole. */
  write(record: AgentPresence): Promise<void>;
  /** Removes a file. */
  remove(id: string): Promise<void>;
  /** Names of the files, without reading them. */
  names(): readonly string[];
  /** Where the process of that name takes commands of its neighbours. */
  socketPath(id: string): string;
  /** Those of running agents; files of processes that died are removed. */
  living(own?: string): Promise<readonly AgentPresence[]>;
}

/**
 * Opens the folder below a home; nothing is made before the first claim.
 *
 * A file is alive while its process holds the kernel's lock on the empty
 * database beside it: it goes with the process however that dies, and means the
 * same in every container, which a process id does not.
 */
export async function openPresenceFolder(home: string, clock: Clock): Promise<PresenceFolder> {
  const separator = home.startsWith("/") || !home.includes("\\") ? "/" : "\\";
  const directory = [home.replace(/[/\\]+$/, ""), PRESENCE_FOLDER].join(separator);
  const files = await loadFileOps();
  return new Folder(directory, separator, {
    parts: { driver: await loadSqlite(), files, clock },
    texts: openStateFiles(directory),
  });
}

interface FolderMeans {
  readonly parts: LockParts;
  readonly texts: StateFiles;
}

class Folder implements PresenceFolder {
  readonly #directory: string;
  readonly #separator: string;
  readonly #means: FolderMeans;
  readonly #files: FileOps;

  constructor(directory: string, separator: string, means: FolderMeans) {
    this.#directory = directory;
    this.#separator = separator;
    this.#means = means;
    this.#files = means.parts.files;
  }

  async claim(id: string): Promise<OwnerLock | null> {
    // Makes the folder with the mode that state files ask for.
    await this.#means.texts.setMeta(`.${id}`, "");
    await this.#means.texts.setMeta(`.${id}`, null);
    return takeOwnerLock(this.#path(id), this.#means.parts);
  }

  write(record: AgentPresence): Promise<void> {
    return this.#means.texts.setMeta(record.id, JSON.stringify(record));
  }

  remove(id: string): Promise<void> {
    return this.#means.texts.setMeta(id, null);
  }

  names(): readonly string[] {
    return this.#files.list(this.#directory)
      .filter((name) => name.endsWith(SUFFIX) && !name.startsWith("."))
      .sort()
      .slice(0, MAX_RECORDS);
  }

  socketPath(id: string): string {
    return this.#path(id).slice(0, -SUFFIX.length) + SOCKET_SUFFIX;
  }

  async living(own?: string): Promise<readonly AgentPresence[]> {
    this.#sweepLeftovers();
    const found: AgentPresence[] = [];
    for (const name of this.names()) {
      const id = name.slice(0, -SUFFIX.length);
      if (id !== own && !this.#isAlive(id)) continue;
      const record = await this.#read(id);
      if (record !== null) found.push(record);
    }
    return found;
  }

  async #read(id: string): Promise<AgentPresence | null> {
    try {
      const record = parsePresence(await this.#means.texts.getMeta(id) ?? "");
      return record?.id === id ? record : null;
    } catch {
      return null; // Another user's file, or one that is just going.
    }
  }

  /** Whether a process holds the lock; without one, the files are swept. */
  #isAlive(id: string): boolean {
    try {
      const lock = takeOwnerLock(this.#path(id), this.#means.parts);
      if (lock === null) return true;
      this.#files.remove(this.#path(id));
      this.#files.remove(this.socketPath(id));
      lock.release();
    } catch {
      // Not ours to judge or to remove, for example without the right to write.
    }
    return false;
  }

  /** What a process that died left half-made. */
  #sweepLeftovers(): void {
    const { clock } = this.#means.parts;
    for (const name of this.#files.list(this.#directory)) {
      const path = `${this.#directory}${this.#separator}${name}`;
      const isDraft = !name.endsWith(SUFFIX) && !name.endsWith(OWNER_SUFFIX) &&
        name.includes(`${SUFFIX}.`);
      const isOld = (this.#files.modifiedAt(path) ?? Infinity) < clock.now() - STALE_DRAFT_MS;
      if (!isDraft || !isOld) continue;
      try {
        this.#files.remove(path);
      } catch {
        // The next look tries again.
      }
    }
  }

  #path(id: string): string {
    return `${this.#directory}${this.#separator}${encodeURIComponent(id)}${SUFFIX}`;
  }
}
