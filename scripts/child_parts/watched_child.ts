import { spawn } from "node:child_process";

/** How a child ended. */
export interface ChildEnd {
  /** Its exit status, `null` after a signal. */
  readonly code: number | null;
  /** The last line that it printed. */
  readonly last: string;
}

/** Runs a command to its end, and kills it when it has printed nothing for so long: it hangs. */
export async function watchedChild(
  [command, ...args]: readonly [string, ...string[]],
  { silenceMs, cwd }: { readonly silenceMs: number; readonly cwd?: string },
): Promise<ChildEnd> {
  const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "inherit"] });
  const stop = (): void => void child.kill("SIGKILL");
  let silence = setTimeout(stop, silenceMs);
  let [last, rest] = ["", ""];
  child.stdout.on("data", (chunk) => {
    clearTimeout(silence);
    silence = setTimeout(stop, silenceMs);
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    last = lines.at(-1) ?? last;
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  clearTimeout(silence);
  return { code, last };
}
