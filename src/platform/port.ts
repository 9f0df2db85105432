import type { MaybePromise } from "../base/maybe_promise.ts";

/** Which runtime this is. */
export type RuntimeName = "deno" | "bun" | "node";

/** Facts about a directory. */
export type DirectoryState =
  | { readonly kind: "usable"; readonly path: string }
  | { readonly kind: "unusable"; readonly path: string; readonly reason: string };

/**
 * Who may stand behind a directory. `ours`: a real directory, no link, that
 * belongs to this user and that nobody else may write to; for shared places
 * such as `/tmp`. `configured`: the operator chose it, so owner and group are
 * theirs to decide; only a directory that everybody may write to is refused.
 */
export type DirectoryTrust = "ours" | "configured";

/** What the library asks of the runtime; only `src/platform` names one. */
export interface Platform {
  /** Which runtime this is. */
  readonly runtime: RuntimeName;
  /** Version text of the runtime. */
  readonly runtimeVersion: string;
  /** Process id. */
  readonly pid: number;
  /** Host name, or `unknown-host` when it may not be read. */
  readonly hostname: string;
  /**
   * Environment as a record; empty when it may not be read. Where only single
   * variables may be read, those of `names` that may.
   */
  env(names?: readonly string[]): Readonly<Record<string, string>>;
  /** Home directory of the user, or `null`. */
  homeDir(): string | null;
  /** Directory for temporary files. */
  tempDir(): string;
  /** Numeric user id, or the sanitised user name where there is none. */
  userId(): string;
  /** Text of a small file, trimmed. Throws when it cannot be read. */
  readTextFile(path: string): string;
  /**
   * The absolute path with `..`, `~` and symbolic links of existing parts
   * resolved, also of links to files that do not exist yet. Throws on a loop of
   * links.
   */
  realPath(path: string): string;
  /** Creates the directory with mode 0700 if needed and proves it writable. Default trust `ours`. */
  ensurePrivateDir(path: string, trust?: DirectoryTrust): DirectoryState;
  /**
   * Calls back on SIGTERM and SIGINT until removed, without keeping the process
   * alive. Where nobody else listens, the process ends by the same signal once
   * the listeners are done, as it would have without them.
   */
  onStopSignal(listener: () => MaybePromise<void>): () => void;
}
