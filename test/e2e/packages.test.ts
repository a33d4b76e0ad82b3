import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { adminToken, program } from '../helpers/processes.ts'
import { inFull, size } from '../helpers/sizes.ts'
import { until } from '../helpers/until.ts'
import { blocks, read, root } from '../house/repository.ts'

const here = fileURLToPath(root)
const packages = ['.', 'packages/protocol', 'packages/client', 'packages/react']
/** What a page with React installs beside the packages, in the versions of this repository. */
const pageLibraries = ['react', 'react-dom', '@types/react', '@types/react-dom']

interface Packed {
  name: string
  filename: string
  files: { path: string }[]
}
interface Manifest {
  name: string
  version: string
  exports: Record<string, string | { types: string; default: string }>
}

/** Without its notice about a newer npm. */
const quiet = { npm_config_update_notifier: 'false' }

/** npm as a user runs it: without what a test runner or an outer npm adds to the environment. */
const npm = (t: Test, args: string[], cwd: string) =>
  program(t, 'npm', args, { HOME: process.env.HOME ?? cwd, ...quiet }, cwd).ended

/** Error codes without a network, when npm's cache lacks the packages. */
const offline = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTCACHED|ENETUNREACH/

/** How npm selects the files of a package: with npm's own copy of npm-packlist, without compressing anything. */
const npmItself = realpathSync(execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim())
const packlist = createRequire(npmItself)('npm-packlist') as (tree: object) => Promise<string[]>

/** Without installing, dependencies come from this repository: a missing declaration goes unnoticed. */
const INSTALLS = size('PACKAGES_INSTALLED', { quick: 0, full: 1 }) > 0

/** Not a symbolic link: Node would resolve imports from the real location of the file. */
function put(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch {
    // On another file system.
    copyFileSync(from, to)
  }
}

/** Puts what npm would pack where npm would install it, beside all dependencies of this repository. */
async function place(folder: string): Promise<Packed[]> {
  const modules = join(folder, 'node_modules')
  const shared = (path: string) => {
    mkdirSync(join(modules, path), { recursive: true })
    for (const name of readdirSync(join(here, 'node_modules', path))) {
      const [from, to] = [join(here, 'node_modules', path, name), join(modules, path, name)]
      if (name === '@fleetwire' || name.startsWith('.')) continue
      if (name.startsWith('@')) shared(name)
      else symlinkSync(from, to)
    }
  }
  shared('.')
  const placed: Packed[] = []
  for (const path of packages) {
    const [from, manifest] = [join(here, path), JSON.parse(read(`${path}/package.json`)) as Manifest]
    const into = join(modules, manifest.name)
    // As npm calls it, but without the dependencies that it would bundle.
    const tree = { path: from, package: manifest, isProjectRoot: true, edgesOut: new Map() }
    const files = await packlist(tree)
    for (const file of files) {
      mkdirSync(dirname(join(into, file)), { recursive: true })
      put(join(from, file), join(into, file))
    }
    placed.push({ name: manifest.name, filename: '', files: files.map(path => ({ path })) })
  }
  const bin = join(modules, '.bin')
  mkdirSync(bin)
  symlinkSync('../fleetwire/dist/src/cli/main.js', join(bin, 'fleetwire'))
  // Its own copy instead of a hard link, because npm makes it executable.
  const main = join(modules, 'fleetwire/dist/src/cli/main.js')
  rmSync(main)
  copyFileSync(join(here, 'dist/src/cli/main.js'), main)
  chmodSync(main, 0o755)
  return placed
}

async function pack(t: Test, folder: string): Promise<Packed[]> {
  const flags = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
  const { code, stdout, stderr } = await npm(t, [...flags, ...packages.map(path => `./${path}`)], here)
  t.equal(code, 0, 'npm packed them', { stderr })
  return JSON.parse(stdout) as Packed[]
}

/** Installs as a user does; false where no registry can be reached. */
async function install(t: Test, packed: readonly Packed[], folder: string): Promise<boolean> {
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts']
  const versions = pageLibraries.map(name => {
    const { version } = JSON.parse(read(`node_modules/${name}/package.json`)) as Manifest
    return `${name}@${version}`
  })
  const archives = packed.map(({ filename }) => `./${filename}`)
  const installed = await npm(t, ['install', ...flags, ...archives, ...versions], folder)
  if (installed.code !== 0 && offline.test(installed.stderr) && process.env.CI !== 'true') {
    t.comment('npm reaches no registry, so the packages were not installed')
    return false
  }
  t.equal(installed.code, 0, 'npm installed them', { stderr: installed.stderr })
  return true
}

