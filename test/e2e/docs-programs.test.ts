import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { type Test, test } from 'tap'
import { startForCli } from '../helpers/cli.ts'
import { blocks, read } from '../house/repository.ts'

interface Ran {
  app: FastifyInstance
  said: string[]
}

/**
 * Runs a block of a page as a module in this process, which has already loaded its imports; its app ends with the test.
 */
async function runHere(t: Test, code: string): Promise<Ran> {
  const file = join(t.testdir(), 'app.mjs')
  const console = `import { format as $format } from 'node:util'
export const said = []
const console = { log: (...parts) => void said.push($format(...parts)) }`
  const own = code.replace('port: 8080', 'port: 0').replace('./fleet', join(t.testdirName, 'fleet'))
  writeFileSync(file, `${console}\n${own}\nexport { app }\n`)
  const ran = (await import(pathToFileURL(file).href)) as Ran
  t.teardown(() => ran.app.close())
  return ran
}

test('the app of docs/embedding.md starts and responds', async t => {
  const { said } = await runHere(t, blocks(read('docs/embedding.md'), 'ts')[0]!)
  const [, url, token] = /^ready at (\S+) with (\S+)$/.exec(said.join('\n'))!
  const headers = { authorization: `Bearer ${token}` }
  t.equal((await fetch(`${url}/fleet/ready`)).status, 200)
  t.match(await (await fetch(`${url}/fleet/api/v1/agents`, { headers })).json(), { items: [] })
  t.match(await (await fetch(`${url}/whoami`, { headers })).json(), { sub: 'ann' })
  t.equal((await fetch(`${url}/whoami`)).status, 401)
})

test('an app embeds the server as README.md says', async t => {
  const block = blocks(read('README.md'), 'ts').find(code => code.includes('fleetwire, {'))!
  const { app, said } = await runHere(t, block)
  const url = app.listeningOrigin
  t.equal((await fetch(`${url}/fleet/ready`)).status, 200)
  const agents = await fetch(`${url}/fleet/api/v1/agents`, { headers: { authorization: `Bearer ${said[0]}` } })
  t.same(await agents.json(), { items: [], nextCursor: null })
})

test('the program of docs/events.md prints what the page says', async t => {
  const { app, said } = await runHere(t, blocks(read('docs/events.md'), 'ts')[0]!)
  await t.rejects(app.inject('/'), { code: 'FST_ERR_REOPENED_CLOSE_SERVER' }, 'it closes its app')
  const output = said.join('\n')
  t.match(output, /^first: task:created at \S+$/m)
  t.match(output, /^Nightly report: 0.5$/m)
  t.match(output, /^custom:tool-call custom:uploaded task:progress task:started task:created$/m)
  t.match(output, /published: 2/)
})

/** Runs a block of a page as a program that knows the server, until it prints the pattern. Then ends it. */
async function runBlock(t: Test, file: string, code: string, env: Record<string, string>, pattern: RegExp) {
  writeFileSync(file, code.replaceAll('http://127.0.0.1:3000', env.FLEETWIRE_URL!))
  const child = spawn(process.execPath, [file], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      output += chunk
      if (pattern.test(output)) child.kill('SIGKILL')
    })
  }
  // Until the process is gone it may write to the test folder, which could then not be removed.
  await once(child, 'close')
  return output
}

test('the snippet of the README runs on this Node version, with or without a built-in WebSocket', async t => {
  const { url, admin, agent } = await startForCli(t)
  await agent('local')
  const snippet = blocks(read('README.md'), 'ts').find(block => block.includes('DashboardClient'))!
  const code = `${snippet}\nconsole.log('accepted:', submitted.ok)\n`
  const env = { FLEETWIRE_URL: url, FLEETWIRE_TOKEN: admin }
  const file = join(t.testdirName, 'snippet.mjs')
  const output = await runBlock(t, file, code, env, /agents\n[\s\S]*accepted: \w+|accepted: \w+\n[\s\S]*agents/)
  t.match(output, /^1 agents$/m)
  t.match(output, /^accepted: true$/m)
})

test('the snippets of packages/client/README.md run on this Node version', async t => {
  const { url, token, admin } = await startForCli(t)
  const [dashboard, agent] = blocks(read('packages/client/README.md'), 'ts')
  const code = agent!.replace('./data', join(t.testdirName, 'journal'))
  const said = `${code}\nagent.status.subscribe(({ state }) => console.log(state))\n`
  const env = { FLEETWIRE_URL: url, FLEETWIRE_TOKEN: await token('agent', { sub: 'summariser' }) }
  const file = (name: string) => join(t.testdirName, name)
  t.match(await runBlock(t, file('agent.mjs'), said, env, /^online$/m), /^online$/m)
  const viewer = { FLEETWIRE_URL: url, FLEETWIRE_TOKEN: admin }
  t.match(await runBlock(t, file('dashboard.mjs'), dashboard!, viewer, /^online$/m), /^online$/m)
})
