import type { AgentSettingsOptions } from "@z4j/core/diagnostics";
import type { Engine } from "@z4j/core/engines";
import type { ProbeId } from "./probe.ts";
import type { ProbeResult } from "./report.ts";

/** What the doctor may be told. */
export interface DoctorOptions {
  /** What the app gives `createAgent()`; the environment wins, as it does there. Default: none. */
  readonly settings?: AgentSettingsOptions | undefined;
  /** The engines of the app, for their own findings. Default: none. */
  readonly engines?: readonly Engine[] | undefined;
  /** Directory with the app's manifest. Default: the current directory. */
  readonly appDir?: string | undefined;
  /** Longest time of one probe in milliseconds. Default 5000. */
  readonly timeoutMs?: number | undefined;
  /** Only these probes are reported; what they need runs too. Default: all. */
  readonly only?: readonly ProbeId[] | undefined;
  /** Whether the brain is spoken to at all, by WebSocket and long-poll. Default `true`. */
  readonly websocket?: boolean | undefined;
  /** Whether a probe event is sent. Default `true`. */
  readonly roundTrip?: boolean | undefined;
  /**
   * Whether a full hello is sent even where no live agent tells what to
   * announce. On the stock brain the last hello wins: do this only while no
   * other agent uses the token. Default `false`.
   */
  readonly handshake?: boolean | undefined;
  /** Called as each probe begins. */
  readonly onStart?: ((id: ProbeId, title: string) => void) | undefined;
  /** Called as each probe ends. */
  readonly onResult?: ((result: ProbeResult) => void) | undefined;
}
