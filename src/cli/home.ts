import { systemClock } from "../base/clock.ts";
import { noopLogger } from "../base/logger.ts";
import { fingerprintOf } from "../buffer/fingerprint.ts";
import { loadFileOps } from "../buffer/file_ops_node.ts";
import { loadSqlite } from "../buffer/load_sqlite.ts";
import type { OrphanParts } from "../buffer/orphan.ts";
import { secretProblem } from "../install/secret_problem.ts";
import { createPlatform } from "../platform/node.ts";
import { decodeHmacSecret } from "../protocol/hmac.ts";
import { resolveSettings } from "../settings/resolve.ts";
import type { Settings, SettingValues } from "../settings/settings.ts";
import type { FlagRules, ParsedFlags } from "./flags.ts";
import { CommandError } from "./io.ts";

/** The flag of every command that looks into a home. */
export const HOME_FLAG: FlagRules = { home: { type: "string" } };
/** Its line in `--help`. */
export const HOME_HELP =
  "--home DIR        directory of the agent's files (default Z4J_HOME or ~/.z4j)";

/** The settings of the environment, as far as they are right. */
export function partialSettings(flags: ParsedFlags): Readonly<Partial<SettingValues>> {
  const outcome = resolve(flags);
  return outcome.ok ? outcome.settings : outcome.partial();
}

/**
 * The settings of the environment.
 *
 * @throws {CommandError} with everything that is wrong with them.
 */
export function wholeSettings(flags: ParsedFlags): Settings {
  const outcome = resolve(flags);
  if (outcome.ok) return outcome.settings;
  throw new CommandError(outcome.problems.map(({ message }) => message).join("\n"));
}

function resolve(flags: ParsedFlags): ReturnType<typeof resolveSettings> {
  const home = flags.text("home");
  const platform = createPlatform();
  if (home === undefined) {
    return resolveSettings({}, platform, { validateSecret: secretProblem });
  }
  // A flag is nearer than the environment.
  const env = { ...platform.env(), Z4J_HOME: home };
  return resolveSettings({ env }, platform, { validateSecret: secretProblem });
}

/** The home directory. @throws {CommandError} when it cannot be told. */
export function homeOf(values: Readonly<Partial<SettingValues>>): string {
  if (values.home !== undefined) return values.home;
  throw new CommandError("Cannot use the home: it cannot be resolved, expected --home or Z4J_HOME");
}

/** The fingerprint of the project's secret, or `null` without one. */
export async function projectFingerprint(
  { hmacSecret }: Readonly<Partial<SettingValues>>,
): Promise<string | null> {
  return hmacSecret === undefined ? null : await fingerprintOf(decodeHmacSecret(hmacSecret));
}

/** What opening the buffers of others needs. */
export async function orphanParts(fingerprint: string | null): Promise<OrphanParts> {
  return {
    driver: await loadSqlite(),
    files: await loadFileOps(),
    clock: systemClock,
    logger: noopLogger,
    fingerprint,
  };
}
