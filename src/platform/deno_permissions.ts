/** What the library asks permission for. */
export type PermissionQuery =
  | { readonly name: "env"; readonly variable?: string }
  | { readonly name: "sys"; readonly kind: "hostname" | "homedir" | "uid" | "statfs" }
  | { readonly name: "read" | "write"; readonly path: string }
  | { readonly name: "net"; readonly host: string };

/** Tells whether something is allowed without asking anybody. */
export type IsGranted = (query: PermissionQuery) => boolean;

interface PermissionsLike {
  querySync(query: PermissionQuery): { readonly state: string };
}

/**
 * The permission check of this runtime: Deno's own, or always yes.
 *
 * Deno asks at the terminal for what was not granted. A library must not make
 * its host stop and ask, so it looks first and goes without.
 */
export function permissionCheck(globals: object = globalThis): IsGranted {
  const permissions = denoPermissions(globals);
  if (permissions === null) return () => true;
  return (query) => {
    try {
      return permissions.querySync(query).state === "granted";
    } catch {
      return false;
    }
  };
}

function denoPermissions(globals: object): PermissionsLike | null {
  const deno: unknown = Reflect.get(globals, "Deno");
  if (typeof deno !== "object" || deno === null) return null;
  const permissions: unknown = Reflect.get(deno, "permissions");
  if (typeof permissions !== "object" || permissions === null) return null;
  return "querySync" in permissions ? permissions as PermissionsLike : null;
}
