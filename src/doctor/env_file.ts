const LINE = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/;

/**
 * Reads variables from the text of an environment file: `NAME=value`, quotes,
 * `export` and comments as shells and containers have them. Lines that are
 * none of that, also binary ones, are passed over.
 */
export function parseEnvFile(text: string): Readonly<Record<string, string>> {
  const found: [string, string][] = [];
  for (const line of text.replace(/^\uFEFF/, "").split(/\r?\n/)) {
    const match = LINE.exec(line);
    if (match !== null) found.push([match[1] ?? "", valueOf((match[2] ?? "").trim())]);
  }
  return Object.fromEntries(found);
}

function valueOf(text: string): string {
  const [quote = ""] = text;
  if (quote === '"' || quote === "'" || quote === "`") {
    const end = text.indexOf(quote, 1);
    if (end > 0) return quote === '"' ? unescaped(text.slice(1, end)) : text.slice(1, end);
  }
  return text.replace(/\s+#.*$/, "");
}

function unescaped(text: string): string {
  return text.replaceAll("\\n", "\n");
}
