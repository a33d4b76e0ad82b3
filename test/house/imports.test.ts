import { posix } from 'node:path'
import t from 'tap'
import { circles, type Graph, grouped } from './circles.ts'
import { read, sources } from './repository.ts'

/** What any part of the domain may import: the protocol, faults, the clock, and the interface of the log. */
const common = [
  ...['@fleetwire/protocol', 'src/clock.ts', 'src/deadlines.ts', 'src/value-flaw.ts', 'src/turn-pace.ts'],
  ...['src/errors.ts', 'src/ids.ts', 'src/logger.ts', 'src/caller.ts', 'src/outcome.ts', 'src/listeners.ts'],
  ...['src/short-text.ts', 'src/is-object.ts', 'src/subject-digest.ts'],
  ...[
    'src/log/event-log.ts',
    'src/log/draft.ts',
    'src/log/audit.ts',
    'src/log/caught-up.ts',
    'src/log/change-record.ts',
    'src/log/each-record.ts',
    'src/log/live-records.ts',
    'src/log/cursor.ts',
    'node:',
  ],
]
/** Development dependencies: the published package contains the built pages. */
const dashboardLibraries = [
  ...[
    'react',
    'react-dom',
    '@base-ui/react',
    '@tanstack/',
    '@xterm/',
    'lucide-react',
    '@fontsource-variable/',
    'uplot',
  ],
  ...[
    'react-markdown',
    'remark-gfm',
    'remend',
    'lowlight',
    'highlight.js/lib/languages/',
    'zustand',
    'vite',
    '@vitejs/',
    '@tailwindcss/',
    'node:url',
  ],
]
const principal = ['src/auth/principal.ts', 'src/auth/permissions.ts', 'src/auth/user-key.ts']

/**
 * Who may import what. The first area that contains a file applies. An entry is a folder (`src/log/`), a file, or a
 * prefix of a package name.
 */
