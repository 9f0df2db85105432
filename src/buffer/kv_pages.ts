import { KV_VALUE_BYTES } from "./kv_like.ts";
import type { NewEntry } from "./port.ts";
import type { FullEntry } from "./sqlite_rows.ts";
import { CLASS_NUMBER, classOf } from "./sqlite_rows.ts";

/** An entry with its id. */
export interface NumberedEntry {
  readonly id: number;
  readonly entry: NewEntry;
}

/** Rows in one value: a line of JSON that describes them, then their texts. */
export interface Page {
  readonly firstId: number;
  readonly lastId: number;
  readonly value: Uint8Array;
}

/** A piece of a text that is too large for a page. */
export interface Part {
  readonly id: number;
  readonly index: number;
  readonly value: Uint8Array;
}

/** What entries become in the database. */
export interface Packed {
  readonly pages: readonly Page[];
  readonly parts: readonly Part[];
}

/** A row as its page describes it; with `parts` its text is elsewhere. */
export interface PageRow extends FullEntry {
  /** How many parts its text has; 0 when it is in the page. */
  readonly parts: number;
}

// A larger text is cut into parts of its own, so that pages stay well filled.
const INLINE_BYTES = KV_VALUE_BYTES / 2;

const NEW_LINE = 10;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Packs entries, in the order of their ids, several to a page. */
export function packPages(entries: readonly NumberedEntry[]): Packed {
  const builder = new PageBuilder();
  for (const { id, entry } of entries) builder.add(id, entry);
  return builder.finish();
}

/** Reads a page; a value of another form has no rows, and keeps no other page back. */
export function unpackPage(value: unknown): readonly PageRow[] {
  if (!(value instanceof Uint8Array)) return [];
  let offset = value.indexOf(NEW_LINE) + 1;
  const lines = linesOf(decoder.decode(value.subarray(0, offset)), value.length - offset);
  return lines.map(([id, cls, kind, bytes, parts]) => {
    const end = parts > 0 ? offset : offset + bytes;
    const text = decoder.decode(value.subarray(offset, end));
    offset = end;
    return { id, class: classOf(cls), kind, bytes, parts, text };
  });
}

/** Packs rows of one page again, those with parts as they are. */
export function repackPage(rows: readonly PageRow[]): Uint8Array {
  const lines = rows.map(({ id, class: cls, kind, bytes, parts }): Line => [
    id,
    CLASS_NUMBER[cls],
    kind,
    bytes,
    parts,
  ]);
  return joined([
    encoder.encode(`${JSON.stringify(lines)}\n`),
    ...rows.map(({ text }) => encoder.encode(text)),
  ]);
}

/** Joins the parts of one text. */
export function joinParts(values: readonly unknown[]): string {
  const stream = new TextDecoder();
  let text = "";
  for (const value of values) {
    if (value instanceof Uint8Array) text += stream.decode(value, { stream: true });
  }
  return text + stream.decode();
}

/** Cuts bytes into pieces that fit in a value. */
export function cutBytes(bytes: Uint8Array): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += KV_VALUE_BYTES) {
    pieces.push(bytes.slice(at, at + KV_VALUE_BYTES));
  }
  return pieces;
}

type Line = readonly [id: number, cls: number, kind: string, bytes: number, parts: number];

/** The lines of a page whose texts take `textBytes`; none unless all of it fits together. */
function linesOf(text: string, textBytes: number): readonly Line[] {
  const lines = parsed(text);
  if (!Array.isArray(lines)) return [];
  let [lastId, bytes] = [0, 0];
  for (const line of lines) {
    if (!isLine(line) || line[0] <= lastId) return [];
    lastId = line[0];
    if (line[4] === 0) bytes += line[3];
  }
  return bytes === textBytes ? lines as readonly Line[] : [];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isLine(line: unknown): line is Line {
  if (!Array.isArray(line)) return false;
  const [id, cls, kind, bytes, parts] = line as readonly unknown[];
  return isCount(id) && isCount(cls) && typeof kind === "string" && isCount(bytes) &&
    (parts === 0 || parts === Math.ceil(bytes / KV_VALUE_BYTES));
}

/** Whether a stored value counts something. */
export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

class PageBuilder {
  readonly #pages: Page[] = [];
  readonly #parts: Part[] = [];
  #lines: string[] = [];
  #texts: Uint8Array[] = [];
  #ids: number[] = [];
  #bytes = 0;

  add(id: number, entry: NewEntry): void {
    const text = encoder.encode(entry.text);
    const pieces = text.length > INLINE_BYTES ? cutBytes(text) : [];
    const line: Line = [id, CLASS_NUMBER[entry.class], entry.kind, text.length, pieces.length];
    const json = JSON.stringify(line);
    const inline = pieces.length > 0 ? new Uint8Array() : text;
    // Each UTF-16 unit takes at most three bytes.
    const size = json.length * 3 + 1 + inline.length;
    if (this.#bytes + size > KV_VALUE_BYTES) this.#close();
    pieces.forEach((value, index) => this.#parts.push({ id, index, value }));
    this.#lines.push(json);
    this.#texts.push(inline);
    this.#ids.push(id);
    this.#bytes += size;
  }

  finish(): Packed {
    this.#close();
    return { pages: this.#pages, parts: this.#parts };
  }

  #close(): void {
    const [firstId, lastId] = [this.#ids[0], this.#ids.at(-1)];
    if (firstId === undefined || lastId === undefined) return;
    const value = joined([encoder.encode(`[${this.#lines.join(",")}]\n`), ...this.#texts]);
    this.#pages.push({ firstId, lastId, value });
    this.#lines = [];
    this.#texts = [];
    this.#ids = [];
    this.#bytes = 0;
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const value = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    value.set(piece, at);
    at += piece.length;
  }
  return value;
}
