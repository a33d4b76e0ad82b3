import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { fleetwire } from '../../helpers/processes.ts'

test('a server loads neither compilers of schemas nor TypeBox before somebody asks it something', async t => {
  const folder = t.testdir({ coverage: {}, data: {} })
  const coverage = join(folder, 'coverage')
  const env = { FLEETWIRE_PORT: '0', FLEETWIRE_DATA_DIR: join(folder, 'data'), NODE_V8_COVERAGE: coverage }
  const server = fleetwire(t, ['serve'], env)
  await server.printed(/Fleetwire listens at/)
  await server.kill('SIGTERM')
  const reports = await Promise.all((await readdir(coverage)).map(name => readFile(join(coverage, name), 'utf8')))
  const loaded = reports.flatMap(report => (JSON.parse(report).result as { url: string }[]).map(({ url }) => url))
  t.ok(loaded.some(url => url.includes('/node_modules/fastify/')))
  t.ok(
    loaded.some(url => url.endsWith('/log/sqlite-worker.js')),
    'its threads are looked at too',
  )
  const unwanted = ['@sinclair/typebox', 'ajv', '@fastify/ajv-compiler', 'jose', 'pino-pretty', '@xterm/headless']
  for (const name of unwanted)
    t.notOk(
      loaded.some(url => url.includes(`/node_modules/${name}/`)),
      `without ${name}`,
    )
  for (const path of ['/packages/client/', '/src/reference/asyncapi', '/src/exec/']) {
    t.notOk(
      loaded.some(url => url.includes(path)),
      `without ${path}`,
    )
  }
})