const layers: [area: string, may: string[]][] = [
  // The client imports the protocol by its package name. Code for browsers must not import node: modules.
  // The generator runs only when the package is built.
  ['packages/protocol/src/generate/', ['packages/protocol/src/', '@sinclair/typebox', 'node:']],
  ['packages/protocol/src/', ['packages/protocol/src/', '@sinclair/typebox', '#schemas']],
  ['packages/client/src/examples/', ['@fleetwire/client']],
  ['packages/client/src/node/', ['packages/client/src/', '@fleetwire/protocol', 'node:', 'ws']],
  ['packages/client/src/', ['packages/client/src/', '@fleetwire/protocol']],
  ['packages/react/src/examples/', ['@fleetwire/', 'react', 'react-dom']],
  ['packages/react/src/', ['packages/react/src/', '@fleetwire/protocol', '@fleetwire/client', 'react']],
  // The dashboard gets its data through the public hooks: it has no private channel to the server.
  ['dashboard/', ['dashboard/', '@fleetwire/', ...dashboardLibraries]],

  // The domain: each area may import the common modules, and the neighbours listed here.
  ['src/log/', ['src/log/', ...common, '@photostructure/sqlite']],
  // Clusters. The bus and the log on a commit stream depend neither on the rest of the cluster nor on NATS.
  ['src/cluster/bus/', ['src/cluster/bus/', ...common]],
  ['src/cluster/log/', ['src/cluster/log/', ...common, 'src/log/']],
  // What gateways forward to the active node: requests and agents; and the terminals that it relays to them.
  [
    'src/cluster/forwarding/',
    ['src/cluster/forwarding/', 'src/cluster/cluster-node.ts', ...common, 'src/log/', 'undici'],
  ],
  [
    'src/cluster/agents/',
    [
      ...['src/cluster/agents/', 'src/cluster/bus/', 'src/cluster/cluster-node.ts'],
      ...[...common, 'src/agents/agent-connection.ts'],
    ],
  ],
  [
    'src/cluster/terminals/',
    [
      ...['src/cluster/terminals/', 'src/cluster/bus/', 'src/cluster/cluster-node.ts'],
      ...[...common, 'src/terminals/'],
    ],
  ],
  // The implementations of these interfaces on NATS.
  ['src/cluster/nats/', ['src/cluster/', ...common, 'src/log/', 'src/nats-url.ts', '@nats-io/']],
  // The node: election of the active node, and readiness.
  [
    'src/cluster/',
    [
      'src/cluster/node-',
      'src/cluster/beats.ts',
      'src/cluster/cluster-node.ts',
      'src/cluster/bus/',
      'src/cluster/log/',
      'src/cluster/forwarding/',
      ...common,
      'src/log/',
    ],
  ],
  ['src/commands/', ['src/commands/', ...common]],
  ['src/agents/', ['src/agents/', ...common, 'src/commands/', 'src/interactions/', 'src/sessions/', 'src/tasks/']],
  ['src/auth/', ['src/auth/', ...common, 'src/config.ts', 'src/environment.ts', '@sinclair/typebox', 'jose']],
  ['src/frames/', ['src/frames/', ...common]],
  ['src/connections/', ['src/connections/', ...common, ...principal, 'src/frames/', 'ws']],
  ['src/broadcast/', ['src/broadcast/', ...common, ...principal, 'src/frames/', 'src/connections/flush-scheduler.ts']],
  ['src/terminals/', ['src/terminals/', ...common, ...principal, 'src/commands/command-types.ts', '@xterm/']],
  // Reads the counters of other areas.
  ['src/metrics/', ['src/metrics/', 'src/commands/command-census.ts']],
  ['src/summaries/', ['src/summaries/', ...common, 'src/terminals/plain-text.ts']],
  ['src/tasks/', ['src/tasks/', ...common, 'csv-stringify']],
  ['src/sessions/', ['src/sessions/', ...common]],
  ['src/interactions/', ['src/interactions/', ...common, ...principal, 'src/commands/']],
  [
    'src/webhooks/',
    ['src/webhooks/', ...common, ...principal, 'src/broadcast/subscription-index.ts', 'src/address-policy.ts'],
  ],
  // Builds AG-UI runs from the state of other areas.
  [
    'src/ag-ui/',
    [
      ...['src/ag-ui/', ...common, 'src/auth/user-key.ts', 'src/broadcast/subscriber.ts', 'src/frames/'],
      ...['src/commands/', 'src/interactions/', 'src/sessions/'],
    ],
  ],
  ['src/events/', ['src/events/', ...common, ...principal]],

  // Documents generated from the schemas: they depend on the protocol only.
  ['src/reference/', ['src/reference/', '@fleetwire/protocol', '@sinclair/typebox', 'src/shared-schemas.ts', 'node:']],

  // Serves the pages built beforehand, and the parts of them that depend on the request.
  ['src/dashboard/', ['src/dashboard/', 'node:']],

  // The edges.
  ['src/exec/', ['src/exec/', ...common, '@fleetwire/', '@lydell/node-pty']],
  // Works on screens as text; it has no access to terminals.
  ['src/wrap/judge/', ['src/wrap/judge/', ...common, '@sinclair/typebox']],
  // An agent that uses the public interface. It applies patches with the server's code.
  [
    'src/ag-ui-client/',
    [
      ...[
        'src/ag-ui-client/',
        'src/clock.ts',
        'src/is-object.ts',
        'src/sessions/json-patch.ts',
        'src/sessions/patch-state.ts',
      ],
      ...['@fleetwire/', '@ag-ui/client', 'node:'],
    ],
  ],
  // Runs one program on its own terminal, as an agent. Its screen is rendered here too.
  [
    'src/wrap/',
    [
      'src/wrap/',
      ...common,
      'src/exec/',
      'src/report/',
      'src/terminals/screen-answers.ts',
      '@fleetwire/client',
      '@xterm/headless',
    ],
  ],
  // Only `peer.ts` needs the library at run time; the other files import its types.
  [
    'src/acp/',
    [
      'src/acp/',
      'src/exec/',
      'src/clock.ts',
      'src/is-object.ts',
      'src/subject-digest.ts',
      '@fleetwire/protocol',
      '@fleetwire/client',
      '@agentclientprotocol/sdk',
      'node:',
    ],
  ],
  // The program's end of the socket is loaded for every hook, so it imports little besides node: modules.
  ['src/report/report-client.ts', ['node:', '@fleetwire/protocol']],
  ['src/report/', ['src/report/', ...common, '@fleetwire/client', 'src/connections/rate-limit.ts']],
  // A client of the public interface like any other; only its processes and its command import it.
  ['src/demo/', ['src/demo/', 'src/exec/', 'src/clock.ts', '@fleetwire/', 'node:']],
  // A client of the public interface, or a caller inside this server. Its process loads it on demand.
  [
    'src/mcp/',
    [
      ...['src/mcp/', ...common, 'src/version.ts', 'src/broadcast/subscriber.ts', 'src/terminals/plain-text.ts'],
      ...['@fleetwire/', '@modelcontextprotocol/server', '@sinclair/typebox'],
    ],
  ],
  // Manages several processes on one machine: other programs, and nodes seen through their public interface.
  [
    'src/processes/',
    ['src/processes/', 'src/clock.ts', 'src/raw-answer.ts', 'src/rest-error.ts', '@fleetwire/protocol', 'node:'],
  ],
  ['src/cli/', ['src/', '@fleetwire/', 'node:', 'commander', '@lukeed/ms', 'fast-jwt']],
  // Wires the domain: it may import all of it, and nothing outside it.
  [
    'src/fleet.ts',
    [
      ...['src/agents/', 'src/commands/', 'src/interactions/', 'src/sessions/', 'src/tasks/', 'src/webhooks/'],
      ...[...common, 'src/log/scoped-log.ts'],
    ],
  ],
  ['src/app.ts', ['src/', 'plugins/', 'routes/', '@fleetwire/protocol', 'fastify', 'fastify-plugin', 'pino', 'node:']],
  ['src/index.ts', ['src/', 'fastify', 'fastify-plugin']],
  [
    'src/server.ts',
    [
      'src/app.ts',
      'src/clock.ts',
      'src/config.ts',
      'src/open-log.ts',
      'src/stop-signals.ts',
      'src/version.ts',
      'src/waiting-room.ts',
      'fastify',
      'close-with-grace',
      'pino',
      'pino-pretty',
      'node:',
    ],
  ],
  [
    'src/open-log.ts',
    [
      'src/clock.ts',
      'src/config.ts',
      'src/log/sqlite-client.ts',
      'src/log/sqlite-opening.ts',
      'src/log/sqlite-retention.ts',
    ],
  ],
  [
    'src/config.ts',
    [
      ...['src/config-schema.ts', 'src/environment.ts', 'src/errors.ts', 'src/generated/', 'src/trust-proxy.ts'],
      ...['src/address-policy.ts', 'src/nats-url.ts'],
    ],
  ],
  ['src/nats-url.ts', []],
  ['src/address-policy.ts', ['ipaddr.js', 'node:']],
  ['src/config-schema.ts', ['@sinclair/typebox']],
  ['src/request-log.ts', ['fastify']],
  ['src/waiting-room.ts', ['src/clock.ts', 'src/rest-error.ts', '@fleetwire/protocol', 'node:']],
  ['src/process-log.ts', ['src/redact.ts', 'pino']],
  [
    'src/*',
    [
      'src/clock.ts',
      'src/errors.ts',
      'src/is-object.ts',
      '@fleetwire/protocol',
      '@fastify/error',
      '@sinclair/typebox',
      'pino',
      'ulid',
      'node:',
    ],
  ],
  ['plugins/', ['src/', '@fleetwire/protocol', 'fastify', 'fastify-plugin', '@fastify/', 'prom-client', 'ws', 'node:']],
  [
    'routes/',
    [
      'routes/',
      'src/',
      '@fleetwire/protocol',
      'fastify-plugin',
      'fastify',
      '@fastify/type-provider-typebox',
      '@fastify/helmet',
      'ws',
      '@sinclair/typebox',
      'node:',
    ],
  ],
  ['bench/', ['']],
  // The gallery is served like the dashboard.
  ['scripts/gallery.ts', ['src/app.ts', 'vite', 'node:']],
  [
    'scripts/',
    ['scripts/', 'src/reference/', 'src/config-schema.ts', 'ajv', 'playwright-core', 'tap', 'vite', 'node:'],
  ],
  ['examples/', ['']],
]

