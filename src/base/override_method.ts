/**
 * Runs around a method. `call` runs the method itself, with its own arguments or
 * with others; `isOver` tells whether the override was undone meanwhile.
 */
export type Around = (
  call: (args?: readonly unknown[]) => unknown,
  self: unknown,
  args: readonly unknown[],
  isOver: () => boolean,
) => unknown;

/**
 * Puts a function around a method of one object or prototype. The answer undoes
 * it: where somebody wrapped on top in the meantime, ours stays in the chain and
 * passes calls through. An object without the method stays as it is.
 */
export function overrideMethod(target: object, name: string, around: Around): () => void {
  const original = methodOf(target, name);
  if (original === undefined) return () => {};
  const own = Object.getOwnPropertyDescriptor(target, name);
  let over = false;
  const replacement = function (this: unknown, ...args: readonly unknown[]): unknown {
    const call = (given = args): unknown => Reflect.apply(original, this, given) as unknown;
    return over ? call() : around(call, this, args, () => over);
  };
  Object.defineProperty(target, name, {
    value: replacement,
    writable: true,
    configurable: true,
    enumerable: own?.enumerable ?? false,
  });
  return () => {
    over = true;
    if (methodOf(target, name) !== replacement) return;
    if (own === undefined) Reflect.deleteProperty(target, name);
    else Object.defineProperty(target, name, own);
  };
}

type Method = (...args: never[]) => unknown;

function methodOf(target: object, name: string): Method | undefined {
  try {
    const value: unknown = Reflect.get(target, name);
    return typeof value === "function" ? value as Method : undefined;
  } catch {
    return undefined; // A foreign getter.
  }
}
