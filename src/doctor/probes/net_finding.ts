import type { NetFailure, NetReason } from "@z4j/core/diagnostics";
import type { DoctorCode } from "../codes.ts";
import { fail, type Finding } from "../probe.ts";

const CONNECT_CODE: Readonly<Record<NetReason, DoctorCode>> = {
  permission: "Z4J_DOCTOR_PERMISSION_NET",
  not_found: "Z4J_DOCTOR_DNS_NOT_FOUND",
  temporary: "Z4J_DOCTOR_DNS_UNAVAILABLE",
  refused: "Z4J_DOCTOR_TCP_REFUSED",
  timeout: "Z4J_DOCTOR_TCP_TIMEOUT",
  unreachable: "Z4J_DOCTOR_TCP_UNREACHABLE",
  reset: "Z4J_DOCTOR_TCP_UNREACHABLE",
  other: "Z4J_DOCTOR_TCP_UNREACHABLE",
};

/** A connection that could not be made. */
export function connectFailure(where: string, { reason, detail }: NetFailure): Finding {
  return fail(CONNECT_CODE[reason], `${where}: ${detail}`, { facts: { reason } });
}
