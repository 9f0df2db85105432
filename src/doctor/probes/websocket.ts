import { routeOf } from "../context.ts";
import { fail, type Finding, ok, type Probe, skip, warn } from "../probe.ts";
import type { DoctorContext } from "../context.ts";
import { silenced } from "./proxy.ts";

/** The upgrade to a WebSocket, without a hello. What the brain thinks of the token is the next line. */
export const websocketProbe: Probe = {
  id: "websocket",
  title: "WebSocket upgrade",
  needs: ["tcp", "tls", "http"],
  async run(context) {
    const left = silenced(context);
    if (left !== null) return left;
    if (context.values.transport === "longpoll") return skip("Z4J_TRANSPORT is longpoll");
    if (context.values.token === undefined) return skip("there is no token to open it with");
    const outcome = await context.upgrade();
    const { brainUrl } = routeOf(context);
    if (outcome.kind === "closed" || outcome.kind === "silent") {
      return ok(`ws upgrade to ${brainUrl}/ succeeded`);
    }
    if (outcome.kind === "timeout") {
      return await blocked(
        `the upgrade was not answered within ${context.timeoutMs / 1000} s`,
        context,
      );
    }
    if (/forbids network access/.test(outcome.detail)) {
      return fail("Z4J_DOCTOR_PERMISSION_NET", outcome.detail);
    }
    if (outcome.status === 407) return fail("Z4J_DOCTOR_PROXY_CREDENTIALS", outcome.detail);
    return await blocked(outcome.detail, context);
  },
};

/** Where long-poll stands in, a blocked upgrade only costs comfort. */
async function blocked(detail: string, context: DoctorContext): Promise<Finding> {
  const code = "Z4J_DOCTOR_WEBSOCKET_BLOCKED";
  if (context.values.transport === "ws") return fail(code, detail);
  const { identity } = await context.session();
  return identity === null
    ? fail(code, detail)
    : warn(code, `${detail}; events go over long-poll instead`);
}
