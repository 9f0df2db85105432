import type { BufferLocation, IsGranted } from "@z4j/core/diagnostics";

/** Directory of an absolute path. */
export function directoryOf(path: string): string {
  return path.replace(/[\\/][^\\/]*$/, "") || "/";
}

/** Where agents of these settings keep files, as far as it may be looked at. */
export function agentDirectories(
  home: string | undefined,
  location: BufferLocation | null,
  isGranted: IsGranted,
): readonly string[] {
  const found = new Set<string>();
  if (home !== undefined) found.add(home);
  if (location?.kind === "file") found.add(directoryOf(location.path));
  return [...found].filter((path) =>
    isGranted({ name: "read", path }) && isGranted({ name: "write", path })
  );
}
