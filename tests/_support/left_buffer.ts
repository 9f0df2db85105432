import { fingerprintOf } from "../../src/buffer/fingerprint.ts";
import { openBuffer } from "../../src/buffer/open.ts";
import { encodeCanonical } from "../../src/protocol/canonical_json.ts";
import { decodeHmacSecret } from "../../src/protocol/hmac.ts";

/** Leaves a buffer behind, as a killed process would; its first event is large. */
export async function leaveBuffer(
  path: string,
  secret: string | null,
  count: number,
): Promise<void> {
  const fingerprint = secret === null ? undefined : await fingerprintOf(decodeHmacSecret(secret));
  const buffer = await openBuffer({ path, fingerprint });
  for (let i = 0; i < count; i++) {
    const text = encodeCanonical({
      data: { task_name: "left", big: "x".repeat(i === 0 ? 9000 : 300) },
      engine: "manual",
      id: crypto.randomUUID(),
      kind: "task.succeeded",
      occurred_at: new Date().toISOString(),
      task_id: `left-${i}`,
    });
    buffer.push({ text, bytes: text.length, kind: "task.succeeded", class: "terminal" });
  }
  await buffer.settled();
  await buffer.close();
}
