import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib'
import Fastify from 'fastify'
import { type Test, test } from 'tap'
import { builtDashboard } from '../../src/dashboard/dashboard-build.ts'
import fleetwire from '../../src/index.ts'
import { SECRET, startApp } from '../helpers/build.ts'
import { inSharedThread } from '../helpers/log-thread.ts'
import { request, sendBytes } from '../helpers/raw.ts'

const PAGES = [
  ...['/', '/needs-you', '/agents', '/agents/a1', '/agents/', '/tasks', '/tasks/t1', '/commands', '/commands/cmd_1'],
  ...['/system', '/system/tokens', '/login', '/?theme=dark', '/agents/a1?tab=terminal'],
]
const POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'"],
  ...["connect-src 'self'", "require-trusted-types-for 'script'", "base-uri 'self'", "form-action 'none'"],
  "frame-ancestors 'none'",
].join(';')

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'fleetwire-dashboard-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A build of two files, one of them compressed; with `gallery` like a development build. */
function buildOf(t: Test, { gallery = false } = {}): string {
  const folder = folderOf(t)
  const write = (path: string, content: string | Buffer) => writeFileSync(join(folder, path), content)
  const page = (title: string) =>
    `<!doctype html><base href="/" /><title>${title}</title><script type="module" src="./assets/a-1.js"></script>`
  mkdirSync(join(folder, 'assets'))
  write('index.html', page('Fleetwire'))
  if (gallery) write('gallery.html', page('Gallery'))
  write('LICENSES.md', 'of others')
  write('assets/a-1.js', 'export {}')
  write('assets/a-1.js.br', brotliCompressSync('export {}'))
  write('assets/font.woff2', 'font')
  return folder
}

interface Embedding {
  prefix?: string
  DASHBOARD?: boolean
  dashboardFolder?: string
}

/** A third-party app that embeds the control plane. */
async function embedded(t: Test, { DASHBOARD, dashboardFolder = buildOf(t), ...options }: Embedding) {
  const app = Fastify()
  t.teardown(() => app.close())
  const config = { JWT_SECRET: SECRET, DATA_DIR: folderOf(t), ...(DASHBOARD !== undefined && { DASHBOARD }) }
  await app.register(fleetwire, { startWorker: inSharedThread, ...options, dashboardFolder, config })
  return app
}

