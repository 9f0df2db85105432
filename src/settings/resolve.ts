import { isPlainRemote } from "./brain_url.ts";
import { AGENT_ENV_NAMES } from "./known_env.ts";
import type { AgentSettingsOptions } from "./options.ts";
import type { SettingsProblem } from "./problem.ts";
import type {
  SettingEssentials,
  SettingKey,
  Settings,
  SettingSource,
  SettingValues,
} from "./settings.ts";
import { findSetting, type Inputs, type SettingsPlatform } from "./source.ts";
import { RULES, SETTING_KEYS } from "./table.ts";
import { shadowedFiles, unknownEnvNames, unknownOptions } from "./unknown_names.ts";

/** What the caller adds to the checks. */
export interface SettingsChecks {
  /** Answers what is wrong with an HMAC secret, without the secret, or `null`. */
  readonly validateSecret?: (text: string) => string | null;
  /** Keys of the options object that belong to the caller. */
  readonly alsoAllowed?: readonly string[];
}

/** Settings to run with, or everything that is wrong with them. */
export type SettingsOutcome =
  | {
    readonly ok: true;
    /** What the agent reads. */
    readonly settings: Settings;
    /** Things to tell once that do not stop the agent. */
    readonly warnings: readonly SettingsProblem[];
  }
  | {
    readonly ok: false;
    /** Everything that is wrong, at once. */
    readonly problems: readonly SettingsProblem[];
    /** Things to tell that alone would not stop the agent. */
    readonly warnings: readonly SettingsProblem[];
    /** What decides how to go on; defaults where these are wrong too. */
    readonly settings: SettingEssentials;
    /**
     * The settings that are right on their own, for a diagnosis. They hold
     * secrets; behind a call, so that nothing prints them with the outcome.
     */
    readonly partial: () => Readonly<Partial<SettingValues>>;
  };

type Draft = { -readonly [K in SettingKey]?: SettingValues[K] };
type Sources = Partial<Record<SettingKey, SettingSource>>;

/**
 * Joins options, environment and defaults into frozen settings.
 *
 * Order, strongest first: `Z4J_*` variable, file named by a `*_FILE` variable,
 * option, default. All problems are reported at once. No message, no code and
 * no field of the outcome's problems holds a value, so they may be logged.
 *
 * @example Everything wrong at once
 * ```ts
 * import { createPlatform } from "../platform/node.ts";
 * import { resolveSettings } from "./resolve.ts";
 * import { equal } from "node:assert/strict";
 *
 * const outcome = resolveSettings({ env: false }, createPlatform());
 * equal(outcome.ok, false);
 * ```
 *
 * @param options What the user wrote.
 * @param platform Environment, directories and secret files.
 * @param checks The check of the HMAC secret and the caller's own keys.
 */
export function resolveSettings(
  options: AgentSettingsOptions,
  platform: SettingsPlatform,
  checks: SettingsChecks = {},
): SettingsOutcome {
  const env = environment(options.env, platform);
  const draft: Draft = {};
  const sources: Sources = {};
  const problems: SettingsProblem[] = [...unknownOptions(options, checks.alsoAllowed ?? [])];
  for (const key of SETTING_KEYS) {
    resolveOne(key, { options, env, platform }, { draft, sources, problems });
  }
  problems.push(...crossChecks(draft, platform, checks));
  const warnings = Object.freeze([...unknownEnvNames(env), ...shadowedFiles(env)]);
  if (problems.length > 0) {
    return {
      ok: false,
      problems: Object.freeze(problems),
      warnings,
      settings: essentials(draft),
      partial: () => draft,
    };
  }
  // Without a problem every key of the table is in the draft.
  const settings = { ...draft, sources: Object.freeze(sources) } as Settings;
  return { ok: true, settings: Object.freeze(settings), warnings };
}

interface Results {
  readonly draft: Draft;
  readonly sources: Sources;
  readonly problems: SettingsProblem[];
}

function resolveOne<K extends SettingKey>(key: K, inputs: Inputs, results: Results): void {
  const found = findSetting<SettingValues[K]>(key, RULES[key], inputs);
  if (!found.ok) return void results.problems.push(found.problem);
  results.draft[key] = found.value;
  results.sources[key] = found.source;
}

function environment(
  given: AgentSettingsOptions["env"],
  platform: SettingsPlatform,
): Readonly<Record<string, string>> {
  if (given === false) return {};
  return given ?? platform.env(AGENT_ENV_NAMES);
}

/** Checks that need more than one setting; completes what depends on the platform. */
function crossChecks(
  draft: Draft,
  platform: SettingsPlatform,
  checks: SettingsChecks,
): readonly SettingsProblem[] {
  const found = [
    plainRemote(draft),
    wrongSecret(draft, checks.validateSecret),
    completeHome(draft, platform),
  ];
  return found.filter((problem) => problem !== null);
}

function plainRemote({ brainUrl, devMode }: Draft): SettingsProblem | null {
  if (brainUrl === undefined || devMode === true || !isPlainRemote(brainUrl)) return null;
  const message = "Cannot use brainUrl: refusing plain ws:// connection to a host that is not " +
    "loopback, expected https:// or, on a trusted network, devMode (Z4J_DEV_MODE=true)";
  return { code: "insecure", name: "brainUrl", env: RULES.brainUrl.env, message };
}

function wrongSecret(
  { hmacSecret }: Draft,
  validate: SettingsChecks["validateSecret"],
): SettingsProblem | null {
  const state = hmacSecret === undefined ? null : validate?.(hmacSecret) ?? null;
  if (hmacSecret === undefined || state === null) return null;
  // The check is the caller's; a text that quotes the secret is not passed on.
  const shown = state.includes(hmacSecret) ? "it is not a valid secret" : state;
  const message = `Cannot use hmacSecret: ${shown}, expected ${RULES.hmacSecret.expected}`;
  return { code: "invalid", name: "hmacSecret", env: RULES.hmacSecret.env, message };
}

function completeHome(draft: Draft, platform: SettingsPlatform): SettingsProblem | null {
  const home = draft.home;
  if (home === undefined) return null;
  try {
    const isHomeless = /^~(?=$|[/\\])/.test(home) && platform.homeDir() === null;
    draft.home = isHomeless
      ? platform.realPath(`${platform.tempDir()}/z4j-${platform.userId()}`)
      : platform.realPath(home);
    return null;
  } catch {
    const message = "Cannot use home: it cannot be resolved, expected a path without a link loop";
    return { code: "invalid", name: "home", env: RULES.home.env, message };
  }
}

function essentials(draft: Draft): SettingEssentials {
  return Object.freeze({
    strictMode: draft.strictMode ?? false,
    disabled: draft.disabled ?? false,
    logLevel: draft.logLevel ?? "info",
  });
}
