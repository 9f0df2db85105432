import type { IsGranted } from "./deno_permissions.ts";
import type { System } from "./system_port.ts";

/** What following links needs of the system. */
export type LinkSystem = Pick<System, "files" | "paths">;

// The kernel gives up at 40 as well (path_resolution(7)).
const MAX_LINKS = 40;

/**
 * The absolute path with every link resolved. A part that does not exist yet
 * is kept, but a link that points to such a part is followed: opening it would
 * create the file there.
 */
export function resolveRealPath(path: string, isGranted: IsGranted, system: LinkSystem): string {
  return follow(system.paths.resolve(path), MAX_LINKS, isGranted, system);
}

function follow(
  path: string,
  linksLeft: number,
  isGranted: IsGranted,
  system: LinkSystem,
): string {
  const { files, paths } = system;
  // Without the permission to look, Deno itself checks the target at opening.
  if (!isGranted({ name: "read", path })) return path;
  try {
    return files.realPath(path);
  } catch (error) {
    if (codeOf(error) === "ELOOP" || linksLeft === 0) {
      throw new Error("Cannot resolve the path: a loop of links, expected a file or a directory", {
        cause: error,
      });
    }
  }
  const parent = paths.dirname(path);
  const target = linkTarget(path, system);
  if (target !== null) {
    return follow(paths.resolve(parent, target), linksLeft - 1, isGranted, system);
  }
  if (parent === path) return path;
  return paths.join(follow(parent, linksLeft, isGranted, system), paths.basename(path));
}

function linkTarget(path: string, { files }: LinkSystem): string | null {
  try {
    return files.readLink(path);
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
