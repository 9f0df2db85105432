/** Text that is markup already; everything else is escaped. */
export class Markup {
  /** The markup. */
  readonly text: string;

  /** Declares a text to be markup. Never do so with what a job or person wrote. */
  constructor(text: string) {
    this.text = text;
  }

  /** The markup, so that it can be joined to a text. */
  toString(): string {
    return this.text;
  }
}

/** What a template takes: text is escaped, nothing is left out. */
export type Part = Markup | string | number | null | undefined | false | readonly Part[];

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A text with every character escaped that means something in HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}

/** Template tag for markup; values are escaped unless they are `Markup`. Quote attributes. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let text = strings[0] ?? "";
  parts.forEach((part, i) => text += render(part) + (strings[i + 1] ?? ""));
  return new Markup(text);
}

function render(part: Part): string {
  if (part === null || part === undefined || part === false) return "";
  if (part instanceof Markup) return part.text;
  if (typeof part === "string") return escapeHtml(part);
  if (typeof part === "number") return String(part);
  return part.map(render).join("");
}
