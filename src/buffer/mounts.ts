// File systems that serve another machine's or the host's files. Shared memory
// through a file, which SQLite's write-ahead log needs, is unreliable on them:
// Docker Desktop and virtiofs bind mounts have damaged databases.
const REMOTE: ReadonlySet<string> = new Set([
  "9p",
  "afs",
  "ceph",
  "cifs",
  "drvfs",
  "glusterfs",
  "lustre",
  "ncpfs",
  "nfs",
  "nfs4",
  "prl_fs",
  "smb3",
  "smbfs",
  "vboxsf",
  "virtiofs",
  "vmhgfs",
]);

// The fifth field is the mount point; the type comes behind a lone hyphen.
const MOUNT = /^(?:\S+ ){4}(\S+) (?:\S+ )*?- (\S+)/gm;

/**
 * Type of the file system that holds a path, or `null` when it is not in the
 * table.
 *
 * @param table Text of `/proc/self/mountinfo`.
 * @param path Absolute path without links.
 */
export function mountType(table: string, path: string): string | null {
  let best: { readonly point: string; readonly type: string } | null = null;
  for (const [, escaped = "", type = ""] of table.matchAll(MOUNT)) {
    const point = unescapePoint(escaped);
    if (!isBelow(path, point)) continue;
    // A later mount on the same point hides the earlier one.
    if (best === null || point.length >= best.point.length) best = { point, type };
  }
  return best?.type ?? null;
}

/** Whether a file system of this type serves files of somewhere else. */
export function isRemoteMount(type: string | null): boolean {
  return type !== null && (REMOTE.has(type) || type === "fuse" || type.startsWith("fuse."));
}

function isBelow(path: string, point: string): boolean {
  return point === "/" || path === point || path.startsWith(`${point}/`);
}

/** The kernel writes blanks and backslashes of a mount point as octal numbers. */
function unescapePoint(point: string): string {
  return point.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
