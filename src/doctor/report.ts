import type { JsonValue } from "@z4j/core/diagnostics";
import type { DoctorCode } from "./codes.ts";
import type { FoundPackage } from "./inventory.ts";
import type { ProbeId, ProbeStatus } from "./probe.ts";

/** One probe as the report shows it. */
export interface ProbeResult {
  /** Name of the probe. */
  readonly id: ProbeId;
  /** What it looked at. */
  readonly title: string;
  /** How it ended. */
  readonly status: ProbeStatus;
  /** Why it is not `ok`, or `null`. */
  readonly code: DoctorCode | null;
  /** What is the case, in one line. */
  readonly detail: string;
  /** What to do about it, or `null`. */
  readonly remedy: string | null;
  /** Further lines. */
  readonly lines: readonly string[];
  /** Machine-readable facts. */
  readonly facts: Readonly<Record<string, JsonValue>>;
  /** How long it took. */
  readonly ms: number;
}

/** The settings that the head of the report shows; never a secret. */
export interface DoctorConfig {
  /** Base URL of the brain, or `<unset>`, or `<invalid>`. */
  readonly brainUrl: string;
  /** Project as configured. */
  readonly projectId: string;
  /** Where events wait. */
  readonly bufferPath: string;
  /** Which wire is used. */
  readonly transport: string;
  /** Label of the process, or `null`. */
  readonly agentName: string | null;
  /** Whether plain ws to other hosts is allowed. */
  readonly devMode: boolean;
}

/** What the doctor found. */
export interface DoctorReport {
  /** Whether no probe failed. */
  readonly ok: boolean;
  /** Version of the doctor. */
  readonly version: string;
  /** Runtime, such as `deno`, and its version. */
  readonly runtime: { readonly name: string; readonly version: string };
  /** The head. */
  readonly config: DoctorConfig;
  /** Every setting with its source, secrets masked; empty while settings are wrong. */
  readonly settings: Readonly<
    Record<string, { readonly value: JsonValue; readonly source: string }>
  >;
  /** The probes in their order. */
  readonly probes: readonly ProbeResult[];
  /** Queue and schedule libraries of the app. */
  readonly packages: readonly FoundPackage[];
  /** The flags that Deno needs, or `null` on other runtimes. */
  readonly permissions: string | null;
  /** How long it took. */
  readonly ms: number;
}