// npm and the compiler are slow on a busy machine.
t.setTimeout(600_000)
t.test('the packages work alone, installed in an empty folder', async t => {
  // Not inside this repository, whose node_modules would be found from there.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'fleetwire-packed-')))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const packed = await (INSTALLS ? pack(t, folder) : place(folder))
  const manifests = new Map(
    packages.map((path, i) => [packed[i]!, JSON.parse(read(`${path}/package.json`)) as Manifest]),
  )

  t.test('each package contains what it needs and nothing else', async t => {
    for (const [{ name, files }, { exports }] of manifests) {
      const paths = files.map(({ path }) => path)
      for (const file of ['README.md', 'LICENSE', 'package.json']) t.ok(paths.includes(file), `${name}: ${file}`)
      t.same(
        // The demo's project has tests that its agents run.
        paths.filter(path => /^(?!examples\/).*(\.test\.|(^|\/)(testing|samples)\/|tsbuildinfo)/.test(path)),
        [],
        `${name}: no tests`,
      )
      for (const target of Object.values(exports).flatMap(entry =>
        typeof entry === 'string' ? entry : Object.values(entry),
      ))
        t.ok(paths.includes(target.slice(2)), `${name}: ${target}`)
    }
    const pages = packed[0]!.files.map(({ path }) => path).filter(path => path.startsWith('dist/dashboard/'))
    for (const file of ['index.html', 'LICENSES.md']) t.ok(pages.includes(`dist/dashboard/${file}`), file)
    const assets = [...read('dist/dashboard/index.html').matchAll(/"\.\/(assets\/[^"]+)"/g)].map(([, path]) => path!)
    t.ok(assets.length > 1)
    for (const asset of assets) t.ok(pages.includes(`dist/dashboard/${asset}`), asset)
  })

  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  if (INSTALLS && !(await install(t, packed, folder))) return
  const write = (name: string, code: string) => writeFileSync(join(folder, name), code)
  const snippets = {
    'embed.ts': blocks(read('README.md'), 'ts').find(code => code.includes('fleetwire, {'))!,
    'embedding.ts': blocks(read('docs/embedding.md'), 'ts')[0]!,
    'sdk.ts': blocks(read('README.md'), 'ts').find(code => code.includes('DashboardClient'))!,
    'dashboard.ts': blocks(read('packages/client/README.md'), 'ts')[0]!,
    'agent.ts': blocks(read('packages/client/README.md'), 'ts')[1]!,
    'page.tsx': blocks(read('packages/react/README.md'), 'tsx')[0]!,
    'protocol.ts': blocks(read('packages/protocol/README.md'), 'ts')[0]!,
  }

  t.test('their types resolve and do not collide with those of a host', async t => {
    for (const [name, code] of Object.entries(snippets))
      write(name, code.replace('process.env.FLEETWIRE_TOKEN }', "'' }"))
    write(
      'host.ts',
      `import Fastify from 'fastify'
import fleetwire, { buildApp, type Config, type EventLog, type FleetwireOptions, type FleetwireServices, type HostUser } from 'fleetwire'
import { DashboardClient } from '@fleetwire/client'
declare module 'fastify' {
  interface FastifyInstance { config: { of: 'the host' } }
}
const app = Fastify()
await app.register(fleetwire)
const services: FleetwireServices = app
const log: EventLog = app.eventLog
const config: Partial<Config> = { PORT: 1 }
const user: HostUser = { sub: 'ann', role: 'viewer', scopes: ['read'] }
const options: FleetwireOptions = { decorator: 'fleet', authenticate: ({ headers }) => (headers.cookie ? user : null) }
export { buildApp, options, config, DashboardClient, log, services }
export const own: 'the host' = app.config.of
// @ts-expect-error: a host has none of the decorators behind the plugin
export const hidden = app.flusher
`,
    )
    const options = [
      '--noEmit',
      // With several threads, each checks what all of them use.
      '--singleThreaded',
      '--strict',
      '--jsx',
      'react-jsx',
      '--module',
      'node16',
      '--skipLibCheck',
      'false',
      '--types',
      'node',
    ]
    const types = ['--typeRoots', join(here, 'node_modules/@types')]
    const tsc = join(here, 'node_modules/.bin/tsc')
    const sources = [...Object.keys(snippets), 'host.ts']
    const { code, stdout } = await program(t, tsc, [...options, ...types, ...sources], {}, folder).ended
    t.equal(code, 0, stdout)
  })

  t.test('the command line lists its commands and prints its version', async t => {
    const bin = join(folder, 'node_modules/.bin/fleetwire')
    const [file, ...first] = INSTALLS ? ['npx', 'fleetwire'] : [bin]
    const help = program(t, file!, [...first, '--help'], quiet, folder)
    t.match(await help.ended, { code: 0, stdout: /^Usage: fleetwire .*\bserve\b/s, stderr: '' })
    const { version } = JSON.parse(read('package.json')) as Manifest
    t.match(await program(t, bin, ['--version'], {}, folder).ended, { code: 0, stdout: `${version}\n`, stderr: '' })
  })

  t.test('a server with its local agent runs a command from the command line and from the SDK', async t => {
    const fleetwire = (args: string[], env = {}) =>
      program(t, join(folder, 'node_modules/.bin/fleetwire'), args, { SHELL: '/bin/sh', ...env }, folder)
    const server = fleetwire(['serve', '--local-agent', '--port', '0'])
    const [, url = ''] = await server.printed(/listens at (\S+)/)
    await server.printed(/agent "local" is connected/)
    t.match(server.output(), 'npx fleetwire send local')
    const env = { FLEETWIRE_URL: url, FLEETWIRE_TOKEN: await adminToken(server) }
    const sent = await fleetwire(['send', 'local', '--wait', 'echo from $0 && exit 3'], env).ended
    t.match(sent, { code: 3, stdout: /^from \/bin\/sh\r?\n$/ })
    write(
      'sdk.mjs',
      `${snippets['sdk.ts'].replace('http://127.0.0.1:3000', url)}\nconsole.log('accepted:', submitted.ok)\n`,
    )
    const sdk = program(t, process.execPath, ['sdk.mjs'], env, folder)
    await Promise.all([sdk.printed(/^1 agents$/m), sdk.printed(/^accepted: true$/m)])
    server.child.kill('SIGTERM')
    t.match(await server.ended, { code: 0, signal: null })
  })

  t.test('the demo runs, with the project that its agents work on', inFull, async t => {
    const temp = join(folder, 'temp')
    mkdirSync(temp)
    const demo = program(
      t,
      join(folder, 'node_modules/.bin/fleetwire'),
      ['demo', '--port', '0'],
      { TMPDIR: temp },
      folder,
    )
    const [, settings = ''] = await demo.printed(/^ {2}export (FLEETWIRE_URL=\S+ FLEETWIRE_DATA_DIR=\S+)$/m)
    t.match(demo.output(), /^ {2}npx fleetwire ps$/m)
    const env = Object.fromEntries(settings.split(' ').map(pair => pair.split('=')))
    const send = ['send', 'test-runner', '--wait', 'node test.js roman']
    const fleetwire = (args: string[]) => program(t, join(folder, 'node_modules/.bin/fleetwire'), args, env, folder)
    await until(async () => /test-runner +online/.test((await fleetwire(['ps']).ended).stdout))
    t.match(await fleetwire(send).ended, {
      code: 0,
      stdout: /4 passed/,
    })
    demo.child.kill('SIGTERM')
    t.match(await demo.ended, { code: 0, signal: null, stderr: '' })
    t.same(readdirSync(temp), [])
  })

  // The same from this repository: docs-programs.test.ts.
  t.test('an app embeds the server as README.md says', inFull, async t => {
    write('embed.mjs', `${snippets['embed.ts'].replace('8080', '0')}\nconsole.log('at', app.listeningOrigin)\n`)
    const app = program(t, process.execPath, ['embed.mjs'], {}, folder)
    const [, token = '', url = ''] = await app.printed(/^(\S+)\nat (\S+)$/m)
    t.equal((await fetch(`${url}/fleet/ready`)).status, 200)
    const agents = await fetch(`${url}/fleet/api/v1/agents`, { headers: { authorization: `Bearer ${token}` } })
    t.same(await agents.json(), { items: [], nextCursor: null })
  })

  t.test('hooks render on a server too, without a connection', async t => {
    write(
      'render.mjs',
      `import { DashboardClient } from '@fleetwire/client/node'
import { FleetwireProvider, useAgentIds } from '@fleetwire/react'
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
const client = new DashboardClient({ url: 'http://127.0.0.1:9', token: 'T' })
const Fleet = () => useAgentIds().status
console.log(renderToString(createElement(FleetwireProvider, { client }, createElement(Fleet))))
`,
    )
    t.match(await program(t, process.execPath, ['render.mjs'], {}, folder).ended, { code: 0, stdout: 'loading\n' })
  })

  t.test('the protocol package decodes frames as its README says', async t => {
    write('protocol.mjs', snippets['protocol.ts'])
    const { stdout } = await program(t, process.execPath, ['protocol.mjs'], {}, folder).ended
    t.equal(stdout, 'heartbeat\ninvalid_frame payload.timestamp: is required\ntrue resume\n')
    t.match(readFileSync(join(folder, 'node_modules/@fleetwire/protocol/SPEC.md'), 'utf8'), '**FR1**')
  })
})
