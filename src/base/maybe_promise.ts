/** A value, or the promise of one: ports use it where one runtime is synchronous. */
export type MaybePromise<T> = T | Promise<T>;
