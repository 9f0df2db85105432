import { html, type Markup } from "./html.ts";

/** What a whole page needs. */
export interface PageParts {
  readonly title: string;
  readonly project: string;
  readonly body: Markup;
}

const SECTIONS: readonly string[] = [
  "Tasks",
  "Schedules",
  "Workers",
  "Queues",
  "Agents",
  "Commands",
];

/** A page of the project: header with navigation and live indicator, then the body. */
export function layout(parts: PageParts): Markup {
  const liveUrl = `/api/v1/projects/${encodeURIComponent(parts.project)}/live`;
  return shell(
    `${parts.title} · z4j`,
    html`
      <a class="skip" href="#main">Skip to content</a>
      <header class="top">
        <div class="bar">
      <a class="brand" href="/">z4j</a><span class="chip">${parts.project}</span>
      <nav class="nav" aria-label="Sections">${SECTIONS.map((name) =>
        html`<a href="/#${name.toLowerCase()}">${name}</a>`
      )}</nav><span class="grow"></span>
      <button class="live" type="button" data-live="off" data-live-url="${liveUrl}" aria-pressed="false" title="Pause or resume live updates">Connecting</button>
      <form method="post" action="/sign-out"><button type="submit">Sign out</button></form>
        </div>
      </header>
      <main id="main">${parts.body}</main>
    `,
  );
}

/** A document around any body. */
export function shell(title: string, body: Markup): Markup {
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width,initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${title}</title>
        <link rel="icon" href="data:,">
        <link rel="stylesheet" href="/assets/style.css">
        <script src="/assets/client.js" defer></script>
      </head>
      <body>${body}</body>
    </html>
  `;
}

/** A section that the script fetches again when one of its topics changes. */
export function liveSection(url: string, topics: string, content: Markup): Markup {
  return html`<div data-fragment="${url}" data-topics="${topics}">${content}</div>`;
}

/** What an empty section says: the state, and what to do next. */
export function empty(state: string, advice: Markup | string): Markup {
  return html`<p class="empty"><b>${state}</b>${advice}</p>`;
}

/** A table that scrolls inside its card on narrow screens. */
export function table(caption: string, head: Markup, rows: readonly Markup[]): Markup {
  return html`
    <div class="scroll" role="region" aria-label="${caption}" tabindex="0">
      <table>
        <thead>
          <tr>${head}</tr>
        </thead>
        <tbody>${rows}</tbody>
      </table>
    </div>
  `;
}
