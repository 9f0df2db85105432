/**
 * Finds what keeps events of this app from arriving at its brain.
 *
 * On the command line: `deno run -A jsr:@z4j/doctor`, `bunx @z4j/doctor`,
 * `npx @z4j/doctor`. As a function it returns data and prints nothing.
 *
 * ```ts
 * import { runDoctor } from "@z4j/doctor";
 *
 * const report = await runDoctor({ settings: { env: {} }, only: ["settings"] });
 * for (const { id, status, detail } of report.probes) console.log(id, status, detail);
 * ```
 *
 * @module
 */
import { runAsProgram } from "./program.ts";

export { type CodeFacts, CODES, type DoctorCode } from "./codes.ts";
export type { DoctorOptions } from "./options.ts";
export type { FoundPackage } from "./inventory.ts";
export type { ProbeId, ProbeStatus } from "./probe.ts";
export { renderJson, renderText, type TextStyle } from "./render.ts";
export type { DoctorConfig, DoctorReport, ProbeResult } from "./report.ts";
export { runDoctor } from "./run.ts";

if (import.meta.main) void runAsProgram();