for (const prefix of ['', '/fleet']) {
  test(`[RE21] pages and their files are served ${prefix === '' ? 'at the root' : 'under a prefix'}`, async t => {
    let url: string
    if (prefix === '') {
      const server = await startApp(t, { dashboardFolder: buildOf(t) })
      url = server.url
    } else {
      const app = await embedded(t, { prefix })
      app.get('/', async () => 'of the host')
      const origin = await app.listen({ host: '127.0.0.1', port: 0 })
      t.equal((await request(origin)).text, 'of the host')
      t.equal((await request(`${origin}/agents`)).status, 404, 'nothing outside the prefix')
      url = origin + prefix
    }
    for (const path of [...PAGES, ...(prefix === '' ? [] : [''])]) {
      const { status, headers, text } = await request(url + path)
      t.match({ status, headers }, { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } }, path)
      t.match(headers, { 'cache-control': 'no-cache', etag: /^"[\w-]+"$/ })
      const [, base = ''] = /<base href="([^"]+)" \/>/.exec(text)!
      t.equal(new URL(base, url + path).href, `${url}/`, `${path} knows the base URL of the server`)
      t.equal((await request(new URL('./assets/a-1.js', new URL(base, url + path)).href)).text, 'export {}')

      const again = await request(url + path, { 'if-none-match': String(headers.etag) })
      t.match(again, { status: 304, text: '', headers: { etag: headers.etag, 'cache-control': 'no-cache' } }, path)
      t.match(await request(url + path, {}, 'HEAD'), { status: 200, text: '', headers: { etag: headers.etag } }, path)
    }
    const { headers } = await request(`${url}/`)
    for (const [sent, status] of [
      [`W/${headers.etag}`, 304],
      [`"other", ${headers.etag}`, 304],
      ['*', 304],
      ['"other"', 200],
      ['', 200],
    ] as const)
      t.equal((await request(`${url}/`, { 'if-none-match': sent })).status, status, `If-None-Match: ${sent}`)

    for (const path of [
      ...['/nowhere', '/index.html', '/gallery', '/LICENSES.md', '/a-1.js', '/agentsx', '/needs-you/x', '/login/x'],
      ...['/assets/nothing.js', '/assets', '/assets/', '/assets/a-1', '/assets/%2e%2e/index.html', '/assets/.hidden'],
    ]) {
      const { status, headers, text } = await request(url + path)
      t.match({ status, headers }, { status: 404, headers: { 'cache-control': 'no-store' } }, path)
      t.match(JSON.parse(text), { statusCode: 404, code: 'not_found' }, path)
    }
    for (const path of ['/assets//a-1.js', '/assets/../index.html', '/assets/..%5cindex.html', '/assets/%00']) {
      const { host, pathname } = new URL(url)
      const at = `${pathname.replace(/\/$/, '')}${path}`
      const answer = await sendBytes(url, `GET ${at} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      t.match(answer, /^HTTP\/1.1 40[04] .*"statusCode":40[04],/s, path)
    }
    t.match(await request(`${url}/agents`, {}, 'POST'), { status: 405, headers: { allow: 'GET, HEAD' } })
    const api = await request(`${url}/api/v1/agents`)
    t.match(api, { status: 401, headers: { 'cache-control': 'no-store' } }, 'the API is unaffected')
    t.notOk('content-security-policy' in api.headers)
    t.equal((await request(`${url}/health`)).status, 200)
  })
}

test('a server with a build', async t => {
  const server = await startApp(t, { dashboardFolder: buildOf(t) })
  await t.test(
    '[RE22] pages load only their own files and turn no text into markup; files declare their type',
    async t => {
      const { url } = server
      for (const path of ['/', '/agents/a1', '/assets/a-1.js']) {
        const { headers } = await request(url + path)
        t.match(headers, {
          'content-security-policy': POLICY,
          'x-content-type-options': 'nosniff',
          'referrer-policy': 'no-referrer',
        })
        // Over plain HTTP, browsers warn about these headers in the console of every page.
        for (const name of ['strict-transport-security', 'cross-origin-opener-policy', 'origin-agent-cluster'])
          t.notOk(name in headers, `${path}: ${name}`)
      }
    },
  )

  await t.test('[RE27] files are cached for a year, plain or compressed', async t => {
    const { url } = server
    const kept = { 'cache-control': 'public, max-age=31536000, immutable' }
    const whole = await request(`${url}/assets/a-1.js`)
    t.match(whole, {
      status: 200,
      text: 'export {}',
      headers: { ...kept, 'content-type': /javascript; charset=utf-8$/ },
    })
    t.match(await request(`${url}/assets/font.woff2`), { status: 200, text: 'font', headers: kept })
    const small = await fetch(`${url}/assets/a-1.js`, { headers: { 'accept-encoding': 'br' } })
    t.match(Object.fromEntries(small.headers), { ...kept, 'content-encoding': 'br', vary: /accept-encoding/i })
    t.equal(await small.text(), 'export {}')
    t.match(await request(`${url}/assets/a-1.js`, { 'if-none-match': String(whole.headers.etag) }), { status: 304 })
    t.match(await request(`${url}/assets/a-1.js`, {}, 'HEAD'), { status: 200, text: '', headers: kept })
    t.match(await request(`${url}/assets/a-1.js`, { range: 'bytes=0-5' }), { status: 206, text: 'export' })
  })
})

test('[RE19] a page finds the server behind a proxy that strips a prefix, whether the proxy names it or not', async t => {
  const { url } = await startApp(t, { dashboardFolder: buildOf(t), config: { TRUST_PROXY: 'loopback' } })
  const baseAt = async (path: string, headers = {}) => {
    const { text } = await request(url + path, headers)
    return /<base href="([^"]*)"/.exec(text)![1]!
  }
  for (const path of ['/', '/login', '/agents/', '/agents/a1', '/agents/a1/x?y=/z/', '/tasks/a%2Fb']) {
    t.equal(new URL(await baseAt(path), `http://x/out/of/sight${path}`).pathname, '/out/of/sight/', path)
    t.equal(await baseAt(path, { 'x-forwarded-prefix': '/fleet/' }), '/fleet/')
    t.match(
      await baseAt(path, { 'x-forwarded-prefix': '/"><script>' }),
      /^[./]+$/,
      'what is no path counts for nothing',
    )
  }
  const tags = new Set<unknown>()
  for (const [path, prefix] of [['/'], ['/agents/a1'], ['/', '/a'], ['/', '/b']])
    tags.add((await request(url + path, prefix === undefined ? {} : { 'x-forwarded-prefix': prefix })).headers.etag)
  t.equal(tags.size, 4, 'pages with different bases have different ETags')
})

