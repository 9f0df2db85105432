import type { startBrain } from "../../src/brain/mod.ts";

type Brain = Awaited<ReturnType<typeof startBrain>>;

/** Address and secrets, as variables, for an agent that an embedded brain has minted. */
export function agentEnv(
  brain: Pick<Brain, "baseUrl" | "project">,
  minted: Pick<Awaited<ReturnType<Brain["mint"]>>, "token" | "hmacSecret">,
): Readonly<Record<string, string>> {
  return {
    Z4J_BRAIN_URL: brain.baseUrl,
    Z4J_TOKEN: minted.token,
    Z4J_HMAC_SECRET: minted.hmacSecret,
    Z4J_PROJECT_ID: brain.project.slug,
  };
}
