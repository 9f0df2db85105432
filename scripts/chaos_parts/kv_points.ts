import type { Points } from "./points.ts";

type Method = (...parameters: unknown[]) => unknown;
type Prototype = Record<string, Method>;
interface KvClasses {
  readonly Kv?: { readonly prototype: Prototype };
  readonly AtomicOperation?: { readonly prototype: Prototype };
}

/** Makes places out of what this process commits to Deno KV. */
export function watchKv(points: Points): void {
  const { Kv, AtomicOperation } = (globalThis as { Deno?: KvClasses }).Deno ?? {};
  if (Kv === undefined || AtomicOperation === undefined) {
    throw new Error("Cannot watch Deno KV: it is missing, expected deno run --unstable-kv");
  }
  const removals = new WeakSet<object>();
  wrap(Kv.prototype, "atomic", (call) => {
    points.hit("open");
    return call();
  });
  wrap(AtomicOperation.prototype, "delete", (call, operation) => {
    removals.add(operation);
    return call();
  });
  wrap(AtomicOperation.prototype, "commit", async (call, operation) => {
    const write = removals.has(operation) ? "remove" : "append";
    points.hit(`before-${write}`);
    const result = await call();
    points.hit(`after-${write}`);
    return result;
  });
}

function wrap(
  prototype: Prototype,
  name: string,
  around: (call: () => unknown, self: object) => unknown,
): void {
  const original = prototype[name];
  if (original === undefined) throw new Error(`Cannot watch Deno KV: it has no ${name}()`);
  prototype[name] = function (this: object, ...parameters) {
    return around(() => original.apply(this, parameters), this);
  };
}
