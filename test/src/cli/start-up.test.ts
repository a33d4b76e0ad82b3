import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { program } from '../../helpers/processes.ts'

test('a listening server has loaded neither schema compilers nor TypeBox', async t => {
  const app = JSON.stringify(new URL('../../../src/app.js', import.meta.url).href)
  const script = `
    const { buildApp } = await import(${app})
    const app = await buildApp({ logger: false, config: { DATA_DIR: 'data' } })
    await app.listen({ port: 0 })
    await app.close()`
  const folder = t.testdir({ coverage: {}, 'start.mjs': script })
  const coverage = join(folder, 'coverage')
  const { ended } = program(t, process.execPath, ['start.mjs'], { NODE_V8_COVERAGE: coverage }, folder)
  t.match(await ended, { code: 0, stderr: '' })
  const reports = await Promise.all((await readdir(coverage)).map(name => readFile(join(coverage, name), 'utf8')))
  const loaded = reports.flatMap(report => (JSON.parse(report).result as { url: string }[]).map(({ url }) => url))
  t.ok(loaded.some(url => url.includes('/node_modules/fastify/')))
  t.ok(
    loaded.some(url => url.endsWith('/log/sqlite-worker.js')),
    'modules of its threads are included',
  )
  const unwanted = [
    '@sinclair/typebox',
    'ajv',
    '@fastify/ajv-compiler',
    'jose',
    'pino-pretty',
    '@xterm/headless',
    '@modelcontextprotocol/server',
    'zod',
  ]
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
