import type { JsonValue } from "../../base/json.ts";
import { html, type Markup } from "./html.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

// Control and format characters would let job text reorder or hide what stands beside it.
const INVISIBLE = /[\p{Cc}\p{Cf}]/gu;
// Line ends and tabs are shown as such; joiners are part of scripts and emoji.
const HARMLESS: ReadonlySet<string> = new Set(["\n", "\t", "\u200c", "\u200d"]);

/** A short form of a span of time: `850 ms`, `3.2 s`, `5 min`. */
export function duration(spanMs: number): string {
  if (spanMs < SECOND_MS) return `${Math.round(spanMs)} ms`;
  if (spanMs < 10 * SECOND_MS) return `${(spanMs / SECOND_MS).toFixed(1)} s`;
  if (spanMs < 2 * MINUTE_MS) return `${Math.round(spanMs / SECOND_MS)} s`;
  if (spanMs < 2 * HOUR_MS) return `${Math.round(spanMs / MINUTE_MS)} min`;
  if (spanMs < 2 * DAY_MS) return `${Math.round(spanMs / HOUR_MS)} h`;
  return `${Math.round(spanMs / DAY_MS)} d`;
}

/** A time relative to now, with the exact one on hover; the page keeps it fresh. */
export function when(timeMs: number | null, nowMs: number): Markup {
  if (timeMs === null || !Number.isFinite(timeMs)) return html`<span class="faint">–</span>`;
  const iso = new Date(timeMs).toISOString();
  const distance = Math.abs(timeMs - nowMs);
  const text = distance < SECOND_MS
    ? "now"
    : timeMs > nowMs
    ? `in ${duration(distance)}`
    : `${duration(distance)} ago`;
  return html`<time datetime="${iso}" title="${iso}">${text}</time>`;
}

/** An ISO text as milliseconds, or `null`. */
export function parseTime(value: JsonValue | undefined): number | null {
  const time = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? null : time;
}

/** Job text with invisible and reordering characters made visible. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (character) => {
    if (HARMLESS.has(character)) return character;
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** A JSON value as people read it. */
export function pretty(value: JsonValue): string {
  return visible(typeof value === "string" ? value : JSON.stringify(value, null, 2));
}

/** A state as a badge: colour and word, never colour alone. */
export function badge(state: string): Markup {
  return html`<span class="badge" data-state="${state}">${state}</span>`;
}
