import type { AgentIdentity } from "./agents.ts";
import { BURNT_NONCES, NONCE_IDLE_MS, NONCES, NONCES_PER_AGENT } from "./long_poll_limits.ts";
import type { LongPollSession } from "./long_poll_session.ts";

/** The long-poll sessions of this brain, by agent and nonce (protocol 22.6). */
export class LongPollTable {
  readonly #sessions = new Map<string, LongPollSession>();
  readonly #burnt = new Set<string>();

  /** The session of this nonce, or `null`. */
  find(identity: AgentIdentity, nonce: string): LongPollSession | null {
    return this.#sessions.get(keyOf(identity.agent, nonce)) ?? null;
  }

  /** Whether this nonce was invalidated before. */
  isBurnt(identity: AgentIdentity, nonce: string): boolean {
    return this.#burnt.has(keyOf(identity.agent, nonce));
  }

  /** Whether there is room for another session of this agent. */
  hasRoom(identity: AgentIdentity, nowMs: number): boolean {
    this.#expire(nowMs);
    if (this.#sessions.size >= NONCES) return false;
    let own = 0;
    for (const { live } of this.#sessions.values()) if (live.agent === identity.agent) own++;
    return own < NONCES_PER_AGENT;
  }

  /** Keeps a session. */
  add(session: LongPollSession): void {
    this.#sessions.set(keyOf(session.live.agent, session.nonce), session);
  }

  /** Ends a session for good: its nonce is never taken again. */
  invalidate(session: LongPollSession): void {
    const key = keyOf(session.live.agent, session.nonce);
    this.#sessions.delete(key);
    session.end();
    this.#burnt.add(key);
    const [oldest] = this.#burnt;
    if (this.#burnt.size > BURNT_NONCES && oldest !== undefined) this.#burnt.delete(oldest);
  }

  /** Ends all. */
  clear(): void {
    for (const session of this.#sessions.values()) session.end();
    this.#sessions.clear();
  }

  #expire(nowMs: number): void {
    for (const [key, session] of this.#sessions) {
      if (nowMs - session.lastUsedMs < NONCE_IDLE_MS) continue;
      this.#sessions.delete(key);
      session.end();
    }
  }
}

function keyOf(agent: number, nonce: string): string {
  return `${agent} ${nonce}`;
}
