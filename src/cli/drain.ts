import { systemClock } from "../base/clock.ts";
import { frameId, randomUuid } from "../base/ids.ts";
import { noopLogger } from "../base/logger.ts";
import { openAnyOrphan } from "../buffer/open_orphan.ts";
import type { Orphan, OrphanParts } from "../buffer/orphan.ts";
import type { FullEntry } from "../buffer/sqlite_rows.ts";
import { agentNetwork } from "../install/agent_network.ts";
import { createPlatform } from "../platform/node.ts";
import { createFrameSigner, type FrameSigner } from "../protocol/frame_signer.ts";
import { decodeHmacSecret, importHmacKey } from "../protocol/hmac.ts";
import type { Settings } from "../settings/settings.ts";
import {
  bodyBytesOf,
  type BodyLimit,
  createBodyLimit,
  encodeBody,
  EVENTS_PATH,
  packFrame,
} from "../transport/long_poll_body.ts";
import { endOfAnswer } from "../transport/long_poll_end.ts";
import {
  createLongPollHttp,
  type HttpAnswer,
  type LongPollHttp,
} from "../transport/long_poll_http.ts";
import { POST_TIMEOUT_MS, PROBE_TIMEOUT_MS } from "../transport/long_poll_limits.ts";
import { createRequestPace } from "../transport/long_poll_pace.ts";
import { COMMANDS_PATH } from "../transport/long_poll_session.ts";
import { brainHttpUrl } from "../transport/long_poll_url.ts";
import { CommandError, EXIT } from "./io.ts";

/** What became of one buffer. */
export interface DrainedFile {
  readonly path: string;
  /** Events that the brain took. */
  readonly sent: number;
  /** Events that are too large for a request of this brain; they stay. */
  readonly tooLarge: number;
  /** Why nothing was done, or `null`. */
  readonly kept: string | null;
}

/** Sends signed batches without a session of an agent: no hello, no commands. */
export interface DrainLine {
  /** Sends one batch; false when it is larger than the brain takes. */
  send(entries: readonly FullEntry[]): Promise<boolean>;
}

const READ_LIMITS = { maxCount: 100, maxBytes: 512 * 1024 };

/**
 * Opens a line to the brain over long-poll, which takes events without a hello
 * and without taking commands from a running agent.
 *
 * @throws {CommandError} when the brain cannot be reached or refuses.
 */
export async function openDrainLine(settings: Settings): Promise<DrainLine> {
  const network = agentNetwork(settings, {
    platform: createPlatform(),
    env: undefined,
    logger: noopLogger,
  });
  const nonce = randomUuid();
  const http = createLongPollHttp({
    base: brainHttpUrl(settings.brainUrl, settings.devMode),
    token: settings.token,
    nonce,
    fetch: network.fetch,
    clock: systemClock,
    pace: createRequestPace(systemClock),
  });
  const signal = new AbortController().signal;
  const path = `${COMMANDS_PATH}?wait=0&max_frames=0`;
  const opened = await http.request({ path, timeoutMs: PROBE_TIMEOUT_MS }, signal);
  const agentId = opened.kind === "answer" ? opened.headers.get("x-z4j-agent-id") : null;
  const projectId = opened.kind === "answer" ? opened.headers.get("x-z4j-project-id") : null;
  if (agentId === null || projectId === null) throw refusal(opened);
  const signer = createFrameSigner({
    key: await importHmacKey(decodeHmacSecret(settings.hmacSecret)),
    identity: { agentId, projectId, sessionId: nonce },
    clock: systemClock,
  });
  const limit = createBodyLimit(systemClock);
  await limit.measure(http, signal);
  return { send: (entries) => sendBatch(entries, { http, signer, limit, signal }) };
}

interface LineParts {
  readonly http: LongPollHttp;
  readonly signer: FrameSigner;
  readonly limit: BodyLimit;
  readonly signal: AbortSignal;
}

async function sendBatch(entries: readonly FullEntry[], parts: LineParts): Promise<boolean> {
  const payloadText = `{"events":[${entries.map(({ text }) => text).join(",")}]}`;
  const frame = { type: "event_batch", id: frameId("drain"), payloadText } as const;
  // Signed frames have an order; one that is not sent would leave a gap, which is allowed.
  const packed = packFrame(await parts.signer.sign(frame), 0);
  if (bodyBytesOf([packed]) > parts.limit.bytes) return false;
  const body = encodeBody([packed]);
  const request = { path: EVENTS_PATH, body, timeoutMs: POST_TIMEOUT_MS };
  const answer = await parts.http.request(request, parts.signal);
  if (answer.kind === "answer" && answer.status === 413) {
    parts.limit.refused(bodyBytesOf([packed]));
    return false;
  }
  if (answer.kind === "answer" && answer.status === 200 && answer.body["accepted"] === 1) {
    return true;
  }
  throw refusal(answer);
}

function refusal(answer: HttpAnswer): CommandError {
  const { class: kind, advice } = endOfAnswer(answer);
  if (answer.kind === "answer" && answer.status === 409) {
    const text =
      "Cannot send: the brain refused the signature, expected the right secret and clock";
    return new CommandError(text, EXIT.refused);
  }
  const exit = kind === "auth" ? EXIT.refused : EXIT.unreachable;
  return new CommandError(`Cannot send: ${advice}`, exit);
}

/** Sends what is in a buffer of a process that ended, and removes what the brain took. */
export async function drainFile(
  path: string,
  parts: OrphanParts,
  line: DrainLine,
): Promise<DrainedFile> {
  const answer = await openAnyOrphan(path, parts);
  if (answer.kind !== "orphan") {
    const kept = answer.kind === "busy" ? "its process lives" : answer.reason;
    return { path, sent: 0, tooLarge: 0, kept };
  }
  const { orphan } = answer;
  let sent = 0;
  let tooLarge = 0;
  let isDone = false;
  try {
    for (let afterId = 0;;) {
      const page = await orphan.read(afterId, READ_LIMITS);
      const counts = await sendPage(page.rows, orphan, line);
      sent += counts.sent;
      tooLarge += counts.tooLarge;
      afterId = page.lastId;
      if (!page.more) break;
    }
    isDone = tooLarge === 0;
    return { path, sent, tooLarge, kept: null };
  } finally {
    await orphan.close(isDone);
  }
}

async function sendPage(
  rows: readonly FullEntry[],
  orphan: Orphan,
  line: DrainLine,
): Promise<{ readonly sent: number; readonly tooLarge: number }> {
  const [first] = rows;
  const last = rows.at(-1);
  if (first === undefined || last === undefined) return { sent: 0, tooLarge: 0 };
  if (await line.send(rows)) {
    await orphan.remove(first.id, last.id);
    return { sent: rows.length, tooLarge: 0 };
  }
  if (rows.length === 1) return { sent: 0, tooLarge: 1 };
  const half = Math.ceil(rows.length / 2);
  const left = await sendPage(rows.slice(0, half), orphan, line);
  const right = await sendPage(rows.slice(half), orphan, line);
  return { sent: left.sent + right.sent, tooLarge: left.tooLarge + right.tooLarge };
}
