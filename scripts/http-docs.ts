// The HTTP reference, generated from the command table and the routes table: docs/openapi.json for programs,
// docs/http.md for people. A test holds the committed files against what is generated here (`npm run docs` writes
// them).

import { silentLogger } from "../src/base/logger.js";
import type { RouteDescription, RouteMethod } from "../src/base/routes.js";
import type { Command } from "../src/control/commands/command.js";
import { COMMANDS } from "../src/control/commands/command-table.js";
import { loginRoutes } from "../src/control/security/login-routes.js";
import { RequestGuard } from "../src/control/security/protection.js";
import { type RouteParts, serverRoutes } from "../src/server/route-table.js";
import { systemClock } from "../src/time/units.js";
import { commandParameters, REPLY_SCHEMA, type Schema } from "./reference-docs.js";

interface DescribedRoute extends RouteDescription {
  readonly method: RouteMethod;
  readonly path: string;
}

const OF_GROUP =
  "in a group, the node that is asked, or `all`: `nodes` with each node's answer, its `node` and `url`, and `unanswered`";

const MERGED = "in a group, the node that is asked, or `all`: one answer of all nodes, with `unanswered`";

/** Throws for a route that has no description. */
export function describedRoutes(): DescribedRoute[] {
  const routes: DescribedRoute[] = [];
  // Nothing of it is asked while routes are only described.
  const recorder = {
    mediaFolders: [],
    catalog: { guard: () => () => {} },
    on: () => {},
  } as unknown as RouteParts["recorder"];
  const parts = {
    recorder,
    pulls: () => [],
    collectors: () => [],
    clock: systemClock,
    stateFolder: "",
    logger: silentLogger,
  };
  const modules = [
    loginRoutes(new RequestGuard({}), false),
    ...serverRoutes({ ...parts, config: () => ({}), addresses: () => ({}) }),
  ];
  for (const module of modules)
    module.routes((method, path, _handler, description) => {
      if (!description) throw new Error(`${method} ${path} has no description`);
      const { query, isOfGroup, merge } = description;
      const asked = isOfGroup ? { ...query, node: merge ? MERGED : OF_GROUP } : query;
      routes.push({ method, path, ...description, ...(asked && { query: asked }) });
    });
  return routes;
}

/** Those that an HTTP request can carry. */
const HTTP_COMMANDS: readonly Command[] = COMMANDS.filter(({ isChannelOnly }) => !isChannelOnly);

const REFUSALS: Schema = {
  "401": { description: "The server wants credentials: Authorization Bearer or Basic" },
  "403": { description: "The Host, the Origin or the site of the request is not allowed" },
};

function commandPath(command: Command): Schema {
  const schema = commandParameters(command);
  const responses = {
    "200": {
      description: "The reply, FAIL included. It ends in CR LF CR LF.",
      content: { "text/plain": { schema: { $ref: "#/components/schemas/reply" } } },
    },
    ...REFUSALS,
  };
  const names = Object.keys(command.parameters);
  return {
    get: {
      operationId: command.name,
      summary: command.description,
      parameters: [
        {
          name: "params",
          in: "query",
          description: `Base64 of "key=value key=value"${names.length > 0 ? `, of ${names.join(", ")}` : ""}`,
          schema: { type: "string", contentEncoding: "base64" },
        },
      ],
      responses,
    },
    post: {
      operationId: `${command.name}Post`,
      summary: command.description,
      requestBody: {
        content: {
          "application/json": { schema },
          "text/plain": { schema: { type: "string", description: "key=value key=value" } },
        },
      },
      responses,
    },
  };
}

/** `/segments/:id` is `/segments/{id}` in OpenAPI, `/media/*` is `/media/{path}`. */
function openPath(path: string): string {
  return path.replace(/:(\w+)/g, "{$1}").replace("*", "{path}");
}

function routeOperation({ summary, answers, path, query = {} }: DescribedRoute): Schema {
  const inPath = [...openPath(path).matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const answered = Object.entries(answers).map(([status, description]) => [status, { description }] as const);
  const parameters: Schema[] = [
    ...inPath.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
    ...Object.entries(query).map(([name, description]) => ({
      ...{ name, in: "query", description },
      schema: { type: "string" },
    })),
  ];
  return {
    summary,
    ...(parameters.length > 0 && { parameters }),
    responses: { ...Object.fromEntries(answered), ...REFUSALS },
  };
}

/** OpenAPI 3.1 of the HTTP listener. */
export function openApi(version: string): string {
  const paths: Record<string, Schema> = {};
  for (const route of describedRoutes()) {
    const path = openPath(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: routeOperation(route) };
  }
  for (const command of HTTP_COMMANDS) paths[`/${command.name}`] = commandPath(command);
  const document = {
    openapi: "3.1.0",
    info: {
      title: "Reel over HTTP",
      version,
      description:
        "Routes and commands. Generated from src/server/route-table.ts and src/control/commands/command-table.ts.",
    },
    servers: [{ url: "http://127.0.0.1:7777" }],
    security: [{}, { bearer: [] }, { basic: [] }],
    paths,
    components: {
      schemas: { reply: REPLY_SCHEMA },
      securitySchemes: { bearer: { type: "http", scheme: "bearer" }, basic: { type: "http", scheme: "basic" } },
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

export function httpMarkdown(): string {
  const routes = describedRoutes().map(({ method, path, summary, answers, query = {} }) => {
    const statuses = Object.entries(answers).map(([status, text]) => `${status}: ${text}`);
    const asked = Object.entries(query).map(([name, text]) => `\`${name}\`: ${text}`);
    const told = [summary, ...(asked.length > 0 ? [`Query: ${asked.join("; ")}.`] : [])].join(" ");
    return `| \`${method} ${path}\` | ${told} | ${statuses.join("; ")} |`;
  });
  const names = HTTP_COMMANDS.map(({ name }) => `[${name}](commands.md#${name.toLowerCase()})`);
  return `# HTTP

<!-- Generated from src/server/route-table.ts and the command table by scripts/http-docs.ts; \`npm run docs\` writes it. -->

One listener (\`listeners.http\`, by default 127.0.0.1:7777) serves commands, routes and the WebSocket channel at \`/ws\`. For programs: [openapi.json](openapi.json);
who is kept out, and by what: [security.md](security.md).

## Commands
\`GET /<command>?params=<base64 of "key=value key=value">\`, or POST with the pairs or with a JSON object of them as the body. A reply has status 200, FAIL included:
\`{"data":…,"description":"…","status":"SUCCESS"|"FAIL"}\`. The last part of the path is the command, so a prefix such as \`/apiproxy/record\` does not matter.

\`\`\`js
const params = Buffer.from("localStreamName=cam1 pathToFile=cam1 type=mp4").toString("base64");
const { status, description } = JSON.parse(await (await fetch(\`http://127.0.0.1:7777/record?params=\${encodeURIComponent(params)}\`)).text());
\`\`\`

${names.join(", ")}. Over WebSocket only: subscribe.

## Routes
| route | tells | answers |
|---|---|---|
${routes.join("\n")}

GET answers HEAD too. Another method is 405 with \`Allow\`. A path that is no route and no command is 404 with a hint at the nearest; 401 asks for credentials, 403 refuses a Host, an Origin or a
site that is not allowed.
`;
}