test('[RE21] DASHBOARD switches the dashboard off, or on at the root of an embedding app', async t => {
  const off = await startApp(t, { config: { DASHBOARD: false } })
  for (const path of ['/', '/agents', '/assets/a-1.js']) t.equal((await request(off.url + path)).status, 404, path)
  t.equal((await request(`${off.url}/docs`)).status, 200)

  const root = await embedded(t, {})
  root.get('/', async () => 'of the host')
  root.get('/agents', async () => 'agents of the host')
  t.equal((await root.inject('/')).body, 'of the host')
  t.equal((await root.inject('/agents')).body, 'agents of the host')
  t.equal((await root.inject('/health')).statusCode, 200)

  t.match((await (await embedded(t, { DASHBOARD: true })).inject('/agents')).body, '<title>Fleetwire')
  const without = await embedded(t, { prefix: '/fleet', DASHBOARD: false })
  t.equal((await without.inject('/fleet/')).statusCode, 404)
})

test('[RE21] two dashboards can be mounted in one app', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  for (const name of ['a', 'b'])
    await app.register(
      async scope => {
        await scope.register(fleetwire, {
          startWorker: inSharedThread,
          prefix: `/${name}`,
          dashboardFolder: buildOf(t),
          config: { JWT_SECRET: SECRET, DATA_DIR: folderOf(t) },
        })
      },
      { prefix: '/fleets' },
    )
  for (const name of ['a', 'b']) {
    t.match((await app.inject(`/fleets/${name}/tasks`)).body, `<base href="/fleets/${name}/" />`)
    t.equal((await app.inject(`/fleets/${name}/assets/a-1.js`)).body, 'export {}')
  }
})

test('[RE21] without a build, the page at the root explains how to make one and links to the documents', async t => {
  const app = await embedded(t, { prefix: '/fleet', dashboardFolder: folderOf(t) })
  for (const path of ['/fleet', '/fleet/']) {
    const { statusCode, headers, body } = await app.inject(path)
    t.match({ statusCode, body }, { statusCode: 200, body: /npm run build/ })
    t.match(headers['content-security-policy'], /^default-src 'none';style-src 'sha256-/)
    const links = [...body.matchAll(/href="([^"]+)"/g)].map(([, link]) => new URL(link!, `http://x${path}`))
    t.ok(links.length > 3)
    for (const { pathname } of links) t.equal((await app.inject(pathname)).statusCode, 200, pathname)
  }
  t.equal((await app.inject('/fleet/agents')).statusCode, 404)
})

test('[RE21] a build with a gallery serves it; a build whose pages cannot find their files fails the start', async t => {
  const gallery = buildOf(t, { gallery: true })
  const app = await embedded(t, { prefix: '/x', dashboardFolder: gallery })
  t.match((await app.inject('/x/gallery')).body, '<base href="/x/" /><title>Gallery')
  const broken = folderOf(t)
  writeFileSync(join(broken, 'index.html'), '<!doctype html>')
  await t.rejects(startApp(t, { dashboardFolder: broken }), /<base href="\/" \/>/)
})

test('a page and its files do not count against the REST rate limit, and are not in the API document', async t => {
  const folder = buildOf(t)
  const { url, app } = await startApp(t, {
    dashboardFolder: folder,
    config: { DATA_DIR: `${folder}/data`, REST_RATE: 2 },
  })
  for (let i = 0; i < 5; i++)
    for (const path of ['/', '/agents/a1', '/assets/a-1.js', '/assets/nothing.js'])
      t.not((await request(url + path)).status, 429, path)
  const paths = Object.keys(app.swagger().paths ?? {})
  t.same(
    paths.filter(path => !/^\/(api|health|ready|metrics|ag-ui)/.test(path)),
    [],
  )
})

test('[RE21] [RE27] the pages of this build load every file that they reference, from any screen', async t => {
  const folder = builtDashboard()
  const { url } = await startApp(t)
  const files = readdirSync(`${folder}assets`)
  for (const path of ['/', '/agents/a1']) {
    const { text } = await request(url + path)
    const [, base = ''] = /<base href="([^"]+)"/.exec(text)!
    const named = [...text.matchAll(/(?:src|href)="(\.\/assets\/[^"]+)"/g)].map(([, name]) => name!)
    t.ok(named.length > 1, named.join(' '))
    for (const name of named) {
      const { status, headers } = await request(new URL(name, new URL(base, url + path)).href)
      t.match({ status, headers }, { status: 200, headers: { 'cache-control': /immutable/ } }, name)
    }
    t.notMatch(text, /<style|<script>|\sstyle=|\son\w+=|"https?:/, 'nothing inline, nothing from elsewhere')
  }
  for (const name of files.filter(name => !/\.(br|gz)$/.test(name)))
    t.equal((await request(`${url}/assets/${name}`)).text.length > 0, true, name)
  for (const name of files.filter(name => name.endsWith('.br')))
    t.ok(
      brotliDecompressSync(readFileSync(`${folder}assets/${name}`)).equals(
        readFileSync(`${folder}assets/${name.slice(0, -3)}`),
      ),
      name,
    )
})
