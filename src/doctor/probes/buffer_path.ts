import type { BufferLocation } from "@z4j/core/diagnostics";
import { openBuffer } from "@z4j/core/buffer";
import { errorText } from "@z4j/core/diagnostics";
import type { DoctorCode } from "../codes.ts";
import type { DoctorContext } from "../context.ts";
import { directoryOf } from "../directories.ts";
import { fail, type Finding, ok, type Probe, skip, warn } from "../probe.ts";
import { describeDisk, diskFacts, diskTrouble } from "./disk.ts";

/** The directory of the buffer: what the agent would use, and whether it works. */
export const bufferPathProbe: Probe = {
  id: "buffer_path",
  title: "buffer directory",
  needs: [],
  async run(context) {
    const store = context.values.bufferStore;
    if (store === "memory") {
      return warn("Z4J_DOCTOR_BUFFER_VOLATILE", "Z4J_BUFFER_STORE is memory");
    }
    if (store === "deno-kv") return skip("Deno KV needs no directory");
    const location = context.location();
    if (location === null) return fail("Z4J_DOCTOR_SETTINGS_INVALID", "Z4J_HOME is not usable");
    return location.kind === "file" ? await checkFile(location, context) : noFile(location);
  },
};

type FileLocation = Extract<BufferLocation, { readonly kind: "file" }>;

async function checkFile(location: FileLocation, context: DoctorContext): Promise<Finding> {
  const directory = directoryOf(location.path);
  const trouble = diskTrouble(directory, context);
  if (trouble?.status === "fail") return trouble;
  const refused = await tryBuffer(directory);
  if (refused !== null) {
    return fail(
      "Z4J_DOCTOR_BUFFER_UNUSABLE",
      `no buffer can be opened in ${directory}: ${refused}`,
    );
  }
  if (location.fallback) return fallback(location, directory);
  if (trouble !== null) return trouble;
  const facts = context.disk.describe(directory);
  const more = describeDisk(directory, facts);
  const suffix = more === "" ? "" : ` (${more})`;
  return ok(`buffer dir ${directory} is writable${suffix}`, diskFacts(directory, facts));
}

function fallback(location: FileLocation, directory: string): Finding {
  const detail = location.warning ?? `the buffer is in ${directory}`;
  const code = missingPermission(detail) ?? "Z4J_DOCTOR_BUFFER_FALLBACK";
  return warn(code, detail, { facts: { path: directory, fallback: true } });
}

function noFile(location: Exclude<BufferLocation, FileLocation>): Finding {
  if (location.kind === "rejected") {
    return fail("Z4J_DOCTOR_BUFFER_PATH_REJECTED", location.problem);
  }
  const { reason } = location;
  return fail(missingPermission(reason) ?? "Z4J_DOCTOR_BUFFER_MEMORY", reason);
}

/** The flag that the wanted directory lacks; it is named first. */
function missingPermission(text: string): DoctorCode | null {
  const flag = /no --allow-(read|write)/.exec(text)?.[1];
  if (flag === undefined) return null;
  return flag === "read" ? "Z4J_DOCTOR_PERMISSION_READ" : "Z4J_DOCTOR_PERMISSION_WRITE";
}

/** Opens a buffer as the agent does, under a name that no neighbour adopts. */
async function tryBuffer(directory: string): Promise<string | null> {
  const path = `${directory}/doctor-${crypto.randomUUID()}.sqlite`;
  try {
    const buffer = await openBuffer({ path });
    const opened = buffer.capabilities.durable;
    await buffer.close();
    return opened ? null : "it would be kept in memory";
  } catch (error) {
    return errorText(error);
  }
}
