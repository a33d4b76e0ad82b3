import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { WebSocket } from 'ws'
import { startApp, type TestApp } from '../helpers/build.ts'
import { said } from '../helpers/events.ts'
import { freePort, program } from '../helpers/processes.ts'
import { isInstalled } from '../helpers/programs.ts'
import { WsClient } from '../helpers/ws-client.ts'
import { blocks, read, root } from '../house/repository.ts'

const page = read('docs/deployment.md')
/** The block of this language that contains this text. */
const block = (language: string, text: string) => blocks(page, language).find(code => code.includes(text))!

test('systemd accepts the units', async t => {
  if (!isInstalled(t, 'systemd-analyze')) return
  const units = blocks(page, 'ini').map(text => {
    const [, name = ''] = /^# \/etc\/systemd\/system\/(\S+)/.exec(text) ?? []
    const file = join(t.testdirName, name)
    mkdirSync(t.testdirName, { recursive: true })
    writeFileSync(file, text.replaceAll('/opt/fleetwire/', fileURLToPath(root)))
    return file
  })
  t.equal(units.length, 2)
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...units], { encoding: 'utf8' })
  t.match({ status, stderr }, { status: 0, stderr: '' })
})

/** A folder with a short path that the proxy's user can read. */
function openFolder(t: Test): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'fleetwire-proxy-')))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Resolves once the port accepts connections; fails if the proxy ends first. */
async function listening(port: number, proxy: ReturnType<typeof program>): Promise<void> {
  let over = false
  void proxy.ended.then(() => {
    over = true
  })
  for (;;) {
    const isOpen = await new Promise(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.on('error', () => resolve(false)).on('connect', () => socket.destroy())
    })
    if (isOpen) return
    if (over) throw new Error(`it ended: ${proxy.output()}`)
  }
}

function ask(url: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const request = url.startsWith('https') ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    request(url, { headers, agent: false, ...trusting }, resolve)
      .on('error', reject)
      .end()
  })
}
const trusting = { rejectUnauthorized: false }

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of answer) text += chunk
  return text
}

/** What docs/deployment.md says a proxy does, observed through one. `url` is the public address. */
async function throughProxy(t: Test, { token, log }: TestApp, url: string): Promise<void> {
  const { host, protocol, pathname, origin } = new URL(url)
  const prefix = pathname === '/' ? '' : pathname
  const { servers } = JSON.parse(await textOf(await ask(`${url}/asyncapi.json`)))
  t.match(
    servers.this,
    { host, protocol: protocol === 'https:' ? 'wss' : 'ws', pathname: prefix },
    'the server knows its public address',
  )

  const authorization = `Bearer ${await token('viewer')}`
  const open = (headers: Record<string, string>) =>
    new Promise<WebSocket | number>((resolve, reject) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, { headers, ...trusting })
      t.teardown(() => socket.terminate())
      socket.on('open', () => resolve(socket)).on('error', reject)
      socket.on('unexpected-response', (_request, { statusCode }) => resolve(statusCode!))
    })
  const opened = await open({ authorization, origin })
  if (typeof opened === 'number') throw new Error(`the upgrade was answered ${opened}`)
  const client = new WsClient(opened)
  client.send('subscribe', { topics: ['agents.>'] }, 's')
  await client.next('snapshot')
  t.equal(await open({ authorization, origin: 'https://elsewhere.example' }), 403, 'a page of another origin')

  const stream = await ask(`${url}/api/v1/events/stream?topics=agents.>`, { authorization })
  t.equal(stream.statusCode, 200)
  let streamed = ''
  const shows = (text: string) =>
    new Promise<void>(resolve => {
      stream.on('data', chunk => {
        streamed += chunk
        if (streamed.includes(text)) resolve()
      })
    })
  await shows('event: snapshot')
  const arrived = shows('through the proxy')
  await log.append([said('a1', 'through the proxy')])
  t.match(await client.next('agent:error'), { payload: { message: 'through the proxy' } })
  await arrived
  t.pass('a stream is not buffered')
  stream.destroy()
}

for (const path of ['', '/fleet']) {
  const where = path === '' ? 'at a name of its own' : 'under a path that it takes away'

  test(`nginx, ${where}`, async t => {
    if (!isInstalled(t, 'nginx') || !isInstalled(t, 'openssl')) return
    const server = await startApp(t, { config: { TRUST_PROXY: 'loopback' } })
    const port = await freePort()
    const folder = openFolder(t)
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const names = ['-subj', '/CN=localhost', '-nodes', '-days', '1', '-newkey', 'rsa:2048']
    t.equal(spawnSync('openssl', ['req', '-x509', ...names, '-keyout', key, '-out', certificate]).status, 0)
    let text = block('nginx', 'map $http_upgrade')
    if (path !== '') {
      const [, lines = ''] = /location \/ \{\n\s*proxy_pass.*\n([\s\S]*?)\n {2}\}/.exec(text)!
      const location = block('nginx', 'location /fleet/').replace('    # and every line above but the first', lines)
      text = text.replace(/ {2}location \/ \{[\s\S]*?\n {2}\}\n/, location)
    }
    const http = text
      .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
      .replace('/etc/ssl/fleet.example.pem', certificate)
      .replace('/etc/ssl/private/fleet.example.key', key)
      .replace('http://127.0.0.1:3000', server.url)
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    const places = temporary.map(name => `${name}_temp_path ${folder}/${name};`).join('\n')
    const file = join(folder, 'nginx.conf')
    writeFileSync(
      file,
      `daemon off;\npid ${folder}/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n${places}\n${http}}\n`,
    )
    const nginx = program(t, 'nginx', ['-e', 'stderr', '-p', folder, '-c', file], {}, folder)
    // If killed, it would leave its workers running.
    t.teardown(() => nginx.kill('SIGTERM'))
    await listening(port, nginx)
    await throughProxy(t, server, `https://127.0.0.1:${port}${path}`)
  })

  test(`Caddy, ${where}`, async t => {
    if (!isInstalled(t, 'caddy')) return
    const server = await startApp(t, { config: { TRUST_PROXY: 'loopback' } })
    const port = await freePort()
    const folder = openFolder(t)
    const site = blocks(page, 'caddy').find(code => code.includes('handle_path') === (path !== ''))!
    const file = join(folder, 'Caddyfile')
    // Over plain HTTP: Caddy gets a certificate for a host name from an authority, which is not possible in a test.
    const text = site
      .replace('fleet.example', `http://127.0.0.1:${port}`)
      .replace('127.0.0.1:3000', new URL(server.url).host)
    writeFileSync(file, `{\n  admin off\n}\n${text}`)
    const run = ['run', '--adapter', 'caddyfile', '--config', file]
    const caddy = program(t, 'caddy', run, { HOME: folder }, folder)
    await listening(port, caddy)
    await throughProxy(t, server, `http://127.0.0.1:${port}${path}`)
  })
}
