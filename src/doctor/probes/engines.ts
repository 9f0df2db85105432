import type { EngineFinding } from "@z4j/core/engines";
import { ok, type Probe, warn } from "../probe.ts";
import type { DoctorContext } from "../context.ts";

/** Engines and schedulers of the app, and what the engines say about their set-up. */
export const enginesProbe: Probe = {
  id: "engines",
  title: "engines and schedulers",
  needs: [],
  async run(context) {
    const names = context.packages().map(({ name, version }) => `${name} ${version ?? "?"}`);
    const engines = context.options.engines ?? [];
    const findings = [...await lint(context), ...await findingsOfAgents(context)];
    const given = engines.length === 0 ? "" : `, ${engines.length} given`;
    const detail = `${names.length === 0 ? "none in the dependencies" : names.join(", ")}${given}`;
    const facts = { findings: findings.map((finding) => ({ ...finding })) };
    const risky = findings.filter(({ severity }) => severity !== "info");
    if (risky.length === 0) return ok(detail, facts);
    const lines = risky.map(({ code, subject, message, remedy }) =>
      `${code} ${subject}: ${message} ${remedy}`
    );
    const state = `${risky.length} ${risky.length === 1 ? "finding" : "findings"}: ${detail}`;
    return warn("Z4J_DOCTOR_ENGINE_LINT", state, { lines, facts });
  },
};

/** What the engines of live agents said when they started. */
async function findingsOfAgents(context: DoctorContext): Promise<EngineFinding[]> {
  const agents = await context.liveAgents();
  return agents.flatMap(({ presence }) => presence.status.findings ?? []);
}

async function lint({ options, platform, isGranted }: DoctorContext): Promise<EngineFinding[]> {
  const envAccess = isGranted({ name: "env" }) ? "full" as const : "scoped" as const;
  const facts = { runtime: platform.runtime, envAccess };
  const found = await Promise.all(
    (options.engines ?? []).map(async (engine) => await engine.lint?.(facts) ?? []),
  );
  return found.flat();
}