/** Imports that only these files may use, whatever their layer allows. */
const owners: [imported: string, by: string[]][] = [
  ['ipaddr.js', ['src/address-policy.ts']],
  [
    'fastify',
    ['src/app.ts', 'src/index.ts', 'src/server.ts', 'src/request-log.ts', 'plugins/', 'routes/', 'bench/', 'examples/'],
  ],
  [
    'ws',
    ['src/connections/ws-', 'plugins/websocket.ts', 'routes/ws/', 'packages/client/src/node/', 'bench/', 'examples/'],
  ],
  ['prom-client', ['plugins/metrics.ts']],
  ['node:sqlite', ['src/log/sqlite-', 'bench/']],
  ['@photostructure/sqlite', ['src/log/sqlite-', 'bench/']],
  ['@nats-io/', ['src/cluster/nats/']],
  ['plugins/', ['src/app.ts']],
  ['routes/', ['src/app.ts', 'routes/']],
  ['src/app.ts', ['src/index.ts', 'src/server.ts', 'src/cli/', 'bench/', 'scripts/gallery.ts', 'examples/']],
  ['src/server.ts', ['src/index.ts', 'src/cli/']],
  ['src/cli/', ['src/cli/']],
  [
    '@fleetwire/client',
    [
      ...['packages/client/src/examples/', 'packages/react/', 'dashboard/', 'src/exec/', 'src/demo/', 'src/cli/'],
      ...[
        'src/ag-ui-client/',
        'src/acp/',
        'src/wrap/',
        'src/report/',
        'src/mcp/remote-fleet.ts',
        'bench/',
        'examples/',
      ],
    ],
  ],
  ['@modelcontextprotocol/', ['src/mcp/']],
]

