/** What is known about a path. */
export interface FileFacts {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly isLink: boolean;
  readonly size: number;
  /** Mode bits, with or without those of the kind. */
  readonly mode: number;
  readonly uid: number;
}

/** The file system; each call throws the system's error with its `code`. */
export interface SystemFiles {
  /** Follows links. */
  stat(path: string): FileFacts;
  /** Does not follow the last link. */
  lstat(path: string): FileFacts;
  /** Whether something is at the path, links followed. */
  exists(path: string): boolean;
  /** The parent must be there. */
  makeDirectory(path: string, mode: number): void;
  /** Creates an empty file; fails where something is, a link included. */
  create(path: string, mode: number): void;
  setMode(path: string, mode: number): void;
  /** When it was last read and written, from now on. */
  setTimes(path: string, time: Date): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  list(directory: string): readonly string[];
  readText(path: string): string;
  readLink(path: string): string;
  realPath(path: string): string;
  /** Device and number of the file. */
  identity(path: string): string;
  /** When it was last written, in milliseconds. */
  modifiedAt(path: string): number | null;
}

/** Names of files, as this system writes them. */
export interface Paths {
  join(...parts: string[]): string;
  /** Of a path without doubled slashes, as for `basename`. */
  dirname(path: string): string;
  basename(path: string): string;
  /** Absolute, without `.` and `..`. */
  resolve(...parts: string[]): string;
}

/**
 * What the platform asks of the system below it. Nothing here asks for a
 * permission first; whoever calls has looked.
 */
export interface System {
  readonly pid: number;
  /** Version text of the runtime, if it tells one. */
  readonly version: string | undefined;
  readonly isWindows: boolean;
  readonly files: SystemFiles;
  readonly paths: Paths;
  /** Path of the script that was started, or `null`. */
  mainPath(): string | null;
  /** Arguments after the script. */
  args(): readonly string[];
  /** One variable. */
  getEnv(name: string): string | undefined;
  /** All variables. */
  environment(): Readonly<Record<string, string | undefined>>;
  hostname(): string;
  homeDir(): string;
  tempDir(): string;
  /** Numeric user id, where there is one. */
  userId(): number | undefined;
  /** Whether a person may type at the standard input. */
  isTerminal(): boolean;
}
