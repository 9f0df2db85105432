import process from "node:process";

// The doctor in a process whose wall clock is off.
const offsetMs = Number(process.env["TEST_SKEW_SECONDS"] ?? 0) * 1000;
const RealDate = Date;

class SkewedDate extends RealDate {
  constructor(...args: readonly unknown[]) {
    super(...(args.length === 0 ? [RealDate.now() + offsetMs] : args) as [number]);
  }

  static override now(): number {
    return RealDate.now() + offsetMs;
  }
}
globalThis.Date = SkewedDate as DateConstructor;

const { runAsProgram } = await import("../../src/doctor/program.ts");
await runAsProgram();
