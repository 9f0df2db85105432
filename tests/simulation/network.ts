import type { ServerSocketHandlers } from "../../src/platform/serve_port.ts";
import type { WebSocketLike } from "../../src/transport/socket_like.ts";
import type { Choices } from "./choices.ts";
import type { Life, World } from "./world.ts";

/** What may happen to one message. */
export type MessageFault = "drop" | "duplicate" | "reorder" | "delay";

/** One way of a connection. */
export type Way = "to_brain" | "to_agent";

/** What the network asks and tells. */
export interface NetworkHooks {
  /** Handlers of the brain for a new socket, or `null` while it is down. */
  accept(token: string): { readonly handlers: ServerSocketHandlers; readonly life: Life } | null;
  /** What happens to this message, if anything. */
  fault(connection: Connection, way: Way): MessageFault | null;
  /** A side hands a message over. */
  sent(connection: Connection, way: Way, text: string): void;
  /** A message never arrives; `isSilent` while its session may go on. */
  swallowed(connection: Connection, way: Way, text: string, isSilent: boolean): void;
  /** A message arrives; called before its receiver sees it. */
  arriving(connection: Connection, way: Way, text: string): void;
  /** The receiver has dealt with it. */
  arrived(connection: Connection, way: Way, text: string): void;
}

const decoder = new TextDecoder();
// A stall of this length is a long one for TCP and still no end.
const MOST_DELAY_MS = 8000;

/** One socket between an agent's process and the brain. */
export class Connection implements WebSocketLike {
  binaryType = "arraybuffer";
  readonly bufferedAmount = 0;
  onopen: WebSocketLike["onopen"] = null;
  onmessage: WebSocketLike["onmessage"] = null;
  onerror: WebSocketLike["onerror"] = null;
  onclose: WebSocketLike["onclose"] = null;
  /** Ways on which nothing arrives any more, without anybody being told. */
  readonly broken: Set<Way> = new Set();
  /** Whether the brain's side is over. */
  brainOver = true;
  /** Whether the agent's side is over. */
  agentOver = false;
  readonly token: string;
  readonly life: Life;
  readonly #world: World;
  readonly #hooks: NetworkHooks;
  readonly #choices: Choices;
  readonly #lastAt: Record<Way, number> = { to_brain: 0, to_agent: 0 };
  #brain: { readonly handlers: ServerSocketHandlers; readonly life: Life } | null = null;

  constructor(
    parts: {
      readonly world: World;
      readonly hooks: NetworkHooks;
      readonly choices: Choices;
      readonly life: Life;
      readonly token: string;
    },
  ) {
    this.token = parts.token;
    this.life = parts.life;
    this.#world = parts.world;
    this.#hooks = parts.hooks;
    this.#choices = parts.choices;
    this.#pass("to_brain", () => this.#accept());
  }

  /** Whether the agent began to close it. */
  isClosing = false;

  /** Messages on their way. */
  inFlight = 0;

  /** Whether any side may still hear of it. */
  get isOver(): boolean {
    return (this.agentOver || this.life.dead) && this.brainOver;
  }

  send(data: string): void {
    if (!this.agentOver) this.#transmit("to_brain", data);
  }

  close(code = 1000): void {
    if (this.agentOver) return;
    this.isClosing = true;
    this.#pass("to_brain", () => this.#brainHears(code));
    // The peer's half of the close handshake.
    this.#pass("to_brain", () => this.#pass("to_agent", () => this.#agentHears(code)));
  }

  terminate(): void {
    this.agentOver = true;
    this.#pass("to_brain", () => this.#brainHears(1006));
  }

  /** Both sides, or the ones that are told, learn that it is over. */
  cut(told: readonly Way[]): void {
    for (const way of ["to_brain", "to_agent"] as const) {
      if (told.includes(way)) {
        if (way === "to_agent") this.#world.after(1, this.life, () => this.#agentHears(1006));
        else this.#world.after(1, this.#brain?.life ?? null, () => this.#brainHears(1006));
      }
      this.broken.add(way);
    }
  }

  #accept(): void {
    this.#brain = this.#hooks.accept(this.token);
    if (this.#brain === null) return this.#pass("to_agent", () => this.#refused());
    this.brainOver = false;
    // The upgrade is answered before the brain can send anything.
    this.#pass("to_agent", () => this.onopen?.({}));
    this.#brain.handlers.open({
      send: (data) => {
        const text = typeof data === "string" ? data : decoder.decode(data);
        if (!this.brainOver) this.#transmit("to_agent", text);
      },
      close: (code) => {
        this.brainOver = true;
        this.#pass("to_agent", () => this.#agentHears(code));
      },
      bufferedBytes: () => 0,
    });
  }

  #refused(): void {
    this.onerror?.({ message: "connection refused" });
    this.#agentHears(1006);
  }

  #transmit(way: Way, text: string): void {
    this.#hooks.sent(this, way, text);
    const fault = this.#hooks.fault(this, way);
    if (fault === "drop" || this.broken.has(way)) {
      return this.#hooks.swallowed(this, way, text, fault === "drop");
    }
    const deliver = (): void => this.#deliver(way, text);
    if (fault === "reorder") {
      const delayMs = 1 + this.#choices.of(400);
      return void this.#world.after(delayMs, this.#lifeAt(way), () => {
        if (!this.broken.has(way)) deliver();
      });
    }
    if (fault === "delay") {
      const now = Math.max(this.#lastAt[way], this.#world.nowMs);
      this.#lastAt[way] = now + this.#choices.of(MOST_DELAY_MS);
    }
    this.#pass(way, deliver, () => this.#hooks.swallowed(this, way, text, false));
    if (fault === "duplicate") this.#pass(way, deliver);
  }

  #deliver(way: Way, text: string): void {
    const isOver = way === "to_brain" ? this.brainOver : this.agentOver;
    if (isOver) return this.#hooks.swallowed(this, way, text, false);
    this.#hooks.arriving(this, way, text);
    if (way === "to_brain") this.#brain?.handlers.message(text);
    else this.onmessage?.({ data: text });
    this.#world.after(0, null, () => this.#hooks.arrived(this, way, text));
  }

  #lifeAt(way: Way): Life | null {
    return way === "to_agent" ? this.life : this.#brain?.life ?? null;
  }

  /** Lets something arrive in the order of its way. */
  #pass(way: Way, arrive: () => void, lost: () => void = () => {}): void {
    if (this.broken.has(way)) return lost();
    const soonest = this.#world.nowMs + 1 + this.#choices.of(10);
    const at = Math.max(this.#lastAt[way] + 0.01, soonest);
    this.#lastAt[way] = at;
    this.inFlight++;
    this.#world.after(at - this.#world.nowMs, this.#lifeAt(way), () => {
      this.inFlight--;
      if (this.broken.has(way)) lost();
      else arrive();
    });
  }

  #brainHears(code: number): void {
    if (this.brainOver) return;
    this.brainOver = true;
    this.#brain?.handlers.closed(code);
  }

  #agentHears(code: number): void {
    if (this.agentOver) return;
    this.agentOver = true;
    this.onclose?.({ code, reason: "" });
  }
}
