/** A socket as the transport uses it; `terminate` drops it at once. */
export interface MaybeDroppable {
  terminate?(): void;
}

interface DenoInternals {
  readonly internal?: symbol;
}

interface DenoCore {
  readonly core?: { readonly tryClose?: (resource: number) => void };
}

/**
 * Gives a Deno socket the `terminate()` that Bun's has. After `close()` Deno
 * waits for the peer without a limit, and a peer that is gone leaves the
 * connection open until TCP gives up, a quarter of an hour later. Deno has no
 * public way to drop it; where the inner one is missing, nothing changes.
 */
export function droppable<T extends MaybeDroppable>(socket: T): T {
  if (socket.terminate !== undefined || resourceOf(socket) === null) return socket;
  Object.defineProperty(socket, "terminate", { value: () => drop(socket) });
  return socket;
}

function drop(socket: object): void {
  const { Deno } = globalThis as unknown as { readonly Deno?: DenoInternals };
  const internals = Deno?.internal === undefined
    ? undefined
    : (Deno as unknown as Readonly<Record<symbol, DenoCore>>)[Deno.internal];
  const resource = resourceOf(socket);
  if (resource !== null && resource >= 0) internals?.core?.tryClose?.(resource);
}

function resourceOf(socket: object): number | null {
  const key = Object.getOwnPropertySymbols(socket)
    .find((symbol) => symbol.description === "[[rid]]");
  if (key === undefined) return null;
  const resource = (socket as Readonly<Record<symbol, unknown>>)[key];
  // Before the socket is open there is nothing to drop yet.
  if (resource === undefined) return -1;
  return typeof resource === "number" ? resource : null;
}
