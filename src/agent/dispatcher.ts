import { type Clock, TIMED_OUT, withDeadline } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { ActionOutcome } from "../engines/contract.ts";
import { encodeCanonical } from "../protocol/canonical_json.ts";
import type { SignedFrame } from "../protocol/frames.ts";
import { type CommandMemory, createCommandMemory, type KnownCommand } from "./command_memory.ts";
import { deduplicated, resultPayload, type WireResult, wireResult } from "./command_result.ts";
import { type CommandRegistry, readCommand, type ReceivedCommand } from "./commands.ts";
import { MAX_RUNNING_COMMANDS, MAX_WAITING_COMMANDS } from "./limits.ts";
import type { CommandPolicy } from "./command_policy.ts";
import type { Router } from "./elsewhere.ts";
import type { Outbox } from "./outbox.ts";
import type { RedactorLike } from "./recorder.ts";

/** What a dispatcher is made of. */
export interface DispatcherParts {
  /** Actions and their handlers. */
  readonly registry: CommandRegistry;
  /** Where answers wait for a session. */
  readonly outbox: Outbox;
  /** Time source. */
  readonly clock: Clock;
  /** Removes what is sensitive from answers. */
  readonly redactor: RedactorLike;
  /** What this process forbids. */
  readonly policy: CommandPolicy;
  /** Finds the process that can carry a command out. Default: always this one. */
  readonly router?: Router | undefined;
  /** Told when a command is done, and how long it took since it arrived. */
  readonly finished: (command: ReceivedCommand, result: WireResult, tookMs: number) => void;
  /** Told when an action begins; the answer is told how it ended. */
  readonly began?: ((command: ReceivedCommand) => (result: WireResult) => void) | undefined;
}

/** Counters of a dispatcher. */
export interface CommandCounters {
  /** Commands received, repetitions included. */
  readonly received: number;
  /** Repetitions. */
  readonly repeated: number;
  /** Commands answered with success. */
  readonly succeeded: number;
  /** Commands answered with failed. */
  readonly failed: number;
  /** Commands carried out now. */
  readonly running: number;
}

/**
 * Carries out commands: the receipt first, then the action with its deadline,
 * then exactly one result; never twice for one id (protocol section 17).
 */
export interface Dispatcher {
  /** Takes a verified command frame. Never throws, never waits. */
  receive(frame: SignedFrame): void;
  /** Takes a command that reached a neighbour; it ends here, and is answered there. Never rejects. */
  carryOut(command: ReceivedCommand): Promise<WireResult>;
  /** What happened so far. */
  counters(): CommandCounters;
  /** Refuses what is new; resolves when what runs has been answered. */
  drain(): Promise<void>;
  /** Aborts what runs; nothing starts any more. */
  stop(): void;
}

/** Creates a dispatcher that is ready for commands. */
export function createDispatcher(parts: DispatcherParts): Dispatcher {
  return new CommandDispatcher(parts);
}

type Answer = (result: WireResult) => void;

interface Job {
  readonly command: ReceivedCommand;
  readonly known: KnownCommand;
  readonly receivedAtMs: number;
  readonly deadlineMs: number;
  readonly isForwarded: boolean;
  readonly answer: Answer;
  ended?: ((result: WireResult) => void) | undefined;
}

