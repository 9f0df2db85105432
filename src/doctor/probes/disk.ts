import { type DiskFacts, isRemoteMount, mountType } from "@z4j/core/diagnostics";
import type { DoctorContext } from "../context.ts";
import { fail, type Finding, warn } from "../probe.ts";

/** Facts of a directory as the report shows them. */
export function describeDisk(path: string, disk: DiskFacts): string {
  const parts = [
    disk.owner === null ? null : `owner ${disk.owner}`,
    disk.mode === null ? null : `mode ${disk.mode}`,
    disk.freeBytes === null ? null : `${bytesText(disk.freeBytes)} free`,
    typeOf(path, disk),
  ];
  return parts.filter((part) => part !== null).join(", ");
}

/** The same for machines. */
export function diskFacts(path: string, disk: DiskFacts): NonNullable<Finding["facts"]> {
  const { owner, mode, freeBytes } = disk;
  return { path, owner, mode, free_bytes: freeBytes, file_system: typeOf(path, disk) };
}

/** Kind of the file system, or `null`. */
export function typeOf(path: string, { mounts }: DiskFacts): string | null {
  return mounts === null ? null : mountType(mounts, path);
}

// What one probe writes; more than a page, less than anybody notices.
const PROBE_BYTES = 65_536;

/** What is wrong with the disk of a buffer, or `null`. */
export function diskTrouble(directory: string, context: DoctorContext): Finding | null {
  const { disk, values } = context;
  const facts = disk.describe(directory);
  const shown = { facts: diskFacts(directory, facts) };
  const failed = disk.tryWrite(directory, PROBE_BYTES);
  if (failed === "ENOSPC" || failed === "EDQUOT" || failed === "EFBIG") {
    return fail("Z4J_DOCTOR_DISK_FULL", `no space left in ${directory} (${failed})`, shown);
  }
  if (failed !== null) {
    return fail("Z4J_DOCTOR_BUFFER_UNUSABLE", `cannot write in ${directory} (${failed})`, shown);
  }
  const type = typeOf(directory, facts);
  if (isRemoteMount(type)) {
    return warn("Z4J_DOCTOR_DISK_REMOTE", `${directory} is on ${type}`, shown);
  }
  const wanted = values.bufferMaxBytes ?? 0;
  if (facts.freeBytes !== null && facts.freeBytes < wanted) {
    const detail = `${bytesText(facts.freeBytes)} free in ${directory}, and the buffer may take ` +
      bytesText(wanted);
    return warn("Z4J_DOCTOR_DISK_LOW", detail, shown);
  }
  return null;
}

/** Bytes as people read them. */
export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
