/** Runs around a method; `call` runs the method itself with its own arguments. */
export type Around = (call: () => unknown, self: unknown, args: readonly unknown[]) => unknown;

/**
 * Puts a function around a method of one object or prototype. The answer undoes
 * it: where somebody wrapped on top in the meantime, ours stays in the chain and
 * passes calls through.
 */
export function overrideMethod(target: object, name: string, around: Around): () => void {
  const owner = target as Record<string, unknown>;
  const original = owner[name];
  if (typeof original !== "function") return () => {};
  const own = Object.getOwnPropertyDescriptor(target, name);
  let active = true;
  const replacement = function (this: unknown, ...args: unknown[]): unknown {
    const call = (): unknown => original.apply(this, args);
    return active ? around(call, this, args) : call();
  };
  Object.defineProperty(target, name, {
    value: replacement,
    writable: true,
    configurable: true,
    enumerable: own?.enumerable ?? false,
  });
  return () => {
    active = false;
    if (owner[name] !== replacement) return;
    if (own === undefined) delete owner[name];
    else Object.defineProperty(target, name, own);
  };
}
