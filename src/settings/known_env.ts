import { RULES, SETTING_KEYS } from "./table.ts";

/** Every variable that this agent reads. */
export const AGENT_ENV_NAMES: readonly string[] = Object.freeze(
  SETTING_KEYS.flatMap((key) => {
    const { env, fileEnv } = RULES[key];
    return fileEnv === null ? [env] : [env, fileEnv];
  }),
);

// Read by other z4j agents or by the brain, which often share an environment
// with this one. They mean nothing here and deserve no warning.
const FOREIGN_NAMES: ReadonlySet<string> = new Set([
  "Z4J_ACCEPT_LEGACY_PURGE_TOKEN",
  "Z4J_ADMIN_PROJECT_LIST_CAP",
  "Z4J_AGENT_IP_ALLOWLIST",
  "Z4J_AGENT_LONGPOLL_REDISPATCH_SECONDS",
  "Z4J_AGENT_OFFLINE_TIMEOUT_SECONDS",
  "Z4J_ALEMBIC_INI",
  "Z4J_ALLOWED_HOSTS",
  "Z4J_ALLOW_HTTP_PUBLIC_URL",
  "Z4J_AUTO_MIGRATE",
  "Z4J_BIN",
  "Z4J_BIND_HOST",
  "Z4J_BIND_PORT",
  "Z4J_COMMAND_TIMEOUT_SECONDS",
  "Z4J_DEBUG_HOST_ERRORS",
  "Z4J_ENGINES",
  "Z4J_EVENT_RETENTION_DAYS",
  "Z4J_FIRST_BOOT_ATTEMPTS_PER_IP",
  "Z4J_HEARTBEAT",
  "Z4J_LOG_FORMAT",
  "Z4J_LOG_JSON",
  "Z4J_MAX_PAYLOAD_SIZE_BYTES",
  "Z4J_MAX_WS_FRAME_BYTES",
  "Z4J_ORCHESTRATED", // read by the restart rule, no setting
  "Z4J_PREVIOUS_SECRETS",
  "Z4J_PUBLIC_URL",
  "Z4J_REGISTRY_BACKEND",
  "Z4J_RQ_REDIS_URL",
  "Z4J_SCHEDULERS",
  "Z4J_SECRET",
  "Z4J_SENTRY_DSN",
  "Z4J_SESSION_SECRET",
  "Z4J_TASKS_EXPORT_MAX_ROWS",
  "Z4J_TRUSTED_PROXIES",
  "Z4J_VERSION_CHECK_URL",
  "Z4J_WORKERS",
  "Z4J_WORKER_RETENTION_DAYS",
  "Z4J_WS_MAX_FRAME_BYTES",
]);

const FOREIGN_PREFIXES: readonly string[] = [
  "Z4J_API_",
  "Z4J_ARGON2_",
  "Z4J_AUDIT_",
  "Z4J_BOOTSTRAP_",
  "Z4J_CELERY_",
  "Z4J_DASHBOARD_",
  "Z4J_DATABASE_",
  "Z4J_EMBEDDED_",
  "Z4J_EXPORT_",
  "Z4J_METRICS_",
  "Z4J_MFA_",
  "Z4J_NOTIFICATIONS_",
  "Z4J_OPENAPI_",
  "Z4J_OTEL_",
  "Z4J_PENDING_",
  "Z4J_RELEASE_",
  "Z4J_ROLLBACK_",
  "Z4J_SCHEDULE_",
  "Z4J_SCHEDULER_",
];

/** Tells whether a variable belongs to another part of z4j. */
export function isForeignEnvName(name: string): boolean {
  return FOREIGN_NAMES.has(name) || FOREIGN_PREFIXES.some((prefix) => name.startsWith(prefix));
}
