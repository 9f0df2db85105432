import type { FoundPackage } from "./inventory.ts";
import type { ProbeStatus } from "./probe.ts";
import type { DoctorReport, ProbeResult } from "./report.ts";

/** How the text shall look. */
export interface TextStyle {
  /** Whether to colour the tags. */
  readonly colors: boolean;
  /** Whether to add times, sources and facts. */
  readonly verbose: boolean;
}

const NAME_WIDTH = 12;
const COLOR: Readonly<Record<ProbeStatus, string>> = {
  ok: "32",
  warn: "33",
  fail: "31",
  skip: "90",
};

/** The report for people: title, head, a row per probe, what was found. */
export function renderText(report: DoctorReport, style: TextStyle): string {
  const title = `z4j-doctor (${report.runtime.name})`;
  const lines = [
    title,
    "=".repeat(title.length),
    `  brain_url:   ${report.config.brainUrl}`,
    `  project_id:  ${report.config.projectId}`,
    `  buffer_path: ${report.config.bufferPath}`,
    `  transport:   ${report.config.transport}`,
    ...(style.verbose ? sources(report) : []),
    "",
    ...report.probes.flatMap((probe) => renderProbe(probe, style)),
    "",
    `engines auto-detected: ${packages(report.packages)}`,
  ];
  return lines.join("\n");
}

/** One probe: its row, further lines, and the remedy with the code. */
export function renderProbe(probe: ProbeResult, style: TextStyle): string[] {
  const word = probe.status.toUpperCase();
  const tag = `[${word}]`.padEnd(6);
  const shownTag = style.colors ? `\x1b[${COLOR[probe.status]}m${tag}\x1b[0m` : tag;
  const time = style.verbose ? ` (${probe.ms} ms)` : "";
  const rows = [`  ${shownTag} ${probe.id.padEnd(NAME_WIDTH)} ${word}: ${probe.detail}${time}`];
  const isTold = style.verbose || probe.status === "fail" || probe.status === "warn";
  if (isTold) rows.push(...probe.lines.map((line) => `${INDENT}${line}`));
  if (probe.remedy !== null) rows.push(`${INDENT}-> ${probe.remedy}`);
  if (probe.code !== null) rows.push(`${INDENT}   ${probe.code}`);
  return rows;
}

const INDENT = " ".repeat(9);

function sources({ settings }: DoctorReport): string[] {
  const told = Object.entries(settings).filter(([, { source }]) => source !== "default");
  return told.map(([name, { value, source }]) =>
    `  ${name} (${source}): ${typeof value === "string" ? value : JSON.stringify(value)}`
  );
}

function packages(found: readonly FoundPackage[]): string {
  const adapted = found.filter(({ kind }) => kind !== "unsupported");
  const others = found.filter(({ kind }) => kind === "unsupported");
  const named = (list: readonly FoundPackage[]): string =>
    list.map(({ name, version }) => `${name}${version === null ? "" : ` ${version}`}`).join(", ");
  const more = others.length === 0
    ? ""
    : `\n  without an adapter: ${named(others)} (manualEngine() watches their functions)`;
  return (adapted.length === 0 ? "<none>" : named(adapted)) + more;
}

/** The report for machines; every key is stable. */
export function renderJson(report: DoctorReport): string {
  const { config } = report;
  return JSON.stringify(
    {
      ok: report.ok,
      version: report.version,
      runtime: report.runtime,
      config: {
        brain_url: config.brainUrl,
        project_id: config.projectId,
        agent_name: config.agentName,
        buffer_path: config.bufferPath,
        transport: config.transport,
        dev_mode: config.devMode,
      },
      settings: report.settings,
      engines: report.packages,
      permissions: report.permissions,
      probes: report.probes.map((probe) => ({
        name: probe.id,
        ok: probe.status !== "fail",
        status: probe.status,
        code: probe.code,
        message: probe.detail,
        remedy: probe.remedy,
        lines: probe.lines,
        details: probe.facts,
        ms: probe.ms,
      })),
      ms: report.ms,
    },
    null,
    2,
  );
}
