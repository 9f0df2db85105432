import { describeSettings, errorText, type JsonValue, VERSION } from "@z4j/core/diagnostics";
import { CODES } from "./codes.ts";
import { createContext, type DoctorContext } from "./context.ts";
import { createMask, type Mask, maskJson } from "./mask.ts";
import type { DoctorOptions } from "./options.ts";
import { permissionLine } from "./permission_line.ts";
import { fail, type Finding, type Probe, type ProbeId, skip } from "./probe.ts";
import { PROBES } from "./probes/all.ts";
import type { DoctorConfig, DoctorReport, ProbeResult } from "./report.ts";

/**
 * Looks for what keeps events from arriving. A report that is `ok` means that
 * they will: token, clock and secret were proved at the brain. It disturbs no
 * running agent: no hello is sent that announces less than the live ones do.
 *
 * @param options What the app gives its agent, and what to look at.
 * @throws {RangeError} when `timeoutMs` is not positive or `only` names no probe.
 *
 * @example Why events do not arrive
 * ```ts
 * import { runDoctor } from "@z4j/doctor";
 * import { equal } from "node:assert/strict";
 *
 * const report = await runDoctor({ settings: { env: {} }, only: ["settings"] });
 * equal(report.ok, false);
 * equal(report.probes[0]?.code, "Z4J_DOCTOR_SETTINGS_MISSING");
 * ```
 */
export async function runDoctor(options: DoctorOptions = {}): Promise<DoctorReport> {
  checkOptions(options);
  const startedAt = performance.now();
  const context = createContext(options);
  const mask = createMask(context.values, options.settings ?? {}, context.env);
  const chosen = new Set<ProbeId>(options.only ?? PROBES.map(({ id }) => id));
  const results = await runProbes(context, wanted(chosen), mask);
  const shown = PROBES.flatMap(({ id }) => chosen.has(id) ? results.get(id) ?? [] : []);
  const { outcome, platform } = context;
  const settings = outcome.ok ? describeSettings(outcome.settings) : {};
  return {
    // What a chosen probe needs counts too: a skip because of it is no pass.
    ok: [...results.values()].every(({ status }) => status !== "fail"),
    version: VERSION,
    runtime: { name: platform.runtime, version: platform.runtimeVersion },
    config: configOf(context, mask),
    settings: maskJson(
      settings as unknown as JsonValue,
      mask,
    ) as unknown as DoctorReport["settings"],
    probes: shown,
    packages: context.packages(),
    permissions: platform.runtime === "deno" ? mask(permissionLine(context)) : null,
    ms: Math.round(performance.now() - startedAt),
  };
}

function checkOptions({ timeoutMs, only }: DoctorOptions): void {
  if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs <= 600_000)) {
    throw new RangeError("Cannot run the doctor: timeoutMs is out of range, expected up to 600000");
  }
  const ids = new Set<string>(PROBES.map(({ id }) => id));
  const unknown = only?.find((id) => !ids.has(id));
  if (unknown !== undefined) {
    throw new RangeError(`Cannot run the doctor: there is no probe ${JSON.stringify(unknown)}`);
  }
}

/** The chosen probes and all that they need. */
function wanted(chosen: ReadonlySet<ProbeId>): readonly Probe[] {
  const all = new Set<ProbeId>();
  const add = (id: ProbeId): void => {
    if (all.has(id)) return;
    all.add(id);
    PROBES.find((probe) => probe.id === id)?.needs.forEach(add);
  };
  chosen.forEach(add);
  return PROBES.filter(({ id }) => all.has(id));
}

/** A probe's result, and whether those that need it cannot run. */
interface Run {
  readonly result: ProbeResult;
  readonly blocks: boolean;
}

