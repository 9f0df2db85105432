import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

const CHILD = fileURLToPath(new URL("./buffer_neighbour_child.ts", import.meta.url));
const RUN = "Deno" in globalThis ? ["run", "-A", "--no-check", "--unstable-kv", CHILD] : [CHILD];

/** A process that shares a home. */
export interface Neighbour {
  /** Its buffer, once everything it pushed is on disk. */
  readonly path: Promise<string>;
  /** Kills it as a crash would; resolves when it is gone. */
  kill(): Promise<void>;
  /** Lets it close its buffer and end. */
  end(): Promise<void>;
}

/** What the process does. */
export interface NeighbourWish {
  readonly path: string;
  readonly store?: "sqlite" | "deno-kv";
  readonly count?: number;
  readonly from?: number;
  readonly fingerprint?: string;
}

/** Starts a process that shares a home. */
export function startNeighbour(wish: NeighbourWish): Neighbour {
  const { path, store = "sqlite", count = 0, from = 0, fingerprint = "p" } = wish;
  const args = [...RUN, path, store, String(count), fingerprint, String(from)];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const gone = new Promise<void>((resolve) => void child.on("close", () => resolve()));
  return {
    path: firstLine(child),
    async kill() {
      child.kill("SIGKILL");
      await gone;
    },
    async end() {
      child.stdin?.write("end\n");
      await gone;
    },
  };
}

function firstLine(child: ChildProcess): Promise<string> {
  const line = new Promise<string>((resolve, reject) => {
    let output = "";
    const deadline = setTimeout(() => reject(new Error("the neighbour said nothing")), 20_000);
    child.stdout?.on("data", (chunk: Uint8Array) => {
      output += new TextDecoder().decode(chunk);
      if (!output.includes("\n")) return;
      clearTimeout(deadline);
      resolve(output.slice(0, output.indexOf("\n")));
    });
    child.on("close", () => {
      clearTimeout(deadline);
      reject(new Error("the neighbour ended without a line"));
    });
  });
  line.catch(() => {});
  return line;
}
