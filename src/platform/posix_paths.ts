import type { Paths } from "./system_port.ts";

/** Paths with slashes, for a runtime that has no cheap ones. */
export function posixPaths(workingDirectory: () => string): Paths {
  const resolve = (...parts: string[]): string => {
    let path = "";
    for (const part of parts) path = part.startsWith("/") ? part : `${path}/${part}`;
    return normal(parts.some(isAbsolute) ? path : `${workingDirectory()}/${path}`);
  };
  return {
    resolve,
    join(...parts) {
      const path = parts.filter((part) => part !== "").join("/");
      return isAbsolute(path) ? normal(path) : normal(`/${path}`).slice(1) || ".";
    },
    dirname: (path) => path.replace(/\/*[^/]*\/*$/, "") || (isAbsolute(path) ? "/" : "."),
    basename: (path) => /([^/]*)\/*$/.exec(path)?.[1] ?? "",
  };
}

function isAbsolute(path: string): boolean {
  return path.startsWith("/");
}

/** An absolute path without `.`, `..` and doubled slashes. */
function normal(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
