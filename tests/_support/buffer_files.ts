import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NewEntry } from "../../src/buffer/port.ts";

/** A directory of a test's own. */
export function tempDir(): { readonly dir: string; readonly remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), "z4j-buffer-"));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** An event that says its number. */
export function event(n: number | string, kind = "task.started"): NewEntry {
  const text = JSON.stringify({ n });
  return { text, bytes: text.length, kind, class: "progress" };
}

/** Polls until the condition holds; fails after the deadline. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 5_000,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
