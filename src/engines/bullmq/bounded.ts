import { errorText } from "../../base/errors.ts";
import type { ActionContext } from "../contract.ts";

/** What became of a call to the broker within the deadline of a command. */
export type Bounded<T> =
  | { readonly ended: "value"; readonly value: T }
  | { readonly ended: "error"; readonly error: string }
  | { readonly ended: "deadline" };

/** Waits for a broker until the command's deadline. The call itself goes on. */
export function bounded<T>(context: ActionContext, call: () => Promise<T>): Promise<Bounded<T>> {
  const { signal } = context;
  return new Promise((resolve) => {
    if (signal.aborted) return resolve({ ended: "deadline" });
    const stop = (): void => resolve({ ended: "deadline" });
    signal.addEventListener("abort", stop, { once: true });
    const end = (outcome: Bounded<T>): void => {
      signal.removeEventListener("abort", stop);
      resolve(outcome);
    };
    invoke(call).then(
      (value) => end({ ended: "value", value }),
      (error) => end({ ended: "error", error: errorText(error) }),
    );
  });
}

async function invoke<T>(call: () => Promise<T>): Promise<T> {
  return await call();
}