/** `src/log/`, `@fastify/`, `node:` and `src/log/sqlite-` are prefixes; `fastify` matches itself and `fastify/types`. */
const isUnder = (path: string, place: string) =>
  /(^|[/:-])$/.test(place) ? path.startsWith(place) : path === place || path.startsWith(`${place}/`)

/** `src/*` matches the files directly in `src/`. */
const isIn = (file: string, area: string) =>
  area.endsWith('*')
    ? file.startsWith(area.slice(0, -1)) && !file.slice(area.length - 1).includes('/')
    : isUnder(file, area)

/** Why a file may not import something; undefined when it may. */
function refusal(file: string, imported: string): string | undefined {
  const layer = layers.find(([area]) => isIn(file, area))
  if (layer === undefined) return `${file} stands in no layer: say in test/house/imports.test.ts what it may import`
  const [area, may] = layer
  const owner = owners.find(([place]) => isUnder(imported, place))
  if (owner !== undefined && !owner[1].some(place => isUnder(file, place))) {
    return `${file} imports ${imported}; only ${owner[1].join(', ')} may`
  }
  return may.some(place => isUnder(imported, place)) ? undefined : `${file} imports ${imported}; ${area} may not`
}

const statement = /^\s*(?:import|export)\s+(?:type\s+)?(?:[\w$*{},\s]+?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm

function importsOf(file: string): string[] {
  return [...read(file).matchAll(statement)].map(([, named, dynamic]) => {
    const specifier = named ?? dynamic ?? ''
    return specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : specifier
  })
}

t.test('no file imports anything that its layer must not import', async t => {
  const imports = sources.flatMap(file => importsOf(file).map(imported => [file, imported] as const))
  t.ok(imports.length > 300, `${imports.length} imports of ${sources.length} files were checked`)
  t.same(
    imports.map(([file, imported]) => refusal(file, imported)).filter(why => why !== undefined),
    [],
  )
})

/** Type imports count as well: a part that cannot be understood without another one is not independent. */
const graph: Graph = new Map(
  sources.map(file => [file, new Set(importsOf(file).filter(imported => sources.includes(imported)))]),
)

/** `src/log/` for any file under it. A file directly in `src/`, or outside it, forms its own group. */
const folderOf = (file: string): string => /^src\/[^/]+\//.exec(file)?.[0] ?? file

t.test('there are no import cycles between folders of src', async t => {
  t.same(circles(grouped(graph, folderOf)), [])
})

t.test('there are no import cycles between files', async t => {
  t.same(circles(graph), [])
})

t.test('the check finds cycles', async t => {
  const edges: [string, string[]][] = [
    ['src/a/1', ['src/b/1']],
    ['src/b/1', ['src/c/1', 'src/c/2']],
    ['src/c/1', ['src/c/2']],
    ['src/c/2', ['src/a/2']],
    ['src/a/2', ['src/d/1']],
    ['src/d/1', ['src/d/2']],
    ['src/d/2', ['src/d/1']],
  ]
  const graph = new Map(edges.map(([file, imports]) => [file, new Set(imports)]))
  t.same(circles(grouped(graph, folderOf)), [['src/a/', 'src/b/', 'src/c/']])
  t.same(circles(graph), [['src/d/1', 'src/d/2']])
})

t.test('the table allows and refuses the expected imports', async t => {
  const table: [file: string, imported: string, may: boolean][] = [
    ['src/agents/agent-session.ts', 'src/commands/dispatcher.ts', true],
    ['src/agents/agent-session.ts', 'fastify', false],
    ['src/agents/agent-session.ts', 'plugins/auth.ts', false],
    ['src/agents/agent-session.ts', 'src/log/sqlite-log.ts', false],
    ['src/commands/dispatcher.ts', 'src/commands/agent-directory.ts', true],
    ['src/commands/dispatcher.ts', 'src/agents/agent-registry.ts', false],
    ['src/frames/frame-encoder.ts', 'src/connections/connection.ts', false],
    ['src/connections/connection.ts', 'ws', false],
    ['src/connections/ws-socket.ts', 'ws', true],
    ['src/log/entries.ts', 'node:sqlite', false],
    ['src/cluster/log/commit-writer.ts', '@nats-io/jetstream', false],
    ['src/cluster/nats/nats-commit-stream.ts', '@nats-io/jetstream', true],
    ['src/log/sqlite-driver.ts', 'node:sqlite', true],
    ['plugins/cors.ts', 'plugins/auth.ts', false],
    ['plugins/cors.ts', '@fastify/cors', true],
    ['routes/health.ts', 'routes/api/v1/index.ts', true],
    ['routes/health.ts', 'plugins/auth.ts', false],
    ['routes/health.ts', 'src/app.ts', false],
    ['packages/protocol/src/topic.ts', 'node:fs', false],
    ['packages/protocol/src/topic.ts', 'src/clock.ts', false],
    ['packages/client/src/index.ts', '@fleetwire/protocol', true],
    ['packages/client/src/index.ts', 'packages/protocol/src/topic.ts', false],
    ['packages/client/src/index.ts', 'ws', false],
    ['packages/client/src/node/index.ts', 'ws', true],
    ['src/nobody/knows.ts', 'src/clock.ts', false],
  ]
  for (const [file, imported, may] of table) {
    t.equal(refusal(file, imported) === undefined, may, `${file} ${may ? 'may' : 'may not'} import ${imported}`)
  }
})
