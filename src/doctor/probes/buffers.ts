import { fingerprintOf, listBuffers } from "@z4j/core/buffer";
import type { BufferFile } from "@z4j/core/buffer";
import { decodeHmacSecret } from "@z4j/core/protocol";
import { ok, type Probe, skip, warn } from "../probe.ts";
import type { DoctorContext } from "../context.ts";
import { agentDirectories } from "../directories.ts";

/** Buffers of this home: of whom, and how deep. */
export const buffersProbe: Probe = {
  id: "buffers",
  title: "buffers of this home",
  needs: [],
  async run(context) {
    const { values, location, isGranted } = context;
    const directories = agentDirectories(values.home, location(), isGranted);
    if (directories.length === 0) return skip("no directory may be looked at");
    const fingerprint = await fingerprintFor(context);
    const options = fingerprint === null ? {} : { fingerprint };
    const lists = await Promise.all(directories.map((home) => listBuffers(home, options)));
    return judge(lists.flat());
  },
};

async function fingerprintFor({ outcome }: DoctorContext): Promise<string | null> {
  return outcome.ok ? await fingerprintOf(decodeHmacSecret(outcome.settings.hmacSecret)) : null;
}

function judge(files: readonly BufferFile[]): ReturnType<typeof ok> {
  const of = (state: BufferFile["state"]): readonly BufferFile[] =>
    files.filter((file) => file.state === state);
  const facts = {
    buffers: files.map(({ path, state, events, bytes }) => ({ path, state, events, bytes })),
  };
  const lines = files.filter(({ state }) => state !== "used").map(describe);
  const orphans = of("orphan").filter(({ events }) => events !== 0);
  if (of("damaged").length > 0) {
    const detail = `${of("damaged").length} damaged`;
    return warn("Z4J_DOCTOR_BUFFER_DAMAGED", detail, { lines, facts });
  }
  if (orphans.length > 0) {
    const events = orphans.reduce((sum, file) => sum + (file.events ?? 0), 0);
    const detail = `${orphans.length} orphaned with ${events} events`;
    return warn("Z4J_DOCTOR_BUFFER_ORPHANS", detail, { lines, facts });
  }
  if (of("foreign").length > 0) {
    const detail = `${of("foreign").length} of another project`;
    return warn("Z4J_DOCTOR_BUFFER_FOREIGN", detail, { lines, facts });
  }
  return ok(`${of("used").length} in use, none orphaned`, facts);
}

function describe({ path, state, events }: BufferFile): string {
  return `${path}: ${state}, ${events ?? "unknown"} events`;
}
