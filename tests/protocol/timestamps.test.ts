import { strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { parseTimestampMs } from "../../src/protocol/timestamps.ts";

// What `datetime.fromisoformat` of Python 3.11 makes of each text, in milliseconds.
const MOMENTS: readonly (readonly [text: string, ms: number])[] = [
  ["2026-01-02T03:04:05.678Z", 1_767_323_045_678],
  ["2026-01-02T03:04:05.1234567+01:30", 1_767_317_645_123.456],
  ["2026-01-02T03Z", 1_767_322_800_000],
  ["20260102 03Z", 1_767_322_800_000],
  ["2026-01-02T030405Z", 1_767_323_045_000],
  ["2024-02-29T00:00Z", 1_709_164_800_000],
  ["0001-01-01T00:00Z", -62_135_596_800_000],
  ["0099-03-01T00:00Z", -59_037_897_600_000],
  ["2026-W01-1T00:00:00Z", 1_766_966_400_000],
  ["2026-W01 00:00+00:00", 1_766_966_400_000],
  ["2026-W02T00:00Z", 1_767_571_200_000],
  ["2020W537T23:59:59-00:30", 1_609_720_199_000],
  ["2026-01-01T00:00-23:59:59.5", 1_767_311_999_500],
];

const NO_MOMENTS: readonly string[] = [
  "2026-01-02T03:04:05",
  "2026-01-02",
  "0000-01-01T00:00Z",
  "2026-02-30T00:00Z",
  "2026-13-01T00:00Z",
  "2026-W00-1T00:00Z",
  "2025-W53-1T00:00Z",
  "2026-W0110:00:00Z",
  "2026W01-1T00:00Z",
  "2026-01-01T00:00z",
  "2026-01-01T00:00Zx",
  "2026-01-01T00:00+1",
  "2026-01-01T00:00+24:00",
  "2026-01-01T24:00Z",
];

describe("parseTimestampMs()", () => {
  it("reads what the brain reads, to the same moment", () => {
    for (const [text, ms] of MOMENTS) equal(parseTimestampMs(text), ms, text);
  });

  it("answers null for what the brain refuses, naive times included", () => {
    for (const text of NO_MOMENTS) equal(parseTimestampMs(text), null, text);
  });
});
