import { AGENT_ENV_NAMES, isForeignEnvName } from "./known_env.ts";
import { nearestName } from "./nearest.ts";
import { quoteName, type SettingsProblem } from "./problem.ts";
import { describeType } from "./rule.ts";
import { RULES, SETTING_KEYS } from "./table.ts";
import { envText } from "./source.ts";

// Members of the options that group several settings.
const GROUPS: ReadonlyMap<string, readonly string[]> = groups();

const OPTION_NAMES: readonly string[] = [
  ...SETTING_KEYS.filter((key) => RULES[key].option === undefined),
  ...GROUPS.keys(),
  "env",
];

function groups(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const key of SETTING_KEYS) {
    const { option } = RULES[key];
    if (option !== undefined) found.set(option[0], [...found.get(option[0]) ?? [], option[1]]);
  }
  return found;
}

// Names of older agents, whose job Z4J_HOME does now.
const REMOVED: ReadonlySet<string> = new Set(["Z4J_BUFFER_DIR", "Z4J_RUNTIME_DIR"]);

/** A problem for every option that does not exist. */
export function unknownOptions(
  options: object,
  alsoAllowed: readonly string[],
): readonly SettingsProblem[] {
  const allowed = [...OPTION_NAMES, ...alsoAllowed];
  const nested = [...GROUPS].flatMap(([group, members]) =>
    wrongGroup(group, members, (options as Readonly<Record<string, unknown>>)[group])
  );
  const top = Object.keys(options).filter((key) => !allowed.includes(key)).map((name) => {
    const message = `Cannot use the option ${quoteName(name)}: there is none of this name, ` +
      `expected ${hint(name, allowed, "one of the documented options")}`;
    return { code: "unknown" as const, name, env: null, message };
  });
  return [...top, ...nested];
}

function wrongGroup(
  group: string,
  members: readonly string[],
  value: unknown,
): readonly SettingsProblem[] {
  if (value === undefined || value === null) return [];
  if (typeof value !== "object" || Array.isArray(value)) {
    const message = `Cannot use ${group}: ${describeType(value)}, expected an object with ` +
      members.join(", ");
    return [{ code: "invalid", name: group, env: null, message }];
  }
  return Object.keys(value).filter((key) => !members.includes(key)).map((key) => {
    const message = `Cannot use the option ${group} with ${quoteName(key)}: it has no such ` +
      `member, expected ${members.join(", ")}`;
    return { code: "unknown", name: group, env: null, message };
  });
}

/** A warning for every `Z4J_*` variable that no part of z4j reads. */
export function unknownEnvNames(
  env: Readonly<Record<string, string>>,
): readonly SettingsProblem[] {
  const strange = Object.keys(env).filter((name) =>
    name.startsWith("Z4J_") && !AGENT_ENV_NAMES.includes(name) && !isForeignEnvName(name)
  );
  return strange.map((name) => {
    const expected = REMOVED.has(name)
      ? "Z4J_HOME"
      : hint(name, AGENT_ENV_NAMES, "one of the documented variables");
    const message = `Cannot use the variable ${quoteName(name)}: there is none of this name, ` +
      `expected ${expected}`;
    return { code: "unknown", name, env: null, message };
  });
}

/** A warning for every secret that is given as a text and as a file. */
export function shadowedFiles(env: Readonly<Record<string, string>>): readonly SettingsProblem[] {
  const warnings: SettingsProblem[] = [];
  for (const key of SETTING_KEYS) {
    const { env: name, fileEnv } = RULES[key];
    if (fileEnv === null || envText(env, fileEnv) === null || envText(env, name) === null) continue;
    const message = `Cannot use ${fileEnv}: ${name} is set too and wins, expected one of the two`;
    warnings.push({ code: "shadowed", name: fileEnv, env: name, message });
  }
  return warnings;
}

function hint(name: string, candidates: readonly string[], otherwise: string): string {
  const nearest = nearestName(name, candidates);
  return nearest === null ? otherwise : `perhaps ${nearest}`;
}
