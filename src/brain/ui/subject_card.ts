import { visible } from "./format.ts";
import { html, type Markup, type Part } from "./html.ts";

/** What the first card of a page shows. */
export interface SubjectCard {
  readonly name: string;
  readonly engine: string;
  /** What stands at the right of the name. */
  readonly aside: Part;
  /** Labels and values. */
  readonly facts: readonly (readonly [label: string, value: Part])[];
}

/** The first card of the page of a queue or a worker. */
export function subjectCard({ name, engine, aside, facts }: SubjectCard): Markup {
  return html`
    <section class="card">
      <div
        class="head"><div class="grow"><h1>${visible(name)}</h1><span class="soft mono">${visible(
          engine,
        )}</span></div>${aside}</div>
      <dl class="facts">
        ${facts.map(([label, value]) =>
          html`
            <div>
              <dt>${label}</dt>
              <dd>${value}</dd>
            </div>
          `
        )}
      </dl>
    </section>
  `;
}
