import { errorText } from "../base/errors.ts";
import type { Transport } from "./port.ts";

/**
 * A transport whose code is read at its first dial, after the start of the
 * host; that of one which is never needed is never read.
 *
 * @param name The name of the transport until its code is there.
 * @param load Makes the transport; when that fails, the dial is refused and the next one tries again.
 */
export function createLateTransport(
  name: Transport["name"],
  load: () => Promise<Transport>,
): Transport {
  // One for all dials: a transport learns the limits of its network.
  let loading: Promise<Transport> | undefined;
  let loaded: Transport | undefined;
  return {
    get name() {
      return loaded?.name ?? name;
    },
    async open(hello, handlers, signal) {
      try {
        loaded = await (loading ??= load());
      } catch (error) {
        loading = undefined;
        const advice = `the code of this transport cannot be read: ${errorText(error)}`;
        return { kind: "refused", end: { class: "connection", code: null, advice } };
      }
      return await loaded.open(hello, handlers, signal);
    },
  };
}
