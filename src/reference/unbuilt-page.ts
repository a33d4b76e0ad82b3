import { pageStyle } from './page-style.ts'

/** The page at the root if the dashboard was not built. `base`, which ends in a slash, prefixes each link. */
export const unbuiltPage = ({ version, base }: { version: string; base: string }): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Fleetwire</title><style>${pageStyle}</style></head>
<body><main><h1>Fleetwire</h1>
<p>The realtime control plane between a fleet of AI agents and the people who run them.</p>
<p class="dim">This server runs version ${version}.</p>
<p><strong>The dashboard is not built.</strong> In the server's folder, run <code>npm ci &amp;&amp; npm run build</code> and restart it.</p>
<h2>Documentation</h2>
<dl>
<dt><a href="${base}docs">REST API</a></dt><dd>What programs call, with a form to try it. For machines: <a href="${base}openapi.json">openapi.json</a></dd>
<dt><a href="${base}asyncapi">WebSockets</a></dt><dd>Every frame of agents and dashboards. For machines: <a href="${base}asyncapi.json">asyncapi.json</a></dd>
<dt><a href="${base}health">Health</a> and <a href="${base}ready">readiness</a></dt><dd>Does the process run, and does it take new work?</dd>
</dl>
<h2>Connect</h2>
<p>Everything requires a token. On the server's machine, in its folder (<code>bin/fleetwire</code> in a clone, <code>npx fleetwire</code> where it is a package):</p>
<pre>fleetwire token --role operator
fleetwire token --role agent --sub build-1</pre>
<dl>
<dt>Agents</dt><dd>a WebSocket to <code>${base}agent</code></dd>
<dt>Dashboards</dt><dd>a WebSocket to <code>${base}ws</code></dd>
<dt>Programs</dt><dd>REST under <code>${base}api/v1</code></dd>
</dl>
</main></body></html>
`
