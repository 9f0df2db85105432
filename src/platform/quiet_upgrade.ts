/** An upgrade request and what the answer has to prove. */
export interface UpgradeRequest {
  /** The whole request. */
  readonly text: string;
  /** `Sec-WebSocket-Accept` of a server that has read it. */
  readonly accept: Promise<string>;
}

/** A complete answer to an upgrade request. */
export interface UpgradeAnswer {
  /** `Sec-WebSocket-Accept`, or `null` when the upgrade was refused. */
  readonly accept: string | null;
  /** What to report when that is not the right one. */
  readonly problem: string;
  /** Bytes behind the answer. */
  readonly rest: Uint8Array;
}

const MAX_HEAD_BYTES = 16_384;
/** What an answer proves itself with (RFC 6455 section 1.3). */
export const ACCEPT_SALT: string = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Writes the request of RFC 6455 section 4.1. */
export function upgradeRequest(
  url: URL,
  headers: Readonly<Record<string, string>>,
): UpgradeRequest {
  const key = base64(crypto.getRandomValues(new Uint8Array(16)));
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${key}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  // A line break in a token would begin a header of somebody else's choice.
  if (lines.some((line) => /[\r\n\0]/.test(line))) {
    throw new TypeError("Cannot send the header: it has a line break, expected none");
  }
  return { text: `${lines.join("\r\n")}\r\n\r\n`, accept: acceptOf(key) };
}

/** Reads an answer; `null` while it is incomplete. Throws when it cannot be one. */
export function readUpgrade(bytes: Uint8Array): UpgradeAnswer | null {
  const end = headEnd(bytes);
  if (end === null) {
    if (bytes.length > MAX_HEAD_BYTES) throw new Error("the answer to the upgrade has no end");
    return null;
  }
  const [status = "", ...fields] = new TextDecoder().decode(bytes.subarray(0, end)).split("\r\n");
  const code = /^HTTP\/1\.[01] (\d{3})/.exec(status)?.[1];
  if (code !== "101") {
    const problem = code === undefined
      ? "the answer to the upgrade is not HTTP"
      : `the upgrade was refused with status code: ${code}`;
    return { accept: null, problem, rest: new Uint8Array(0) };
  }
  const accept = fields.find((field) => /^sec-websocket-accept:/i.test(field));
  return {
    accept: accept?.slice(accept.indexOf(":") + 1).trim() ?? null,
    problem: "the answer to the upgrade is not that of a WebSocket server",
    rest: bytes.subarray(end + 4),
  };
}

function headEnd(bytes: Uint8Array): number | null {
  for (let at = 0; at + 3 < bytes.length; at++) {
    if (
      bytes[at] === 13 && bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10
    ) return at;
  }
  return null;
}

async function acceptOf(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + ACCEPT_SALT));
  return base64(new Uint8Array(digest));
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
