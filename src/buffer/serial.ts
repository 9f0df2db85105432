/** Runs asynchronous work one after the other; a failure ends nothing but itself. */
export type Serial = <T>(work: () => Promise<T>) => Promise<T>;

/** Creates a queue of its own. */
export function createSerial(): Serial {
  let tail: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = tail.then(work, work);
    tail = result.catch(() => {});
    return result;
  };
}
