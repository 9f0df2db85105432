import { ok, type Probe, skip, warn } from "../probe.ts";
import { silenced } from "./proxy.ts";

const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** The project of the settings against that of the token; a mismatch does not fail authentication. */
export const projectProbe: Probe = {
  id: "project",
  title: "project",
  needs: ["token"],
  async run(context) {
    const left = silenced(context);
    if (left !== null) return left;
    const { opening, identity } = await context.session();
    if (identity === null || opening.kind === "silence") return skip("the brain did not tell");
    const configured = context.values.projectId ?? "";
    const slug = opening.headers.get("x-z4j-project-slug");
    const told = UUID.test(configured) ? identity.projectId : slug;
    const facts = { project_id: identity.projectId, project_slug: slug };
    if (told === null) {
      return skip(
        `the token's project is ${identity.projectId}; this brain does not tell its slug`,
        facts,
      );
    }
    return told.toLowerCase() === configured.toLowerCase()
      ? ok(`${configured} is the project of the token`, facts)
      : warn(
        "Z4J_DOCTOR_PROJECT_MISMATCH",
        `${configured} is configured, the token is of ${told}`,
        {
          facts,
        },
      );
  },
};
