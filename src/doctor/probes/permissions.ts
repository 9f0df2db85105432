import { ok, type Probe, skip, warn } from "../probe.ts";
import { permissionLine } from "../permission_line.ts";

/** The flags that the app needs on Deno. */
export const permissionsProbe: Probe = {
  id: "permissions",
  title: "Deno permissions",
  needs: [],
  run(context) {
    if (context.platform.runtime !== "deno") return skip(`${context.platform.runtime} has none`);
    const line = permissionLine(context);
    return context.isGranted({ name: "sys", kind: "hostname" })
      ? ok(line)
      : warn("Z4J_DOCTOR_PERMISSION_SYS", line);
  },
};
