import { fail, ok, type Probe, skip, warn } from "../probe.ts";
import { silenced } from "./proxy.ts";

/** The path of long-poll, which stands in where no WebSocket passes. */
export const longPollProbe: Probe = {
  id: "longpoll",
  title: "long-poll path",
  needs: ["token"],
  async run(context) {
    const left = silenced(context);
    if (left !== null) return left;
    const { transport } = context.values;
    if (transport === "ws") return skip("Z4J_TRANSPORT is ws");
    const { opening, identity } = await context.session();
    if (identity !== null) return ok("the brain answers polls");
    const why = opening.kind === "silence" ? opening.detail : `HTTP ${opening.status}`;
    const code = "Z4J_DOCTOR_LONGPOLL_BLOCKED";
    return transport === "longpoll" ? fail(code, `the brain does not answer polls (${why})`) : warn(
      code,
      `the brain does not answer polls (${why}), so nothing stands in for a WebSocket`,
    );
  },
};
