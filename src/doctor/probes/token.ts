import type { Answer } from "../brain_http.ts";
import type { DoctorContext } from "../context.ts";
import { fail, type Finding, ok, type Probe, skip } from "../probe.ts";
import { silenced } from "./proxy.ts";

/** What the brain thinks of the token: by close code, and by the answer to a poll. */
export const tokenProbe: Probe = {
  id: "token",
  title: "token",
  needs: ["http", "settings"],
  async run(context) {
    const left = silenced(context);
    if (left !== null) return left;
    const [{ opening, identity }, code] = await Promise.all([
      context.session(),
      closeCode(context),
    ]);
    const refused = refusal(opening, code);
    if (refused !== null) return refused;
    // 4400 is the answer to what was no hello, so the token had passed.
    if (identity !== null) {
      const detail = `the brain knows it as agent ${identity.agentId}`;
      return ok(detail, { agent_id: identity.agentId, project_id: identity.projectId });
    }
    return code === 4400 ? ok("the brain knows it") : skip("the brain did not tell");
  },
};

async function closeCode(context: DoctorContext): Promise<number | null> {
  if (context.values.transport === "longpoll") return null;
  const outcome = await context.upgrade();
  return outcome.kind === "closed" ? outcome.code : null;
}

/** Why the brain refuses, or `null`. Long-poll tells more than a close code. */
function refusal(opening: Answer, code: number | null): Finding | null {
  const status = opening.kind === "answer" ? opening.status : null;
  const reason = opening.kind === "answer" ? opening.json?.["error"] : null;
  const facts = { close_code: code, status };
  if (status === 403 && reason === "project_inactive") {
    return fail("Z4J_DOCTOR_PROJECT_ARCHIVED", "its project is archived", { facts });
  }
  if ((status === 403 && reason === "ip_denied") || code === 4403) {
    const detail = "the brain does not admit this network address";
    return fail("Z4J_DOCTOR_ADDRESS_DENIED", detail, { facts });
  }
  if (status === 401 && reason === "agent_revoked") {
    return fail("Z4J_DOCTOR_TOKEN_REVOKED", "the brain revoked it", { facts });
  }
  if (status === 429 || code === 4429) {
    return fail("Z4J_DOCTOR_RATE_LIMITED", "the brain admits no more connections now", { facts });
  }
  if (status === 401 || code === 4401) {
    const told = code === null ? `HTTP ${status}` : `close code ${code}`;
    const detail = `the brain refused it (${told}): unknown or revoked`;
    return fail("Z4J_DOCTOR_TOKEN_REFUSED", detail, { facts });
  }
  return null;
}
