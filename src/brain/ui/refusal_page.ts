import { html } from "./html.ts";
import { shell } from "./layout.ts";

/** What a person sees instead of a page; readable without the style sheet. */
export function refusalPage(status: number, detail: string): string {
  const advice = status === 401
    ? html`<p>Open the one-time sign-in link that the brain printed when it started. For a new link,
start it again, or ask with the API token:</p>
<pre>curl -X POST -H "Authorization: Bearer $TOKEN" ${"<brain>"}/api/v1/sign-in-links</pre>
<p>If you have just signed in, <a href="/">go on to the page</a>.</p>`
    : html`<p><a href="/">Back to the overview</a></p>`;
  return shell(
    `${status} · z4j`,
    html`
      <main class="narrow">
        <div class="card"><h1>${status === 401
          ? "Sign in to this brain"
          : "This did not work"}</h1><p>${detail.charAt(0).toUpperCase() +
          detail.slice(1)}.</p>${advice}</div>
      </main>
    `,
  ).text;
}
