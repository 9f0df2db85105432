import type { Clock } from "../base/clock.ts";
import type { ReceivedCommand } from "./commands.ts";
import type { WireResult } from "./command_result.ts";
import { COMMAND_MEMORY_ENTRIES, COMMAND_MEMORY_MS } from "./limits.ts";

/** A command that was seen, with everybody who waits for its result. */
export interface KnownCommand {
  /** Id of the command that is carried out. */
  readonly id: string;
  /** Monotonic milliseconds of its receipt. */
  readonly seenAtMs: number;
  /** Result, once there is one. */
  result: WireResult | null;
  /** Whether a new command with the same key may run again. */
  repeatable: boolean;
  /** Others who wait for the same result. */
  readonly followers: ((result: WireResult) => void)[];
}

/** Remembers commands for 300 s, so that none runs twice (protocol section 17.8). */
export interface CommandMemory {
  /** What is known about the command's key. */
  find(command: ReceivedCommand): KnownCommand | undefined;
  /** Notes that the command is carried out from now on. */
  begin(command: ReceivedCommand): KnownCommand;
}

// The brain repeats a tick under a new command id, but with the same fire id.
const FIRES: ReadonlySet<string> = new Set(["schedule.fire", "schedule.trigger_now"]);

/** Creates an empty memory. */
export function createCommandMemory(clock: Clock): CommandMemory {
  const known = new Map<string, KnownCommand>();
  const forget = (): void => {
    const tooOld = clock.monotonic() - COMMAND_MEMORY_MS;
    for (const [key, command] of known) {
      if (command.seenAtMs > tooOld && known.size < COMMAND_MEMORY_ENTRIES) return;
      known.delete(key);
    }
  };
  return {
    find(command) {
      const entry = known.get(keyOf(command));
      const isFresh = entry !== undefined &&
        clock.monotonic() - entry.seenAtMs < COMMAND_MEMORY_MS;
      return isFresh ? entry : undefined;
    },
    begin(command) {
      forget();
      const entry: KnownCommand = {
        id: command.id,
        seenAtMs: clock.monotonic(),
        result: null,
        repeatable: false,
        followers: [],
      };
      const key = keyOf(command);
      known.delete(key);
      known.set(key, entry);
      return entry;
    },
  };
}

function keyOf(command: ReceivedCommand): string {
  const fireId = command.parameters["fire_id"];
  const isFire = FIRES.has(command.action) && typeof fireId === "string" && fireId !== "";
  return isFire ? `fire:${fireId}` : `cmd:${command.id}`;
}
