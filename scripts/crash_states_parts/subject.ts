import type { Step } from "./trace.ts";

/** What may be explored: the agent's buffer, the brain's file, the agent's buffer in Deno KV. */
export type SubjectName = "buffer" | "brain" | "kv";

/** A file that was reopened with the code of the library. */
export interface Reopened {
  /** All that it holds, as a text to compare. */
  contents(): Promise<string>;
  /** Notes what differs from the promises; answers how many promised things are missing. */
  compare(broken: string[]): Promise<number>;
  /** Notes damage, and goes on writing: a state that takes nothing more is no recovery. */
  use(broken: string[]): Promise<void>;
  /** Closes it. Idempotent. */
  close(): Promise<void>;
}

/** A writer, what its marks promise, and how what it left is judged. */
export interface Subject {
  /** Its writer, a script. */
  readonly script: string;
  /** Name of its file in the writer's folder. */
  readonly file: string;
  /** Tells marks beforehand what the writer knows only afterwards. */
  prepare(steps: readonly Step[]): Step[];
  /** Takes a mark into account. */
  apply(mark: unknown): void;
  /** Whether a mark says that something is stored. */
  isPromise(mark: unknown): boolean;
  /** Opens the file at a path. */
  reopen(path: string): Promise<Reopened>;
}
