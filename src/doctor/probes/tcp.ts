import { routeOf } from "../context.ts";
import { ok, type Probe } from "../probe.ts";
import { authority } from "../route.ts";
import { connectFailure } from "./net_finding.ts";

/** A connection to the brain, or to the proxy before it. */
export const tcpProbe: Probe = {
  id: "tcp",
  title: "connection",
  needs: ["dns"],
  async run(context) {
    const { proxy, target } = routeOf(context);
    const to = proxy ?? target;
    const connected = await context.net.connect(to, context.timeoutMs);
    const whose = proxy === null ? "" : " (proxy)";
    if (!connected.ok) return connectFailure(`${authority(to)}${whose}`, connected);
    const { address } = connected;
    return ok(`TCP connect to ${authority(to)}${whose}`, { host: to.host, port: to.port, address });
  },
};
