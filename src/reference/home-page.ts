/** Nothing but its own text: no script, no style, no frame. */
export const homeCsp = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The page at the root. `base` is what its links begin with: empty, or a path that ends in a slash. */
export const homePage = ({ version, base }: { version: string; base: string }): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Fleetwire</title></head>
<body><main><h1>Fleetwire</h1>
<p>The realtime control plane between a fleet of AI agents and the people who run them. This server runs version ${version}.</p>
<ul>
<li><a href="${base}docs">REST API</a> (for programs: <a href="${base}openapi.json">openapi.json</a>)</li>
<li><a href="${base}asyncapi">WebSockets</a> (for programs: <a href="${base}asyncapi.json">asyncapi.json</a>)</li>
<li><a href="${base}health">Health</a> and <a href="${base}ready">readiness</a></li>
</ul>
<p>Agents connect to <code>agent</code>, dashboards to <code>ws</code>, programs to <code>api/v1</code>, each with a token:
<code>fleetwire token --role operator</code> makes one.</p>
</main></body></html>
`
