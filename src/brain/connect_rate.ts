import type { Clock } from "../base/clock.ts";

const WINDOW_MS = 60_000;
// Addresses remembered at once; the oldest windows go first.
const ADDRESSES = 10_000;

/** Counts the connects of each address in windows of a minute (protocol 2.5). */
export class ConnectRate {
  readonly #clock: Clock;
  readonly #perMinute: number;
  readonly #windows = new Map<string, { readonly startMs: number; count: number }>();

  /** Takes how many connects an address has in a minute. */
  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock;
    this.#perMinute = perMinute;
  }

  /** Counts a connect; false when it is one too many. */
  admit(address: string): boolean {
    const nowMs = this.#clock.monotonic();
    const window = this.#windows.get(address);
    if (window !== undefined && nowMs - window.startMs < WINDOW_MS) {
      window.count++;
      return window.count <= this.#perMinute;
    }
    this.#windows.delete(address);
    this.#windows.set(address, { startMs: nowMs, count: 1 });
    this.#forget();
    return true;
  }

  #forget(): void {
    if (this.#windows.size <= ADDRESSES) return;
    const [oldest] = this.#windows.keys();
    if (oldest !== undefined) this.#windows.delete(oldest);
  }
}