async function runProbes(
  context: DoctorContext,
  probes: readonly Probe[],
  mask: Mask,
): Promise<ReadonlyMap<ProbeId, ProbeResult>> {
  const running = new Map<ProbeId, Promise<Run>>();
  const start = (id: ProbeId): Promise<Run> => {
    const known = running.get(id);
    if (known !== undefined) return known;
    const probe = probes.find((one) => one.id === id);
    if (probe === undefined) throw new Error(`no probe ${id}`);
    const run = runOne(probe, context, mask, start);
    running.set(id, run);
    return run;
  };
  const runs = await Promise.all(probes.map(({ id }) => start(id)));
  return new Map(runs.map(({ result }) => [result.id, result]));
}

async function runOne(
  probe: Probe,
  context: DoctorContext,
  mask: Mask,
  start: (id: ProbeId) => Promise<Run>,
): Promise<Run> {
  const needs = await Promise.all(probe.needs.map(start));
  const missing = needs.find(({ blocks }) => blocks);
  context.options.onStart?.(probe.id, probe.title);
  const startedAt = performance.now();
  const finding = missing === undefined
    ? await attempt(probe, context)
    : skip(`needs ${missing.result.id}`);
  const result = resultOf(probe, finding, Math.round(performance.now() - startedAt), mask);
  context.options.onResult?.(result);
  return { result, blocks: finding.status === "fail" || missing !== undefined };
}

/** A probe within its time; what it throws is a fault of ours, told without a stack. */
async function attempt(probe: Probe, context: DoctorContext): Promise<Finding> {
  const { timeoutMs } = context;
  let timer: ReturnType<typeof setTimeout> | undefined;
  // What is asked has the same limit; a little more lets its own words win.
  const late = new Promise<Finding>((resolve) => {
    timer = setTimeout(() => {
      resolve(fail("Z4J_DOCTOR_TIMEOUT", `no result within ${timeoutMs / 1000} s`));
    }, timeoutMs + GRACE_MS);
  });
  const run = Promise.resolve().then(() => probe.run(context)).catch((error) =>
    fail("Z4J_DOCTOR_INTERNAL", errorText(error).replaceAll(/\s+/g, " ").slice(0, 300))
  );
  try {
    return await Promise.race([run, late]);
  } finally {
    clearTimeout(timer);
  }
}

const GRACE_MS = 250;

function resultOf(probe: Probe, finding: Finding, ms: number, mask: Mask): ProbeResult {
  const { status, code, lines = [], facts = {} } = finding;
  const remedy = finding.remedy ?? (code === undefined ? null : CODES[code].remedy);
  return {
    id: probe.id,
    title: probe.title,
    status,
    code: code ?? null,
    detail: short(mask(finding.detail)),
    remedy,
    lines: lines.map((line) => short(mask(line))),
    facts: maskJson(facts, mask) as ProbeResult["facts"],
    ms,
  };
}

// A value of a megabyte must not fill the screen.
const MAX_CHARS = 500;

function short(text: string): string {
  const line = text.replaceAll(/\p{Cc}+/gu, " ");
  return line.length > MAX_CHARS ? `${line.slice(0, MAX_CHARS)}...` : line;
}

function configOf(context: DoctorContext, mask: Mask): DoctorConfig {
  const { values, env, options } = context;
  const shown = (key: "brainUrl" | "projectId" | "agentName", name: string): string => {
    const value = values[key];
    if (typeof value === "string") return short(mask(value));
    return env[name] === undefined && options.settings?.[key] === undefined
      ? "<unset>"
      : "<invalid>";
  };
  const location = context.location();
  return {
    brainUrl: withSlash(shown("brainUrl", "Z4J_BRAIN_URL")),
    projectId: shown("projectId", "Z4J_PROJECT_ID"),
    bufferPath: location?.kind === "file" ? mask(location.path) : "<memory>",
    transport: values.transport ?? "auto",
    agentName: values.agentName === null ? null : shown("agentName", "Z4J_AGENT_NAME"),
    devMode: values.devMode ?? false,
  };
}

function withSlash(url: string): string {
  return url.startsWith("<") || url.endsWith("/") ? url : `${url}/`;
}
