/** What Linux tells about a process. */
import { readdirSync, readFileSync } from "node:fs";

// `USER_HZ` of /proc is 100 on every Linux that our runtimes run on.
const TICK_MS = 10;

/** Memory of a process in MiB. */
export interface Memory {
  /** Resident, shared pages included. */
  readonly rss: number;
  /** Resident and its own: heap, stacks, compiled code. */
  readonly anonymous: number;
}

/** CPU time of a process with all its threads, in milliseconds, to 10 ms. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in parentheses may hold anything; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Nanoseconds on a processor, by thread. */
export type ThreadTimes = ReadonlyMap<string, number>;

/** CPU time of each thread of a process that lives now. */
export function threadTimesOf(pid: number): ThreadTimes {
  const folder = `/proc/${pid}/task`;
  return new Map(
    readdirSync(folder).map((thread) => {
      const [ns] = readFileSync(`${folder}/${thread}/schedstat`, "utf8").split(" ");
      return [thread, Number(ns)];
    }),
  );
}

/** CPU time between two readings, in milliseconds; threads that ended are left out. */
export function cpuMsBetween(before: ThreadTimes, after: ThreadTimes): number {
  let ns = 0;
  for (const [thread, time] of after) ns += time - (before.get(thread) ?? 0);
  return ns / 1e6;
}

/** Resident memory of a process. */
export function memoryOf(pid: number): Memory {
  return { rss: mebibytes(pid, "VmRSS"), anonymous: mebibytes(pid, "RssAnon") };
}

/** The most resident memory that a process ever had, in MiB. */
export function peakMemoryOf(pid: number): number {
  return mebibytes(pid, "VmHWM");
}

function mebibytes(pid: number, key: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
}
