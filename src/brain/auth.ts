import type { Clock } from "../base/clock.ts";
import { hexOf } from "../base/hex.ts";
import { randomHex } from "../base/ids.ts";
import {
  API_TOKEN_PREFIX,
  MAX_SESSIONS,
  MAX_SIGN_IN_FAILURES,
  SESSION_MS,
  SIGN_IN_LINK_MS,
  SIGN_IN_WINDOW_MS,
} from "./auth_limits.ts";

/** What became of a sign-in token. */
export type SignInOutcome =
  | { readonly kind: "signed_in"; readonly session: string }
  | { readonly kind: "refused" }
  | { readonly kind: "throttled" };

/** Who may use API and page of one brain; keeps hashes only. */
export interface Auth {
  /** A new sign-in token; an earlier one that nobody used ends. */
  issueSignIn(): Promise<string>;
  /** Trades the sign-in token, once, for a session. */
  signIn(token: string): Promise<SignInOutcome>;
  /** Ends a session; an unknown one is ignored. */
  signOut(session: string): Promise<void>;
  /** Tells whether a session lives. */
  hasSession(session: string): Promise<boolean>;
  /** Tells whether this is the API token. */
  isApiToken(token: string): Promise<boolean>;
}

/** A new API token: a prefix that scanners can find, and 256 random bits. */
export function newApiToken(): string {
  return `${API_TOKEN_PREFIX}${randomHex(32)}`;
}

/** Tells whether a text has the form of an API token. */
export function looksLikeApiToken(text: string): boolean {
  return text.startsWith(API_TOKEN_PREFIX) &&
    /^[0-9a-f]{64}$/.test(text.slice(API_TOKEN_PREFIX.length));
}

/** Creates the gate of one brain around its API token. */
export async function createAuth(apiToken: string, clock: Clock): Promise<Auth> {
  return new LocalAuth(await digest(apiToken), clock);
}

class LocalAuth implements Auth {
  readonly #apiToken: Uint8Array;
  readonly #clock: Clock;
  readonly #sessions = new Map<string, number>();
  #link: { readonly hash: Uint8Array; readonly endsAtMs: number } | null = null;
  #failures: number[] = [];

  constructor(apiToken: Uint8Array, clock: Clock) {
    this.#apiToken = apiToken;
    this.#clock = clock;
  }

  async issueSignIn(): Promise<string> {
    const token = randomHex(32);
    this.#link = { hash: await digest(token), endsAtMs: this.#clock.now() + SIGN_IN_LINK_MS };
    return token;
  }

  async signIn(token: string): Promise<SignInOutcome> {
    const now = this.#clock.now();
    this.#failures = this.#failures.filter((at) => at > now - SIGN_IN_WINDOW_MS);
    if (this.#failures.length >= MAX_SIGN_IN_FAILURES) return { kind: "throttled" };
    const hash = await digest(token);
    const link = this.#link;
    if (link === null || now >= link.endsAtMs || !isEqual(hash, link.hash)) {
      this.#failures.push(now);
      return { kind: "refused" };
    }
    this.#link = null;
    const session = randomHex(32);
    this.#keep(hexOf(await digest(session)), now + SESSION_MS);
    return { kind: "signed_in", session };
  }

  async signOut(session: string): Promise<void> {
    this.#sessions.delete(hexOf(await digest(session)));
  }

  async hasSession(session: string): Promise<boolean> {
    const endsAtMs = this.#sessions.get(hexOf(await digest(session)));
    return endsAtMs !== undefined && this.#clock.now() < endsAtMs;
  }

  async isApiToken(token: string): Promise<boolean> {
    return isEqual(await digest(token), this.#apiToken);
  }

  #keep(key: string, endsAtMs: number): void {
    this.#sessions.set(key, endsAtMs);
    for (const oldest of this.#sessions.keys()) {
      if (this.#sessions.size <= MAX_SESSIONS) break;
      this.#sessions.delete(oldest);
    }
  }
}

// Comparing hashes, byte by byte to the end, tells a guesser nothing by time.
function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  let difference = left.length ^ right.length;
  left.forEach((byte, i) => difference |= byte ^ (right[i] ?? 0));
  return difference === 0;
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
