import { randomUuid } from "../base/ids.ts";
import { encodeCanonical } from "../protocol/canonical_json.ts";
import type { FrameSigner } from "../protocol/signing.ts";

/**
 * What is wrong with an `event_batch_ack`: `reversed` holds a few back and sends
 * them last first, `unknown` sends one for a batch that never was before the
 * right one, `replayed` sends the same signed text twice, `forged` carries a
 * wrong signature, `altered` names another batch under the old signature,
 * `oversize` sends 2 MiB of text before it, `truncated` half of its text.
 */
export type AckFault =
  | "reversed"
  | "unknown"
  | "replayed"
  | "forged"
  | "altered"
  | "oversize"
  | "truncated";

/** Payload of an `event_batch_ack` (protocol section 15). */
export interface AckPayload {
  /** Frame id of the batch. */
  readonly acked_id: string;
  /** Events in it. */
  readonly received: number;
  /** New ones. */
  readonly accepted: number;
  /** Others. */
  readonly rejected: number;
}

/** Sends the acks of one session. */
export interface AckSender {
  /** Sends one ack, with a fault or without. */
  send(fault: AckFault | null, payload: AckPayload): Promise<void>;
}

// How many acks are reversed at once, and how long the first may wait.
const HELD_ACKS = 4;
const HELD_MS = 40;
const OVERSIZE_CHARS = 2 * 1024 * 1024;

/** Creates the sender of one session. */
export function createAckSender(
  signer: FrameSigner,
  transmit: (text: string) => void,
): AckSender {
  let held: AckPayload[] = [];
  const sign = ({ ...payload }: AckPayload): Promise<string> =>
    signer.sign({
      type: "event_batch_ack",
      id: `eba_${payload.acked_id}`.slice(0, 64),
      payloadText: encodeCanonical(payload),
    });
  const release = async (): Promise<void> => {
    const due = held.reverse();
    held = [];
    for (const payload of due) transmit(await sign(payload));
  };
  const hold = async (payload: AckPayload): Promise<void> => {
    held.push(payload);
    if (held.length === 1) setTimeout(() => void release(), HELD_MS);
    if (held.length >= HELD_ACKS) await release();
  };
  return {
    async send(fault, payload) {
      if (fault === "reversed") return await hold(payload);
      if (fault === "unknown") transmit(await sign({ ...payload, acked_id: `ev_${randomUuid()}` }));
      if (fault === "oversize") transmit("x".repeat(OVERSIZE_CHARS));
      const text = await sign(payload);
      for (const spoiled of spoil(fault, text, payload)) transmit(spoiled);
    },
  };
}

function spoil(fault: AckFault | null, text: string, { acked_id }: AckPayload): readonly string[] {
  if (fault === "replayed") return [text, text];
  if (fault === "forged") return [text.replace(/"hmac":"[0-9a-f]{8}/, `"hmac":"${"0".repeat(8)}`)];
  if (fault === "altered") return [text.replaceAll(acked_id, `ev_${"0".repeat(32)}`)];
  if (fault === "truncated") return [text.slice(0, text.length / 2)];
  return [text];
}
