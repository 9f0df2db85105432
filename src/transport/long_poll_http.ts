import { type Clock, TIMED_OUT, withDeadline } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import { readText } from "../base/read_text.ts";
import type { RequestPace } from "./long_poll_pace.ts";
import { MAX_ANSWER_BYTES, RETRY_AFTER_CAP_MS } from "./long_poll_limits.ts";

/** The part of `fetch` that long-poll uses. */
export type FetchLike = (url: string, init: RequestInit) => Promise<Response>;

/** What became of a request. */
export type HttpAnswer =
  | {
    /** There was an answer. */
    readonly kind: "answer";
    /** HTTP status. */
    readonly status: number;
    /** Headers of the answer. */
    readonly headers: Headers;
    /** The JSON object in it; empty when there was none. */
    readonly body: JsonObject;
    /** What `Retry-After` asks for in milliseconds, bounded, or `null`. */
    readonly retryAfterMs: number | null;
  }
  | {
    /** No answer came, or none that can be read. */
    readonly kind: "silence";
    /** What the runtime said. */
    readonly message: string;
  };

/** One request. */
export interface HttpRequest {
  /** Path and query below the base. */
  readonly path: string;
  /** Headers besides those of the session. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes it a POST of this JSON. */
  readonly body?: Uint8Array<ArrayBuffer>;
  /** How long the answer may take. */
  readonly timeoutMs: number;
}

/** Sends the requests of one session. */
export interface LongPollHttp {
  /** Never rejects; gives up at the time limit or when the signal aborts. */
  request(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>;
}

/** What every request of a session shares. */
export interface LongPollHttpOptions {
  /** Base URL without a slash at the end. */
  readonly base: string;
  /** Bearer token. */
  readonly token: string;
  /** The session's nonce (protocol section 22.1). */
  readonly nonce: string;
  /** How to reach the network. */
  readonly fetch: FetchLike;
  /** Time source. */
  readonly clock: Clock;
  /** Keeps below the rate that the brain refuses. */
  readonly pace: RequestPace;
}

/** Creates the requests of one session. */
export function createLongPollHttp(options: LongPollHttpOptions): LongPollHttp {
  const { base, token, nonce, clock } = options;
  const shared = { authorization: `Bearer ${token}`, "x-z4j-session-nonce": nonce };
  const exchange = async (request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> => {
    const { body } = request;
    const response = await options.fetch(`${base}${request.path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        ...shared,
        ...request.headers,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      // Bytes, not a stream: the brain wants a Content-Length (protocol section 22.7).
      ...(body === undefined ? {} : { body }),
      // The token goes to the configured address only.
      redirect: "manual",
      signal,
    });
    return {
      kind: "answer",
      status: response.status,
      headers: response.headers,
      body: await readObject(response),
      retryAfterMs: retryAfter(response.headers.get("retry-after")),
    };
  };
  return {
    async request(request, signal) {
      await options.pace.turn(signal);
      if (signal.aborted) return { kind: "silence", message: "the request was given up" };
      const attempt = new AbortController();
      const giveUp = (): void => attempt.abort();
      signal.addEventListener("abort", giveUp, { once: true });
      try {
        const answer = exchange(request, attempt.signal).catch(silence);
        const outcome = await withDeadline(
          clock,
          raceAbort(answer, attempt.signal),
          request.timeoutMs,
        );
        if (outcome !== TIMED_OUT) return outcome;
        return { kind: "silence", message: `no answer within ${request.timeoutMs / 1000} s` };
      } finally {
        signal.removeEventListener("abort", giveUp);
        // Ends what is still under way; after a complete answer it does nothing.
        attempt.abort();
      }
    },
  };
}

function silence(error: unknown): HttpAnswer {
  return { kind: "silence", message: errorText(error) };
}

// A runtime that ignores the signal must not hold up the end of a session.
function raceAbort(answer: Promise<HttpAnswer>, signal: AbortSignal): Promise<HttpAnswer> {
  const aborted = new Promise<HttpAnswer>((resolve) => {
    const give = (): void => resolve({ kind: "silence", message: "the request was given up" });
    signal.addEventListener("abort", give, { once: true });
  });
  return Promise.race([answer, aborted]);
}

async function readObject(response: Response): Promise<JsonObject> {
  const text = await readText(response, MAX_ANSWER_BYTES);
  if (text === null) throw new Error("the answer is too large");
  try {
    const value = JSON.parse(text) as JsonValue;
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

function retryAfter(header: string | null): number | null {
  const seconds = header === null || !/^\s*\d+\s*$/.test(header) ? NaN : Number(header);
  return Number.isFinite(seconds) ? Math.min(seconds * 1000, RETRY_AFTER_CAP_MS) : null;
}
