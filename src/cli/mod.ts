/**
 * The command line `z4j`: doctor, status, reconnect, buffers, events, brain.
 *
 * `deno run -A jsr:@z4j/core/cli status`, or `z4j status` where the npm
 * package is installed.
 *
 * ```ts
 * import { runCli } from "@z4j/core/cli";
 * import { equal } from "node:assert/strict";
 *
 * const lines: string[] = [];
 * const code = await runCli(["--version"], {
 *   out: (line) => void lines.push(line),
 *   err() {},
 *   hasColors: false,
 *   showsProgress: false,
 *   pid: 1,
 *   stopped: Promise.resolve(),
 * });
 * equal(code, 0);
 * ```
 *
 * @module
 */
import { runCliAsProgram } from "./program.ts";

export type { CliIo } from "./io.ts";
export { runCli } from "./run.ts";
export { runCliAsProgram };

if (import.meta.main) void runCliAsProgram();
