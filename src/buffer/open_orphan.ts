import { openOrphan } from "./orphan.ts";
import type { OrphanAnswer, OrphanParts } from "./orphan.ts";

/** Opens a neighbour's file of either kind if its process is gone. */
export async function openAnyOrphan(path: string, parts: OrphanParts): Promise<OrphanAnswer> {
  if (!path.endsWith(".kv")) return await openOrphan(path, parts);
  // Hardly anybody has one: its code is read when one is met.
  return await (await import("./kv_orphan.ts")).openKvOrphan(path, parts);
}
