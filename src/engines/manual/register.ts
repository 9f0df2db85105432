import type { ManualTaskOptions } from "./options.ts";
import type { RegisteredTask } from "./run.ts";

/** Puts a function under its name; throws when the name or an option is wrong. */
export function register(
  tasks: Map<string, RegisteredTask>,
  name: string,
  run: RegisteredTask["run"],
  options: ManualTaskOptions,
): RegisteredTask {
  if (name === "") throw new TypeError("Cannot register a task: its name is empty");
  if (tasks.has(name)) throw new TypeError(`Cannot register the task ${name}: the name is taken`);
  const { retries = 0, backoffMs = 0 } = options;
  if (!Number.isInteger(retries) || retries < 0) {
    throw new RangeError(`Cannot register the task ${name}: retries is ${retries}, expected >= 0`);
  }
  if (!Number.isFinite(backoffMs) || backoffMs < 0) {
    throw new RangeError(`Cannot register the task ${name}: backoffMs must be at least 0`);
  }
  const task: RegisteredTask = { name, run, options };
  tasks.set(name, task);
  return task;
}
