import type { RedisLink } from "../redis/link.ts";
import { MAX_QUEUES } from "./limits.ts";

/** What a look for queues found. */
export type Discovery =
  | { readonly ended: "found"; readonly queues: readonly string[]; readonly complete: boolean }
  | { readonly ended: "refused"; readonly error: string }
  | { readonly ended: "away"; readonly error: string };

/** Finds all queues of a prefix by the key that every one of them has. */
export async function discoverQueues(link: RedisLink, prefix: string): Promise<Discovery> {
  const queues = new Set<string>();
  const pattern = `${escapeGlob(prefix)}:*:meta`;
  let cursor = "0";
  do {
    const answer = await link.call("SCAN", [cursor, "MATCH", pattern, "COUNT", 1000]);
    if (answer.ended === "refused") return { ended: "refused", error: answer.error };
    if (answer.ended !== "value") return { ended: "away", error: answer.error };
    const [next, keys] = Array.isArray(answer.value) ? answer.value as readonly unknown[] : [];
    for (const key of Array.isArray(keys) ? keys.map(String) : []) {
      const name = key.slice(prefix.length + 1, -":meta".length);
      // The name of a queue holds no colon; such a key is somebody else's.
      if (name !== "" && !name.includes(":")) queues.add(name);
    }
    cursor = String(next ?? "0");
  } while (cursor !== "0" && queues.size < MAX_QUEUES);
  return {
    ended: "found",
    queues: [...queues].slice(0, MAX_QUEUES),
    complete: cursor === "0" && queues.size <= MAX_QUEUES,
  };
}

function escapeGlob(text: string): string {
  return text.replaceAll(/[\\*?[\]]/g, "\\$&");
}
