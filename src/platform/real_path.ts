import { readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { IsGranted } from "./deno_permissions.ts";

// The kernel gives up at 40 as well (path_resolution(7)).
const MAX_LINKS = 40;

/**
 * The absolute path with every link resolved. A part that does not exist yet
 * is kept, but a link that points to such a part is followed: opening it would
 * create the file there.
 */
export function resolveRealPath(path: string, isGranted: IsGranted): string {
  return follow(resolve(path), isGranted, MAX_LINKS);
}

function follow(path: string, isGranted: IsGranted, linksLeft: number): string {
  // Without the permission to look, Deno itself checks the target at opening.
  if (!isGranted({ name: "read", path })) return path;
  try {
    return realpathSync(path);
  } catch (error) {
    if (codeOf(error) === "ELOOP" || linksLeft === 0) {
      throw new Error("Cannot resolve the path: a loop of links, expected a file or a directory", {
        cause: error,
      });
    }
  }
  const target = linkTarget(path);
  if (target !== null) return follow(resolve(dirname(path), target), isGranted, linksLeft - 1);
  const parent = dirname(path);
  return parent === path ? path : join(follow(parent, isGranted, linksLeft), basename(path));
}

function linkTarget(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

/** The system's code of a failure, such as `EACCES`, or the name of its class. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  const code: unknown = Reflect.get(error, "code");
  return typeof code === "string" ? code : error.name;
}
