import type { MintedAgent } from "../operator_port.ts";
import { html, type Markup } from "./html.ts";

/** The settings of a new agent, shown this once. */
export function mintedBody(minted: MintedAgent, baseUrl: string, project: string): Markup {
  const lines = [
    `Z4J_BRAIN_URL=${baseUrl}`,
    `Z4J_TOKEN=${minted.token}`,
    `Z4J_HMAC_SECRET=${minted.hmacSecret}`,
    `Z4J_PROJECT_ID=${project}`,
    `Z4J_AGENT_NAME=${quoted(minted.agent.name)}`,
  ];
  return html`
    <section class="card">
      <div
        class="head"><h1 class="grow">Agent ${minted.agent
          .name}</h1><button class="main" type="button" data-copy="settings">Copy</button></div>
      <p
        class="empty"><b>Copy these settings now: they are shown this once</b>Put them into the environment of
    the web or worker process, or into its .env file, and start it. The agent then appears as online.</p>
      <pre id="settings">${lines.join("\n")}</pre>
      <div
        class="more"><span>Anybody with these lines can report as this agent.</span><a href="/#agents">Done</a></div>
    </section>
  `;
}

function quoted(name: string): string {
  return /^[\w.-]+$/.test(name) ? name : JSON.stringify(name);
}
