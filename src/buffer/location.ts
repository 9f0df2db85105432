/** What choosing a file asks of the surroundings; the `Platform` port fits. */
export interface LocationPlatform {
  /** Process id. */
  readonly pid: number;
  /** Directory for temporary files. */
  tempDir(): string;
  /** Numeric user id, or a user name that fits in a file name. */
  userId(): string;
  /** The absolute path with `~`, `..` and links resolved. May throw. */
  realPath(path: string): string;
  /** Creates a directory if needed and proves it writable. */
  ensurePrivateDir(path: string, trust?: "ours" | "configured"): DirectoryAnswer;
}

/** Whether a directory can be used. */
export type DirectoryAnswer =
  | { readonly kind: "usable"; readonly path: string }
  | { readonly kind: "unusable"; readonly path: string; readonly reason: string };

/** Where the user wants the buffer. */
export interface LocationWish {
  /** Directory of the agent's files. */
  readonly home: string;
  /** File as configured, or `null` for the default. */
  readonly bufferPath: string | null;
}

/** Where the buffer goes. */
export type BufferLocation =
  | {
    readonly kind: "file";
    /** Absolute path without links; open this one, not the configured text. */
    readonly path: string;
    /** Whether it is in the temporary directory although another place was wanted. */
    readonly fallback: boolean;
    /** One line to log once as a warning. */
    readonly warning?: string;
  }
  | {
    readonly kind: "memory";
    /** Why there is no usable directory. */
    readonly reason: string;
  }
  | {
    readonly kind: "rejected";
    /** Why the configured path is refused. */
    readonly problem: string;
  };

/**
 * Chooses the file of the event buffer.
 *
 * Two roots are allowed: the home, `~/.z4j` by default, and `$TMPDIR/z4j-{uid}`.
 * The default file is `buffer-{pid}.sqlite` in the home. Where the wanted
 * directory cannot be written to, it is that name in the temporary root, with a
 * warning; where that cannot be used either, the buffer stays in memory. A
 * configured path that leads out of both roots is rejected, whatever `..` and
 * links it uses.
 */
export function chooseBufferPath(wish: LocationWish, platform: LocationPlatform): BufferLocation {
  const roots = resolveRoots(wish, platform);
  if (typeof roots === "string") return { kind: "memory", reason: roots };
  const name = `buffer-${platform.pid}.sqlite`;
  const wanted = attempt(wish.bufferPath ?? join(roots.home, name), platform);
  const isAllowed = wanted !== null &&
    (isInside(wanted, roots.home) || isInside(wanted, roots.temp));
  if (isAllowed) return settle(wanted, roots, platform);
  if (wish.bufferPath !== null) return rejected(wanted);
  return { kind: "memory", reason: `${join(roots.home, name)} is a link that leads elsewhere` };
}

interface Roots {
  readonly home: string;
  readonly temp: string;
}

function resolveRoots(wish: LocationWish, platform: LocationPlatform): Roots | string {
  const home = attempt(wish.home, platform);
  const shared = attempt(platform.tempDir(), platform);
  if (home === null || shared === null) return "a directory has links that lead in a circle";
  // The last part is not resolved: in a shared directory a link there is a trap.
  return { home, temp: join(shared, `z4j-${platform.userId()}`) };
}

/** The wanted file if its directory is usable, or the one in the temporary root. */
function settle(wanted: string, roots: Roots, platform: LocationPlatform): BufferLocation {
  const wantedDir = prepare(parentOf(wanted), roots, platform);
  if (wantedDir.kind === "usable") return { kind: "file", path: wanted, fallback: false };
  const why = `${wantedDir.path} is not usable (${wantedDir.reason})`;
  if (wantedDir.path === roots.temp) return { kind: "memory", reason: why };
  const temp = prepare(roots.temp, roots, platform);
  if (temp.kind === "unusable") {
    return { kind: "memory", reason: `${why}, ${temp.path} is not usable (${temp.reason})` };
  }
  const path = join(roots.temp, `buffer-${platform.pid}.sqlite`);
  const warning = `Cannot keep the buffer in its directory: ${why}, expected a writable one; ` +
    `using ${path}, which a restart of the machine or container may remove`;
  return { kind: "file", path, fallback: true, warning };
}

/** Proves a directory, and the root above it in the shared temporary directory. */
function prepare(path: string, roots: Roots, platform: LocationPlatform): DirectoryAnswer {
  const isTemp = path === roots.temp || isInside(path, roots.temp);
  if (!isTemp) return platform.ensurePrivateDir(path, "configured");
  const root = platform.ensurePrivateDir(roots.temp, "ours");
  return root.kind === "unusable" || path === roots.temp
    ? root
    : platform.ensurePrivateDir(path, "ours");
}

function attempt(path: string, platform: LocationPlatform): string | null {
  try {
    return platform.realPath(path);
  } catch {
    return null;
  }
}

function isInside(path: string, root: string): boolean {
  const prefix = root.endsWith(separatorOf(root)) ? root : root + separatorOf(root);
  return path.length > prefix.length && path.startsWith(prefix);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf(separatorOf(path))));
}

function join(directory: string, name: string): string {
  const separator = separatorOf(directory);
  return directory.endsWith(separator) ? directory + name : directory + separator + name;
}

// Resolved paths carry the separator of their system.
function separatorOf(path: string): string {
  return path.startsWith("/") ? "/" : "\\";
}

function rejected(wanted: string | null): BufferLocation {
  const state = wanted === null
    ? "its links lead in a circle"
    : "it leads out of the allowed directories";
  const problem = `Cannot use bufferPath (Z4J_BUFFER_PATH): ${state}, ` +
    "expected a file inside the home (Z4J_HOME) or $TMPDIR/z4j-{uid}";
  return { kind: "rejected", problem };
}
