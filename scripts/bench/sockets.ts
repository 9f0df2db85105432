/** Sockets of agents that a measurement looks into or leans on. */
import { runtimeWebSocket, type WebSocketFactory } from "../../src/transport/socket_like.ts";

/** Tells the time of each dial. */
export function countedSocket(dialled: (atMs: number) => void): WebSocketFactory {
  return (url, init) => {
    dialled(Date.now());
    return runtimeWebSocket(url, init);
  };
}

/**
 * Writes another heartbeat interval into the hello_ack, which nobody signs
 * (protocol section 4.4): a run of seconds then sees many heartbeats.
 */
export function hastenedSocket(intervalSeconds: number): WebSocketFactory {
  const field = /("heartbeat_interval_seconds":\s*)\d+/;
  return (url, init) => {
    const socket = runtimeWebSocket(url, init);
    return new Proxy(socket, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
      set(target, key, value) {
        const wrapped = key === "onmessage" ? rewriteFirst(value, field, intervalSeconds) : value;
        return Reflect.set(target, key, wrapped, target);
      },
    });
  };
}

type MessageListener = (event: { readonly data: unknown }) => void;

function rewriteFirst(listener: unknown, field: RegExp, seconds: number): unknown {
  if (typeof listener !== "function") return listener;
  let isFirst = true;
  const rewritten: MessageListener = (event) => {
    if (!isFirst) return listener(event);
    isFirst = false;
    const text = new TextDecoder().decode(event.data as ArrayBuffer);
    if (!field.test(text)) throw new Error("the first message is no hello_ack");
    listener({ data: new TextEncoder().encode(text.replace(field, `$1${seconds}`)).buffer });
  };
  return rewritten;
}
