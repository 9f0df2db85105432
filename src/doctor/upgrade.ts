import {
  agentSocketUrl,
  describeDialFailure,
  errorText,
  type WebSocketLike,
} from "@z4j/core/diagnostics";
import type { Route } from "./route.ts";

/** What became of a WebSocket that asked for nothing. */
export type UpgradeOutcome =
  /** It opened; the brain then closed it with a code, which tells about the token. */
  | { readonly kind: "closed"; readonly code: number }
  /** It opened and the brain stayed silent. */
  | { readonly kind: "silent" }
  /** It did not open. */
  | { readonly kind: "refused"; readonly status: number | null; readonly detail: string }
  | { readonly kind: "timeout" };

/**
 * Opens a socket with the token and says something that is no hello. A brain
 * checks the token first (4401) and the hello afterwards (4400), and only a
 * hello would change what it knows of the agent.
 */
export function tryUpgrade(
  route: Route,
  token: string,
  allowInsecure: boolean,
  timeoutMs: number,
): Promise<UpgradeOutcome> {
  let socket: WebSocketLike;
  try {
    socket = route.network.webSocket(agentSocketUrl(route.brainUrl, allowInsecure), {
      headers: { authorization: `Bearer ${token}` },
    });
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    return Promise.resolve(refused(`${name} ${errorText(error)}`));
  }
  return watch(socket, timeoutMs).finally(() => drop(socket));
}

function watch(socket: WebSocketLike, timeoutMs: number): Promise<UpgradeOutcome> {
  return new Promise((resolve) => {
    let isOpen = false;
    let message = "";
    const timer = setTimeout(() => resolve({ kind: isOpen ? "silent" : "timeout" }), timeoutMs);
    socket.onopen = () => {
      isOpen = true;
      socket.send("{}");
    };
    socket.onerror = (event) => {
      const text: unknown = (event as { readonly message?: unknown } | null)?.message;
      if (typeof text === "string") message = text;
    };
    socket.onclose = ({ code }) => {
      clearTimeout(timer);
      resolve(isOpen ? { kind: "closed", code: code === 0 ? 1006 : code } : refused(message));
    };
  });
}

function refused(message: string): UpgradeOutcome {
  const { code, advice } = describeDialFailure(message);
  return { kind: "refused", status: code, detail: advice };
}

function drop(socket: WebSocketLike): void {
  socket.onopen = socket.onmessage = socket.onclose = null;
  socket.onerror = () => {};
  try {
    socket.close();
    socket.terminate?.();
  } catch {
    // It is closed already.
  }
}
