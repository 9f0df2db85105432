/**
 * The doctor as a program: `deno run -A jsr:@z4j/doctor/cli --help`.
 *
 * ```ts
 * import { runDoctorCommand } from "@z4j/doctor/cli";
 * import { equal } from "node:assert/strict";
 *
 * const lines: string[] = [];
 * const io = {
 *   out: (line: string) => void lines.push(line),
 *   err() {},
 *   hasColors: false,
 *   showsProgress: false,
 * };
 * equal(await runDoctorCommand(["--version"], io), 0);
 * ```
 *
 * @module
 */
import { runAsProgram } from "./program.ts";

export { type DoctorIo, runDoctorCommand } from "./command.ts";
export { runAsProgram };

if (import.meta.main) void runAsProgram();
