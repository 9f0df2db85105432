/** What file operations ask of the system; each call throws its error with a `code`. */
export interface FsLike {
  /** Creates an empty file; fails where something is, a link included. */
  create(path: string, mode: number): void;
  /** Whether a regular file is there, and no link. */
  isFile(path: string): boolean;
  /** Whether something is there, links followed. */
  exists(path: string): boolean;
  setMode(path: string, mode: number): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  list(directory: string): readonly string[];
  readText(path: string): string;
  realPath(path: string): string;
  /** Device and number of the file. */
  identity(path: string): string;
  /** When it was last written, in milliseconds. */
  modifiedAt(path: string): number | null;
  setTimes(path: string, time: Date): void;
}
