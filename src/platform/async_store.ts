import { AsyncLocalStorage } from "node:async_hooks";
import type { AsyncStore } from "../base/work_context.ts";

/** A store that follows asynchronous calls; every runtime has it under this name. */
export function createAsyncStore<T>(): AsyncStore<T> {
  const storage = new AsyncLocalStorage<T>();
  return {
    run: (value, work) => storage.run(value, work),
    get: () => storage.getStore(),
  };
}
