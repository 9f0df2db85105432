import { overrideMethod } from "../../../base/override_method.ts";
import { member, text } from "../facts.ts";
import type { AskingMethod, BullContexts, Carried } from "../job_contexts.ts";
import { quietly } from "../quietly.ts";

/**
 * Lets the jobs that a queue asks for, or any queue of a class, carry the context
 * of the request, and nothing else. Answers and errors pass unchanged.
 */
export function carryThrough(
  target: object,
  contexts: BullContexts,
  methods: readonly AskingMethod[],
): () => void {
  const stops = methods.map((method) =>
    overrideMethod(
      target,
      method,
      (call, self, values) => call(carried(contexts, method, self ?? target, values).values),
    )
  );
  return () => {
    for (const stop of stops) stop();
  };
}

/** Inputs with carriers; as they came where that cannot be. */
export function carried(
  contexts: BullContexts,
  method: AskingMethod,
  queue: unknown,
  values: readonly unknown[],
): Carried {
  const name = text(member(queue, "name")) ?? "";
  return quietly(() => contexts.carry(method, name, values)) ?? { values, contexts: [] };
}
