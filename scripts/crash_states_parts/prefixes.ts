import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RuntimeName } from "../bench/measure.ts";
import { runtimeCommand } from "../bench/peer.ts";
import { KEPT_NAME, MARKS_NAME, type Synchronous } from "./marks.ts";
import type { Subject } from "./subject.ts";
import { runWriter, type Step } from "./trace.ts";

interface Line {
  readonly log: number;
  readonly facts: unknown;
}

/**
 * Runs the writer where tracing is not permitted. Its log tells the order of
 * its writes, and each mark how long the log was: its prefixes are what a killed
 * process leaves. What a sync made safe it does not tell. Under `NORMAL` each
 * mark comes before what it promises.
 */
export function logPrefixes(
  subject: Subject,
  name: string,
  runtime: RuntimeName,
  synchronous: Synchronous,
): Step[] {
  const folder = mkdtempSync(join(tmpdir(), "z4j-crash-"));
  try {
    runWriter([...runtimeCommand(runtime), subject.script, folder, "FULL", "prefixes", name]);
    const kept = (file: string): Uint8Array =>
      new Uint8Array(readFileSync(join(folder, KEPT_NAME, file)));
    const lines = readFileSync(join(folder, MARKS_NAME), "utf8").trim().split("\n")
      .map((line) => JSON.parse(line) as Line);
    return stepsOf(
      subject.file,
      kept(subject.file),
      kept(`${subject.file}-wal`),
      lines,
      synchronous,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function stepsOf(
  file: string,
  content: Uint8Array,
  log: Uint8Array,
  lines: readonly Line[],
  synchronous: Synchronous,
): Step[] {
  const logName = `${file}-wal`;
  const steps: Step[] = [
    { kind: "create", file },
    { kind: "write", file, at: 0, data: content },
    { kind: "sync", file },
    { kind: "create", file: logName },
  ];
  let at = 0;
  for (const { log: length, facts } of lines) {
    const mark: Step = { kind: "mark", mark: facts };
    const data = log.subarray(at, length);
    if (synchronous === "NORMAL") steps.push(mark);
    if (data.length > 0) steps.push({ kind: "write", file: logName, at, data });
    steps.push({ kind: "sync", file: logName });
    if (synchronous === "FULL") steps.push(mark);
    at = length;
  }
  return steps;
}
