/** Kinds of WebSocket frames (RFC 6455 section 11.8). */
export const OPCODE = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

/** One frame as it arrived. */
export interface Frame {
  readonly opcode: number;
  readonly isLast: boolean;
  readonly payload: Uint8Array;
}

/** Takes bytes in any portions, gives whole frames. */
export interface FrameReader {
  /** Adds bytes; answers the frames that are complete now. Throws on a breach of the protocol. */
  push(bytes: Uint8Array): readonly Frame[];
}

/** The brain's frames are at most 64 MiB (protocol section 4.4). */
export const MAX_PAYLOAD_BYTES = 67_108_864;
const MAX_CONTROL_BYTES = 125;

/** Reads frames of a server, which are never masked, or of a client, which always are. */
export function createFrameReader(peer: "server" | "client" = "server"): FrameReader {
  let parts: Uint8Array[] = [];
  let size = 0;
  /** Bytes that the next step needs, so that a large frame is put together once. */
  let wanted = 2;
  return {
    push(bytes) {
      parts.push(bytes);
      size += bytes.length;
      if (size < wanted) return [];
      let rest = parts.length === 1 ? bytes : concat(parts, size);
      const frames: Frame[] = [];
      for (;;) {
        const step = readFrame(rest, peer === "client");
        if (typeof step === "number") {
          wanted = step;
          break;
        }
        frames.push(step.frame);
        rest = rest.subarray(step.length);
      }
      parts = rest.length === 0 ? [] : [rest];
      size = rest.length;
      return frames;
    },
  };
}

/** The first frame and its length, or how many bytes there must be to go on. */
function readFrame(
  bytes: Uint8Array,
  isMasked: boolean,
): { frame: Frame; length: number } | number {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return 2;
  if ((first & 0x70) !== 0) throw new Error("a frame uses an extension that was not agreed");
  if (((second & 0x80) !== 0) !== isMasked) {
    throw new Error(
      isMasked ? "a frame of the client is not masked" : "a frame of the server is masked",
    );
  }
  const short = second & 0x7f;
  const head = (short < 126 ? 2 : short === 126 ? 4 : 10) + (isMasked ? 4 : 0);
  if (bytes.length < head) return head;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const length = short < 126
    ? short
    : short === 126
    ? view.getUint16(2)
    : Number(view.getBigUint64(2));
  if (length > MAX_PAYLOAD_BYTES) throw new Error("a frame is larger than 64 MiB");
  const opcode = first & 0x0f;
  if (opcode >= OPCODE.close && length > MAX_CONTROL_BYTES) {
    throw new Error("a control frame is too long");
  }
  if (bytes.length < head + length) return head + length;
  const payload = bytes.slice(head, head + length);
  if (isMasked) applyMask(payload, bytes.subarray(head - 4, head));
  return { frame: { opcode, isLast: (first & 0x80) !== 0, payload }, length: head + length };
}

/** A whole frame of a client, masked as the protocol wants it. */
export function encodeFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const head = length < 126 ? 6 : length < 65_536 ? 8 : 14;
  const frame = new Uint8Array(head + length);
  const view = new DataView(frame.buffer);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head === 8) view.setUint16(2, length);
  if (head === 14) view.setBigUint64(2, BigInt(length));
  const mask = crypto.getRandomValues(frame.subarray(head - 4, head));
  frame.set(payload, head);
  applyMask(frame.subarray(head), mask);
  return frame;
}

/** A whole frame of a server. */
export function serverFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = new Uint8Array(head + length);
  const view = new DataView(frame.buffer);
  frame[0] = 0x80 | opcode;
  frame[1] = length < 126 ? length : length < 65_536 ? 126 : 127;
  if (head === 4) view.setUint16(2, length);
  if (head === 10) view.setBigUint64(2, BigInt(length));
  frame.set(payload, head);
  return frame;
}

function applyMask(bytes: Uint8Array, mask: Uint8Array): void {
  for (let at = 0; at < bytes.length; at++) bytes[at] = (bytes[at] ?? 0) ^ (mask[at & 3] ?? 0);
}

/** Puts portions together. */
export function concat(parts: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
