import { member } from "./facts.ts";

/** Takes a wrapper away again. */
export type Unwrap = () => void;

/** A call of a wrapped method. */
export interface MethodCall {
  /** What it was called on. */
  readonly self: object;
  /** What it was called with. */
  readonly values: readonly unknown[];
  /** Calls the method itself; answers and errors are its own. */
  pass(values?: readonly unknown[]): unknown;
  /** Whether the wrapper was taken away meanwhile. */
  isOver(): boolean;
}

/**
 * Wraps a method of an instance or a prototype. Whoever wraps the wrapper may
 * keep it: once taken away it passes every call as it is. An object without the
 * method stays as it is.
 */
export function wrapMethod(
  target: object,
  name: string,
  around: (call: MethodCall) => unknown,
): Unwrap {
  const original: unknown = member(target, name);
  if (typeof original !== "function") return () => {};
  const own = Object.getOwnPropertyDescriptor(target, name);
  let over = false;
  const wrapped = function (this: unknown, ...values: readonly unknown[]): unknown {
    const pass = (given = values): unknown => Reflect.apply(original, this, given) as unknown;
    if (over) return pass();
    const self = typeof this === "object" && this !== null ? this : target;
    return around({ self, values, pass, isOver: () => over });
  };
  Object.defineProperty(target, name, {
    value: wrapped,
    writable: true,
    configurable: true,
    enumerable: own?.enumerable ?? false,
  });
  return () => {
    over = true;
    if (member(target, name) !== wrapped) return;
    if (own === undefined) Reflect.deleteProperty(target, name);
    else Object.defineProperty(target, name, own);
  };
}
