import { fail, type Finding, ok, type Probe, skip } from "../probe.ts";
import type { DoctorContext } from "../context.ts";
import { authority, type Route } from "../route.ts";

/** Which way the agent takes, and whether the settings allow one. */
export const proxyProbe: Probe = {
  id: "proxy",
  title: "way to the brain",
  needs: [],
  run(context) {
    const outcome = context.route();
    if (outcome === null) {
      return fail("Z4J_DOCTOR_SETTINGS_MISSING", "the address of the brain is not known");
    }
    if (!outcome.ok) return fail(outcome.code, outcome.detail);
    const { proxy } = outcome.route;
    if (proxy === null) return ok("no proxy, straight to the brain");
    const source = context.values.proxy === null || context.values.proxy === undefined
      ? "proxy variables"
      : "Z4J_PROXY";
    const credentials = proxy.credentials === null ? "without credentials" : "with credentials";
    const facts = { host: proxy.host, port: proxy.port, source };
    return ok(`${authority(proxy)} from ${source}, ${credentials}`, facts);
  },
};

/** Whether the proxy lets us through; `null` when it does or there is none. */
export async function tunnelTrouble(
  route: Route,
  context: DoctorContext,
): Promise<Finding | null> {
  const { proxy, target } = route;
  if (proxy === null) return null;
  const answer = await context.net.tunnel(proxy, target, context.timeoutMs);
  if (!answer.ok) {
    return fail("Z4J_DOCTOR_PROXY_REFUSED", `${authority(proxy)} (proxy): ${answer.detail}`);
  }
  if (answer.status === 200) return null;
  const detail = `the proxy ${authority(proxy)} answered CONNECT ${authority(target)} with ` +
    `HTTP ${answer.status}`;
  const code = answer.status === 407 ? "Z4J_DOCTOR_PROXY_CREDENTIALS" : "Z4J_DOCTOR_PROXY_REFUSED";
  return fail(code, detail, { facts: { status: answer.status } });
}

/** Marks what is not asked because the brain shall not be spoken to. */
export function silenced(context: DoctorContext): Finding | null {
  return context.options.websocket === false ? skip("left out (--no-websocket)") : null;
}
