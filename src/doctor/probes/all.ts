import type { Probe } from "../probe.ts";
import { agentsProbe } from "./agents.ts";
import { bufferPathProbe } from "./buffer_path.ts";
import { buffersProbe } from "./buffers.ts";
import { clockProbe } from "./clock.ts";
import { dnsProbe } from "./dns.ts";
import { enginesProbe } from "./engines.ts";
import { handshakeProbe } from "./handshake.ts";
import { homeProbe } from "./home.ts";
import { httpProbe } from "./http.ts";
import { longPollProbe } from "./longpoll.ts";
import { permissionsProbe } from "./permissions.ts";
import { projectProbe } from "./project.ts";
import { proxyProbe } from "./proxy.ts";
import { roundTripProbe } from "./round_trip.ts";
import { secretProbe } from "./secret.ts";
import { settingsProbe } from "./settings.ts";
import { tcpProbe } from "./tcp.ts";
import { tlsProbe } from "./tls.ts";
import { tokenProbe } from "./token.ts";
import { websocketProbe } from "./websocket.ts";

/** Every probe in the order of the report: the five of the original doctor first. */
export const PROBES: readonly Probe[] = [
  bufferPathProbe,
  dnsProbe,
  tcpProbe,
  tlsProbe,
  websocketProbe,
  settingsProbe,
  homeProbe,
  proxyProbe,
  httpProbe,
  tokenProbe,
  clockProbe,
  secretProbe,
  roundTripProbe,
  longPollProbe,
  handshakeProbe,
  projectProbe,
  agentsProbe,
  buffersProbe,
  enginesProbe,
  permissionsProbe,
];
