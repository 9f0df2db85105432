import type { Clock } from "../base/clock.ts";
import type { SignedFrameType } from "./frames.ts";
import type { HmacKey } from "./hmac.ts";
import type { SessionIdentity } from "./identity.ts";
import { stringText } from "./json_text.ts";
import { NONCE_BYTES } from "./limits.ts";

/** What a signer needs; one signer serves one session and direction. */
export interface FrameSignerOptions {
  /** The imported project secret. */
  readonly key: HmacKey;
  /** The identities of the session. */
  readonly identity: SessionIdentity;
  /** Source of `ts`. */
  readonly clock: Clock;
  /** Source of nonces. Default: 16 random bytes as URL-safe base64. */
  readonly nonce?: () => string;
}

/** A frame before it is signed. */
export interface UnsignedFrame {
  /** Frame type. */
  readonly type: SignedFrameType;
  /** Frame id, at most 64 characters. */
  readonly id: string;
  /** The payload as canonical JSON text (`encodeCanonical`). */
  readonly payloadText: string;
}

/** Signs the frames of one session in one direction. */
export interface FrameSigner {
  /**
   * Signs a frame. The sequence number is taken during the call, and results
   * resolve in the order of the calls, so sending in the order of resolution
   * keeps the sequence (trap 7).
   */
  sign(frame: UnsignedFrame): Promise<string>;
}

/**
 * Creates a signer whose sequence starts at 1 (protocol sections 5-7). The
 * text that is signed and the text that is sent are put together from the same
 * parts, so nothing is parsed or printed twice.
 *
 * @example Sign a heartbeat
 * ```ts
 * import {
 *   createFrameSigner,
 *   encodeCanonical,
 *   importHmacKey,
 *   systemClock,
 * } from "@z4j/core/protocol";
 *
 * const signer = createFrameSigner({
 *   key: await importHmacKey(new Uint8Array(32)),
 *   identity: { agentId: "a", projectId: "p", sessionId: "s" },
 *   clock: systemClock,
 * });
 * const payloadText = encodeCanonical({ buffer_size: 0 });
 * const text = await signer.sign({ type: "heartbeat", id: "hb_1", payloadText });
 * ```
 */
export function createFrameSigner(options: FrameSignerOptions): FrameSigner {
  const { key, identity, clock, nonce = randomNonce } = options;
  const agent = `{"agent_id":${stringText(identity.agentId)},"id":`;
  const project = `,"project_id":${stringText(identity.projectId)},"seq":`;
  const session = `,"session_id":${stringText(identity.sessionId)},"ts":"`;
  let seq = 0;
  let tail: Promise<unknown> = Promise.resolve();

  const begin = ({ type, id, payloadText }: UnsignedFrame): Promise<string> => {
    const number = ++seq;
    const head = `${stringText(id)},"nonce":${stringText(nonce())},"payload":${payloadText}`;
    const foot = `${new Date(clock.now()).toISOString()}","type":"${type}","v":2}`;
    const digest = key.sign(`${agent}${head}${project}${number}${session}${foot}`);
    return digest.then((hmac) => `{"hmac":"${hmac}","id":${head},"seq":${number},"ts":"${foot}`);
  };
  return {
    sign(frame) {
      let signed: Promise<string>;
      try {
        signed = begin(frame);
      } catch (error) {
        signed = Promise.reject(error);
      }
      const inOrder = Promise.allSettled([tail, signed]).then(() => signed);
      // Resolves to nothing: the text must not live on until the next frame.
      tail = inOrder.then(() => {}, () => {});
      return inOrder;
    },
  };
}

function randomNonce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
