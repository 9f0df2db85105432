import { Z4jError } from "../base/errors.ts";
import type { SqlRow } from "../buffer/sqlite_driver.ts";
import type { BrainContext } from "./context.ts";
import { type Database, numberOf, requiredNumber, requiredText } from "./database.ts";
import type { ProjectRow } from "./store.ts";

// The stock brain's `Z4J_PROJECT_ID` bound (protocol 1.6).
const SLUG = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;
const NAME_CHARS = 200;

/** Creates a project; refuses a slug that exists or is malformed. */
export function createProject(context: BrainContext, slug: string, name: string): ProjectRow {
  if (!SLUG.test(slug)) {
    throw new TypeError(
      `Cannot create project: slug ${JSON.stringify(slug)}, expected 1 to 63 of a-z, 0-9, - and _`,
    );
  }
  const label = name.trim() === "" ? slug : name.trim().slice(0, NAME_CHARS).toWellFormed();
  const added = context.db.transaction(() =>
    context.db.run(
      "INSERT INTO projects (id, slug, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      context.random.uuid(),
      slug,
      label,
    )
  );
  const row = projectBySlug(context.db, slug);
  if (added === 0 || row === null) {
    throw new Z4jError("Z4J_BRAIN_STORE", `Cannot create project ${slug}: it exists already`, {
      details: { reason: "conflict" },
    });
  }
  return row;
}

/** Archives a project; false when there is none that is open. */
export function archiveProject(context: BrainContext, slug: string): boolean {
  return context.db.run(
    "UPDATE projects SET archived_ms = ? WHERE slug = ? AND archived_ms IS NULL",
    context.clock.now(),
    slug,
  ) > 0;
}

/** The project of a slug, or `null`. */
export function projectBySlug(db: Database, slug: string): ProjectRow | null {
  const row = db.get("SELECT * FROM projects WHERE slug = ?", slug);
  return row === undefined ? null : projectRow(row);
}

/** Every project, by slug. */
export function allProjects(db: Database): readonly ProjectRow[] {
  return db.all("SELECT * FROM projects ORDER BY slug").map(projectRow);
}

/** The database key of a project's UUID, or `null`. */
export function projectKey(db: Database, projectId: string): number | null {
  const row = db.get("SELECT pk FROM projects WHERE id = ?", projectId);
  return row === undefined ? null : requiredNumber(row, "pk");
}

function projectRow(row: SqlRow): ProjectRow {
  return {
    id: requiredText(row, "id"),
    slug: requiredText(row, "slug"),
    name: requiredText(row, "name"),
    archivedAtMs: numberOf(row, "archived_ms"),
  };
}
