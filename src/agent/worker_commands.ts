import type { ActionContext, ActionOutcome, Engine } from "../engines/contract.ts";
import { cannot, refuse, workerOf } from "./command_inputs.ts";
import { type ReceivedCommand, textMember } from "./commands.ts";

/** Grows or shrinks what a worker runs at once (protocol section 18.5). */
export function resizePool(
  engine: Engine,
  command: ReceivedCommand,
  context: ActionContext,
): Promise<ActionOutcome> {
  const { poolGrow, poolShrink } = engine.actions;
  const act = command.action === "pool_grow" ? poolGrow : poolShrink;
  if (act === undefined) return cannot(engine, "resize the pool of a worker");
  const worker = workerOf(command);
  const delta = command.parameters["delta"] ?? 1;
  if (worker === null) return refuse("the command names no worker_name");
  if (typeof delta !== "number" || !Number.isSafeInteger(delta) || delta < 1 || delta > 100) {
    return refuse("delta must be an integer from 1 to 100");
  }
  return act.call(engine.actions, { worker, delta }, context);
}

/** Lets a worker take jobs of a queue, or no longer (protocol section 18.5). */
export function changeConsumer(
  engine: Engine,
  command: ReceivedCommand,
  context: ActionContext,
): Promise<ActionOutcome> {
  const { addConsumer, cancelConsumer } = engine.actions;
  const act = command.action === "add_consumer" ? addConsumer : cancelConsumer;
  if (act === undefined) return cannot(engine, "change the queues of a worker");
  const [worker, queue] = [workerOf(command), textMember(command.parameters, "queue")];
  if (worker === null) return refuse("the command names no worker_name");
  if (queue === null) return refuse("the command names no queue");
  return act.call(engine.actions, { worker, queue }, context);
}

/** Ends the process of a worker so that its supervisor starts it anew (protocol section 18.5). */
export function restartWorker(
  engine: Engine,
  command: ReceivedCommand,
  context: ActionContext,
): Promise<ActionOutcome> {
  if (engine.actions.restartWorker === undefined) return cannot(engine, "restart workers");
  const worker = workerOf(command);
  if (worker === null) return refuse("the command names no worker_name");
  return engine.actions.restartWorker(worker, context);
}
