import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import process from "node:process";

/** Why a process is left alone, or that it was told. */
export type HangUpOutcome =
  | "sent"
  /** No such process here, or another user's. */
  | "gone"
  /** A process of this number that has nothing to do with the file: another container's. */
  | "stranger"
  /** It would end by the signal, as programs of a terminal do. */
  | "deaf";

/**
 * Sends SIGHUP to a process, if it holds the file and listens to the signal.
 * Where the system does not tell, it is sent.
 *
 * @param pid Process id as the process itself sees it.
 * @param held Start of the path of a file that the process keeps open.
 */
export function hangUp(pid: number, held: string): HangUpOutcome {
  try {
    process.kill(pid, 0);
  } catch {
    return "gone";
  }
  if (holds(pid, held) === false) return "stranger";
  if (listensToHangup(pid) === false) return "deaf";
  try {
    process.kill(pid, "SIGHUP");
    return "sent";
  } catch {
    return "gone";
  }
}

/** Whether the process has a file of that name open, or `null` where nobody tells. */
function holds(pid: number, held: string): boolean | null {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((fd) => {
      try {
        return readlinkSync(`${folder}/${fd}`).startsWith(held);
      } catch {
        return false; // Closed meanwhile.
      }
    });
  } catch {
    return null;
  }
}

const HANGUP_BIT = 1n;

function listensToHangup(pid: number): boolean | null {
  try {
    const text = readFileSync(`/proc/${pid}/status`, "utf8");
    const mask = /^SigCgt:\s*([0-9a-f]+)/m.exec(text)?.[1];
    return mask === undefined ? null : (BigInt(`0x${mask}`) & HANGUP_BIT) !== 0n;
  } catch {
    return null;
  }
}
