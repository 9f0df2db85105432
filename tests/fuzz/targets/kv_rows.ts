import { Buffer } from "node:buffer";
import { deepStrictEqual as deepEqual, ok, strictEqual as equal } from "node:assert/strict";
import { isZ4jError } from "../../../src/base/errors.ts";
import { openKvStore } from "../../../src/buffer/kv_store.ts";
import type { EventStore, NewEntry, StoredEntry } from "../../../src/buffer/port.ts";
import { createKvDouble, type KvDouble } from "../../_support/buffer_kv_double.ts";
import { mutate, valueText } from "../grammar.ts";
import type { Random } from "../random.ts";
import type { FuzzBed, FuzzTarget } from "../target.ts";

/** A stored value that somebody has changed, and how. */
interface KvCase {
  /** Which of the stored keys, counted around. */
  readonly key: number;
  readonly change: "json" | "bytes" | "flip" | "cut" | "gone" | "copy" | "lines";
  readonly text: string;
  readonly at: number;
}

const PAGES = 3;
const ROWS_PER_PAGE = 3;
const LIMITS = { maxCount: 4, maxBytes: 1_000_000 };

/** A buffer in Deno KV whose values somebody has changed. */
export const kvRowsTarget: FuzzTarget = {
  name: "kv_rows",
  perBed: 500,
  make: (random) => JSON.stringify(makeCase(random)),
  open: () => KvBed.open(),
};

function makeCase(random: Random): KvCase {
  const change = random.pick(
    ["json", "bytes", "flip", "flip", "cut", "gone", "copy", "lines", "lines"] as const,
  );
  const line = () =>
    `[${
      [0, 1, 2, 3, 4].map(() => random.pick(["1", "2", "0", "-1", '"k"', "9", "1e9"])).join(",")
    }]`;
  const lines = `[${Array.from({ length: random.below(4) }, line).join(",")}]\n`;
  const text = change === "lines"
    ? `${random.below(3) > 0 ? lines : mutate(lines, random)}${"x".repeat(random.below(30))}`
    : valueText(random, 2).slice(0, 5_000);
  return { key: random.below(1_000), change, text, at: random.below(100_000) };
}

class KvBed implements FuzzBed {
  readonly #filled: KvDouble["data"];

  private constructor(filled: KvDouble["data"]) {
    this.#filled = filled;
  }

  static async open(): Promise<KvBed> {
    return new KvBed((await filled()).data);
  }

  async check(text: string): Promise<string> {
    const one = JSON.parse(text) as KvCase;
    // No value is written in place: each case begins with the same ones.
    const kv = createKvDouble(new Map(this.#filled));
    const keys = [...kv.data.keys()].sort();
    const name = keys[one.key % keys.length] ?? "";
    alter(kv, name, keys[one.at % keys.length] ?? "", one);
    let store: EventStore;
    try {
      store = await openKvStore({ kv });
    } catch (error) {
      // Without a head nothing tells what was delivered; every other value can be done without.
      const isForeseen = isZ4jError(error) && error.code === "Z4J_BUFFER_OPEN";
      ok(isForeseen && name.includes('"head"'), `opening failed: ${String(error)}`);
      return "refused its head";
    }
    await use(store, name);
    return `opened after a change of ${String((JSON.parse(name) as unknown[])[2])}`;
  }

  async finish(): Promise<void> {}
}

async function filled(): Promise<KvDouble> {
  const kv = createKvDouble();
  const store = await openKvStore({ kv });
  for (let page = 0; page < PAGES; page++) {
    const ids = Array.from({ length: ROWS_PER_PAGE }, (_, n) => page * ROWS_PER_PAGE + n + 1);
    await store.append(ids.map(entry), new Map([["k", "v"]]));
  }
  await store.append([entry(100)]);
  return kv;
}

/** The hundredth is too large for a page and has values of its own. */
function entry(n: number): NewEntry {
  const text = `{"n":${n},"pad":"${(n === 100 ? "é" : "e").repeat(n === 100 ? 40_000 : n)}"}`;
  const bytes = Buffer.byteLength(text);
  return { text, bytes, kind: "task.started", class: n % 2 === 0 ? "progress" : "terminal" };
}

function alter(kv: KvDouble, name: string, other: string, { change, text, at }: KvCase): void {
  if (change === "gone") return void kv.data.delete(name);
  const stored = kv.data.get(name);
  if (stored === undefined) return;
  kv.data.set(name, { ...stored, value: changed(stored.value, kv.data.get(other)?.value) });

  function changed(value: unknown, elsewhere: unknown): unknown {
    if (change === "copy") return elsewhere;
    if (change === "json") return parsed(text);
    if (change === "bytes" || change === "lines") return new Uint8Array(Buffer.from(text));
    if (!(value instanceof Uint8Array)) return text;
    if (change === "cut") return value.slice(0, at % value.length);
    return value.map((byte, n) => n === at % value.length ? byte ^ (1 << (at & 7)) : byte);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function use(store: EventStore, name: string): Promise<void> {
  const found = await drain(store);
  const bytes = found.reduce((sum, row) => sum + row.bytes, 0);
  deepEqual({ ...store.depth() }, { count: found.length, bytes });
  for (const row of found) {
    ok(Number.isSafeInteger(row.id) && typeof row.text === "string", `row ${row.id}`);
  }
  if (!name.includes('"head"')) requireOthers(found, name);
  equal(typeof (await store.getMeta("k") ?? ""), "string");
  await store.append([entry(7)]);
  const last = (await drain(store)).at(-1);
  equal(last?.text, entry(7).text, "a new row comes after the others");
  await store.removeRange(0, last?.id ?? 0);
  deepEqual({ ...store.depth() }, { count: 0, bytes: 0 }, "everything was removed");
  await store.close();
}

/** The rows of every value that nobody changed are there. */
function requireOthers(found: readonly StoredEntry[], name: string): void {
  const [, , kind, first] = JSON.parse(name) as [string, string, string, number];
  const texts = new Set(found.map((row) => row.text));
  for (let n = 1; n <= PAGES * ROWS_PER_PAGE; n++) {
    const page = Math.floor((n - 1) / ROWS_PER_PAGE) * ROWS_PER_PAGE + 1;
    ok(texts.has(entry(n).text) || (kind === "page" && page >= first), `row ${n} is gone`);
  }
}

async function drain(store: EventStore): Promise<readonly StoredEntry[]> {
  const found: StoredEntry[] = [];
  for (let afterId = 0;;) {
    const page = await store.read(afterId, LIMITS);
    if (page.length === 0) return found;
    found.push(...page);
    const lastId = page.at(-1)?.id ?? 0;
    ok(lastId > afterId && found.length < 100, `reading never ends at ${lastId}`);
    afterId = lastId;
  }
}
