/** A set of callbacks that are called in the order of their registration. */
export interface Listeners<T> {
  /** Adds a callback; the answer removes it again. */
  add(listener: (value: T) => void): () => void;
  /** Calls every callback; what one throws reaches `onError`, not the caller. */
  emit(value: T): void;
}

/** Creates a set of callbacks whose failures are contained. */
export function createListeners<T>(onError: (error: unknown) => void = () => {}): Listeners<T> {
  const all = new Set<(value: T) => void>();
  return {
    add(listener) {
      all.add(listener);
      return () => void all.delete(listener);
    },
    emit(value) {
      for (const listener of [...all]) {
        try {
          listener(value);
        } catch (error) {
          onError(error);
        }
      }
    },
  };
}
