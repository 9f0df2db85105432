/** One line that is broken on purpose. */
export interface Fault {
  /** Name of the fault. */
  readonly id: string;
  /** File whose text is replaced. */
  readonly file: string;
  /** Text that must be there exactly once. */
  readonly find: string;
  /** What takes its place. */
  readonly replace: string;
  /** What would go wrong. */
  readonly why: string;
  /** Test file below `tests` that must notice, without `.test.ts`. */
  readonly test: string;
  /** Name of the test in it, whole or a part that is no other test's. */
  readonly name: string;
  /** Whether its test waits long before it gives up; not part of a sample then. */
  readonly slow?: true;
}

/** Faults of one part of the library. */
export interface FaultArea {
  readonly area: string;
  readonly faults: readonly Fault[];
}

/** A fault with its part. */
export interface PlacedFault extends Fault {
  readonly area: string;
}
