import type { AsyncLocalStorage } from "node:async_hooks";
import type { AsyncStore } from "../base/work_context.ts";
import { nodeProcess } from "./node_process.ts";

/**
 * A store that follows asynchronous calls; every runtime has it under this
 * name. Loaded with the first work that has a context.
 */
export function createAsyncStore<T>(): AsyncStore<T> {
  let storage: AsyncLocalStorage<T> | undefined;
  const load = (): AsyncLocalStorage<T> => {
    const hooks = nodeProcess().getBuiltinModule("node:async_hooks");
    return new hooks.AsyncLocalStorage<T>();
  };
  return {
    run: (value, work) => (storage ??= load()).run(value, work),
    get: () => storage?.getStore(),
  };
}
