import type { JsonValue } from "@z4j/core/diagnostics";
import type { DoctorCode } from "./codes.ts";
import type { DoctorContext } from "./context.ts";

/** Name of a probe, as the output and `--only` spell it. */
export type ProbeId =
  | "buffer_path"
  | "dns"
  | "tcp"
  | "tls"
  | "websocket"
  | "settings"
  | "home"
  | "proxy"
  | "http"
  | "token"
  | "clock"
  | "secret"
  | "round_trip"
  | "longpoll"
  | "handshake"
  | "project"
  | "agents"
  | "buffers"
  | "engines"
  | "permissions";

/** How a probe ended. */
export type ProbeStatus = "ok" | "warn" | "fail" | "skip";

/** What a probe found. */
export interface Finding {
  /** How it ended. */
  readonly status: ProbeStatus;
  /** What is the case, in one line. */
  readonly detail: string;
  /** Why it is not `ok`; the remedy belongs to it. */
  readonly code?: DoctorCode;
  /** The remedy where the code's own says too little. */
  readonly remedy?: string;
  /** Further lines, such as every wrong setting. */
  readonly lines?: readonly string[];
  /** Machine-readable facts. */
  readonly facts?: Readonly<Record<string, JsonValue>>;
}

/** One thing that the doctor looks at. */
export interface Probe {
  /** Its name. */
  readonly id: ProbeId;
  /** What it looks at, in a few words. */
  readonly title: string;
  /** Probes that must not have failed before. */
  readonly needs: readonly ProbeId[];
  /** Looks. Never shows a secret; what it throws is a fault of ours. */
  run(context: DoctorContext): Finding | Promise<Finding>;
}

/** All is well. */
export function ok(detail: string, facts: Finding["facts"] = {}): Finding {
  return { status: "ok", detail, facts };
}

/** There is nothing to look at, and that is fine. */
export function skip(detail: string, facts: Finding["facts"] = {}): Finding {
  return { status: "skip", detail, facts };
}

/** It works, but. */
export function warn(code: DoctorCode, detail: string, more: Partial<Finding> = {}): Finding {
  return { status: "warn", code, detail, ...more };
}

/** It does not work. */
export function fail(code: DoctorCode, detail: string, more: Partial<Finding> = {}): Finding {
  return { status: "fail", code, detail, ...more };
}
