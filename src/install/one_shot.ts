/** Tools that load an application's code, do one thing and end. */
export const ONE_SHOT_TOOLS: ReadonlySet<string> = new Set([
  // Type checks, linters, formatters, documentation.
  "tsc",
  "vue-tsc",
  "eslint",
  "prettier",
  "biome",
  "oxlint",
  "typedoc",
  "knip",
  // Bundlers that know nothing but building.
  "esbuild",
  "rollup",
  "rolldown",
  "webpack",
  "webpack-cli",
  "tsup",
  "tsdown",
  "unbuild",
  "parcel",
  "swc",
  "babel",
  // Migrations and database tools.
  "prisma",
  "drizzle-kit",
  "knex",
  "typeorm",
  "sequelize",
  "sequelize-cli",
  "mikro-orm",
  "kysely",
  "kysely-ctl",
  "db-migrate",
  "node-pg-migrate",
  "graphile-migrate",
  "migrate-mongo",
  // Test runners without a mark in the environment.
  "mocha",
  "ava",
  "tap",
  "uvu",
  "cypress",
  "wtr",
]);

/** Tools that build by a word, and serve without it. */
export const BUILD_WORDS: ReadonlyMap<string, readonly string[]> = new Map([
  ["vite", ["build", "optimize"]],
  ["next", ["build", "lint", "export"]],
  ["nuxt", ["build", "generate", "prepare", "typecheck", "analyze"]],
  ["nuxi", ["build", "generate", "prepare", "typecheck", "analyze"]],
  ["astro", ["build", "check", "sync"]],
  ["remix", ["build", "vite:build"]],
  ["react-router", ["build", "typegen"]],
  ["svelte-kit", ["sync"]],
  ["nest", ["build"]],
  ["ng", ["build"]],
  ["storybook", ["build"]],
  ["wrangler", ["deploy", "types"]],
  ["payload", ["migrate", "generate:types"]],
]);

/** Names that projects give to scripts of their own for such work. */
export const ONE_SHOT_SCRIPTS: ReadonlySet<string> = new Set([
  "migrate",
  "migration",
  "migrations",
  "seed",
  "codegen",
  "typecheck",
]);

/** Package scripts (`npm run`, `bun run`) that do one thing and end. */
export const TASK_NAME: RegExp =
  /^(pre|post)?((build|typecheck|check-types|type-check|lint|format|fmt|migrate|migrations?|seed|generate|codegen|install|prepare|publish|prepublishOnly|pack|test)(:.*)?|(db|database|prisma|drizzle|knex|orm):(migrate|migrations?|push|pull|seed|reset|generate|deploy).*)$/;