class CommandDispatcher implements Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #memory: CommandMemory;
  readonly #waiting: Job[] = [];
  readonly #stopping = new AbortController();
  readonly #idle: (() => void)[] = [];
  #draining = false;
  #running = 0;
  #received = 0;
  #repeated = 0;
  #succeeded = 0;
  #failed = 0;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    this.#memory = createCommandMemory(parts.clock);
  }

  receive(frame: SignedFrame): void {
    const command = readCommand(frame);
    this.#acknowledge(command);
    this.#take(command, (result) => this.#send(command, result), false);
  }

  carryOut(command: ReceivedCommand): Promise<WireResult> {
    return new Promise((resolve) => this.#take(command, resolve, true));
  }

  #take(command: ReceivedCommand, answer: Answer, isForwarded: boolean): void {
    this.#received++;
    const known = this.#memory.find(command);
    const isNewTry = known !== undefined && known.repeatable && known.id !== command.id;
    if (known !== undefined && !isNewTry) return this.#repeat(answer, known);
    const receivedAtMs = this.#parts.clock.monotonic();
    this.#accept({
      command,
      known: this.#memory.begin(command),
      receivedAtMs,
      deadlineMs: receivedAtMs + usableTimeMs(command.timeoutMs),
      isForwarded,
      answer,
    });
  }

  counters(): CommandCounters {
    return {
      received: this.#received,
      repeated: this.#repeated,
      succeeded: this.#succeeded,
      failed: this.#failed,
      running: this.#running,
    };
  }

  drain(): Promise<void> {
    this.#draining = true;
    for (const job of this.#waiting.splice(0)) this.#finish(job, STOPPING);
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  stop(): void {
    this.#stopping.abort();
    void this.drain();
  }

  #acknowledge(command: ReceivedCommand): void {
    this.#answer(
      command,
      "command_ack",
      encodeCanonical({ delivery_claim_token: command.claimToken }),
    );
  }

  #repeat(answer: Answer, known: KnownCommand): void {
    this.#repeated++;
    if (known.result === null) {
      // The answer to the first delivery is also the answer to this one.
      if (known.followers.length < MAX_WAITING_COMMANDS) known.followers.push(answer);
      return;
    }
    answer(deduplicated(known.result));
  }

  #accept(job: Job): void {
    if (this.#draining) return this.#finish(job, STOPPING);
    if (this.#running < MAX_RUNNING_COMMANDS) return void this.#run(job);
    if (this.#waiting.length < MAX_WAITING_COMMANDS) return void this.#waiting.push(job);
    this.#finish(job, { status: "refused", reason: "too many commands wait in this agent" });
  }

  async #run(job: Job): Promise<void> {
    this.#running++;
    job.ended = this.#parts.began?.(job.command);
    const outcome = await this.#outcome(job);
    this.#running--;
    this.#finish(job, outcome);
    const next = this.#waiting.shift();
    if (next !== undefined) void this.#run(next);
    if (this.#running === 0) { for (const resolve of this.#idle.splice(0)) resolve(); }
  }

  async #outcome({ command, deadlineMs, isForwarded }: Job): Promise<ActionOutcome> {
    const { registry, clock, policy, router } = this.#parts;
    const handler = registry.find(command.action);
    if (handler === undefined) {
      return { status: "refused", reason: `action "${command.action}" is not supported here` };
    }
    const remainingMs = deadlineMs - clock.monotonic();
    if (remainingMs <= 0) return { status: "refused", reason: "the command waited too long" };
    const abort = new AbortController();
    const stop = (): void => abort.abort();
    this.#stopping.signal.addEventListener("abort", stop, { once: true });
    try {
      const context = { signal: abort.signal, remainingMs };
      const here = async (): Promise<ActionOutcome> => {
        const forbidden = policy.refusal(command);
        if (forbidden !== null) return { status: "refused", reason: forbidden };
        return await handler(command, context);
      };
      // What came from a neighbour goes no further: nothing travels in circles.
      const isHere = router === undefined || isForwarded;
      const running = isHere ? here() : router(command, context, here);
      const outcome = await withDeadline(clock, running, remainingMs);
      if (outcome !== TIMED_OUT) return outcome;
      const reason = `no answer within ${Math.round(remainingMs)} ms; it may still take effect`;
      return { status: "indeterminate", reason };
    } catch (error) {
      // A contract-abiding handler answers a union; after a throw all is open.
      return { status: "indeterminate", reason: errorText(error) };
    } finally {
      abort.abort();
      this.#stopping.signal.removeEventListener("abort", stop);
    }
  }

  #finish({ command, known, receivedAtMs, answer, ended }: Job, outcome: ActionOutcome): void {
    const result = this.#spell(outcome);
    known.result = result;
    // Without an effect a new delivery of the same fire may try again.
    known.repeatable = result.status === "failed" && result.result?.["indeterminate"] !== true;
    if (result.status === "success") this.#succeeded++;
    else this.#failed++;
    answer(result);
    for (const follower of known.followers.splice(0)) follower(deduplicated(result));
    ended?.(result);
    this.#parts.finished(command, result, this.#parts.clock.monotonic() - receivedAtMs);
  }

  #spell(outcome: ActionOutcome): WireResult {
    try {
      return wireResult(outcome, this.#parts.redactor);
    } catch {
      // Foreign code answered something that is no outcome or that JSON cannot hold.
      return { status: "failed", result: { indeterminate: true }, error: UNPRINTABLE };
    }
  }

  #send(command: ReceivedCommand, result: WireResult): void {
    this.#answer(command, "command_result", resultPayload(result, command.claimToken));
  }

  #answer(
    command: ReceivedCommand,
    type: "command_ack" | "command_result",
    payloadText: string,
  ): void {
    const expiresAtMs = this.#parts.clock.monotonic() + command.timeoutMs;
    this.#parts.outbox.push({ type, id: command.id, payloadText, expiresAtMs });
  }
}

const STOPPING: ActionOutcome = { status: "refused", reason: "the agent stops" };

const UNPRINTABLE = "the action answered something that cannot be printed";

// The result has to be there before the brain's own deadline, which began earlier.
function usableTimeMs(timeoutMs: number): number {
  return Math.max(timeoutMs * 0.9, timeoutMs - 2000);
}
