import { type Clock, TIMED_OUT, withDeadline } from "../../../base/clock.ts";
import { errorText } from "../../../base/errors.ts";
import { member } from "../facts.ts";
import { quietly } from "../quietly.ts";
import { CONNECT_TIMEOUT_MS, method, type RedisArgument, type RedisRole, send } from "./client.ts";
import type { RedisOrigin } from "./origin.ts";

/** What became of a command. */
export type RedisAnswer =
  | { readonly ended: "value"; readonly value: unknown }
  /** Redis said no; nothing was done. `code` is the first word, for example `NOPERM`. */
  | { readonly ended: "refused"; readonly code: string; readonly error: string }
  /** There is no connection: the command never left and never will. */
  | { readonly ended: "unreached"; readonly error: string }
  /** It left, but no answer came: whether it was done is unknown. */
  | { readonly ended: "unknown"; readonly error: string };

/** One connection of ours. It is made when it is needed; nothing of it throws. */
export interface RedisLink {
  /** Sends a command and waits for its answer, at most `deadlineMs`. Default 3 s. */
  call(
    command: string,
    values?: readonly RedisArgument[],
    deadlineMs?: number,
  ): Promise<RedisAnswer>;
  /**
   * The connected client, for the user's own `Queue` class, or `undefined`. After
   * a failure it is another one, so keep what is built on it in a `WeakMap`.
   */
  client(): Promise<object | undefined>;
  /** Disconnects at once; what waits ends as unknown. A later call connects anew. */
  drop(): void;
  /** Disconnects for good. */
  close(): void;
}

/** What `openRedis` needs. */
export interface RedisLinkOptions {
  readonly origin: RedisOrigin;
  readonly role: RedisRole;
  readonly clock: Clock;
}

/** The deadline of a command unless told otherwise. */
export const REDIS_DEADLINE_MS = 3_000;

// While Redis is away, commands fail at once instead of dialling each.
const REDIAL_MS = 250;

/** Creates a connection that is not made before its first command. */
export function openRedis(options: RedisLinkOptions): RedisLink {
  return new OwnLink(options);
}

class OwnLink implements RedisLink {
  readonly #options: RedisLinkOptions;
  #dialling: Promise<object | undefined> | undefined;
  #client: object | undefined;
  #closed = false;
  #failure = "not connected";
  #retryAtMs = -Infinity;

  constructor(options: RedisLinkOptions) {
    this.#options = options;
  }

  async call(
    command: string,
    values: readonly RedisArgument[] = [],
    deadlineMs: number = REDIS_DEADLINE_MS,
  ): Promise<RedisAnswer> {
    const client = this.#client ?? await this.client();
    if (client === undefined) return { ended: "unreached", error: this.#failure };
    try {
      const value = await withDeadline(
        this.#options.clock,
        send(client, command, values),
        deadlineMs,
      );
      if (value !== TIMED_OUT) return { ended: "value", value };
      // A server that hangs may answer this one later: never on a connection in use.
      this.#forget(client);
      return { ended: "unknown", error: `no answer in ${deadlineMs} ms` };
    } catch (error) {
      return this.#failed(client, error);
    }
  }

  async client(): Promise<object | undefined> {
    if (this.#closed) return undefined;
    if (this.#client !== undefined) return this.#client;
    if (this.#options.clock.monotonic() < this.#retryAtMs) return undefined;
    this.#dialling ??= this.#dial().finally(() => this.#dialling = undefined);
    return await this.#dialling;
  }

  drop(): void {
    if (this.#client !== undefined) this.#forget(this.#client);
  }

  close(): void {
    this.#closed = true;
    this.drop();
  }

  async #dial(): Promise<object | undefined> {
    const { origin, role, clock } = this.#options;
    let client: unknown;
    try {
      client = await origin.make(role);
      if (typeof client !== "object" || client === null) {
        throw new Error("no Redis client to copy: no queue or worker is connected yet");
      }
      this.#watch(client);
      const connected = Promise.resolve(method(client, "connect")?.());
      const outcome = await withDeadline(clock, connected, CONNECT_TIMEOUT_MS + 500);
      if (outcome === TIMED_OUT) throw new Error("Redis took no connection in time");
      if (this.#closed) throw new Error("closed");
      quietly(() => void method(member(client, "stream"), "unref")?.());
      return this.#client = client;
    } catch (error) {
      this.#fail(errorText(error));
      end(client);
      return undefined;
    }
  }

  #watch(client: object): void {
    const on = method(client, "on");
    // Without a listener ioredis writes every error to the console.
    on?.("error", (error: unknown) => this.#failure = describe(error));
    on?.("end", () => this.#forget(client));
  }

  #failed(client: object, error: unknown): RedisAnswer {
    const message = errorText(error);
    const code = /^([A-Z]{2,})\b/.exec(message)?.[1];
    if (member(error, "name") === "ReplyError" || code !== undefined && !BROKEN.test(message)) {
      // A server that became a replica, or is loading: the next call dials anew.
      if (code === "READONLY" || code === "LOADING" || code === "MASTERDOWN") this.#forget(client);
      return { ended: "refused", code: code ?? "ERR", error: message };
    }
    const left = !NEVER_SENT.test(message);
    if (this.#client === client) this.#forget(client);
    return { ended: left ? "unknown" : "unreached", error: this.#cause(message) };
  }

  // "Connection is closed" says less than the error that closed it.
  #cause(message: string): string {
    return this.#failure === "not connected" ? message : this.#failure;
  }

  #fail(message: string): void {
    if (!/^Connection is closed/.test(message) || this.#failure === "not connected") {
      this.#failure = message;
    }
    this.#retryAtMs = this.#options.clock.monotonic() + REDIAL_MS;
  }

  #forget(client: object): void {
    if (this.#client === client) this.#client = undefined;
    end(client);
  }
}

// Texts of ioredis for a command that found no connection to leave by.
const NEVER_SENT = /isn't writeable|is not writable|offline queue/i;
const BROKEN = /^E(CONN|PIPE|TIMEDOUT|HOST|NOTFOUND|AI_)/;

function end(client: unknown): void {
  quietly(() => void method(client, "disconnect")?.());
}

// An error of several addresses has a message of its own for each of them.
function describe(error: unknown): string {
  const message = errorText(error);
  return message === "" ? String(member(error, "code") ?? "connection failed") : message;
}
