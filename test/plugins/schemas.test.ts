import { Ajv } from 'ajv'
import Fastify, { type RouteOptions } from 'fastify'
import t from 'tap'
import fleetwire from '../../src/index.ts'
import { SECRET, startApp } from '../helpers/build.ts'
import { inSharedThread } from '../helpers/log-thread.ts'

t.test('schemas are compiled when a request first needs them, and all of them can be compiled', async t => {
  const { app, url, token } = await startApp(t)
  const headers = { authorization: `Bearer ${await token('admin')}` }
  const ask = async (path: string) => {
    const response = await fetch(`${url}/api/v1${path}`, { headers })
    return { status: response.status, body: await response.json() }
  }
  const two = [ask('/agents?limit=1'), ask('/agents?limit=1')]
  t.match(await Promise.all(two), Array(2).fill({ status: 200, body: { items: [], nextCursor: null } }))
  t.match(await ask('/agents?limit=0'), { status: 400, body: { message: 'query.limit must be >= 1.' } })
  t.match(await ask('/agents?limit=0'), { status: 400, body: { message: 'query.limit must be >= 1.' } })
  t.equal(app.compileSchemas(2), 2, 'a few at a time')
  t.ok(app.compileSchemas() > 100, 'no request had needed most of them yet')
  t.equal(app.compileSchemas(), 0)
  t.match(await ask('/agents?limit=x'), { status: 400, body: { message: 'query.limit must be integer.' } })
})

t.test('every schema is valid, which only this test checks and no server does', async t => {
  const ajv = new Ajv()
  const app = Fastify()
  t.teardown(() => app.close())
  const routes: RouteOptions[] = []
  const shared: Record<string, unknown> = {}
  app.addHook('onRoute', function (route) {
    routes.push(route)
    Object.assign(shared, this.getSchemas())
  })
  await app.register(fleetwire, { startWorker: inSharedThread, config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET } })
  await app.ready()
  const parts = routes.flatMap(({ method, url, schema: { params, querystring, headers, body, response = {} } = {} }) =>
    Object.entries({ params, querystring, headers, body, ...(response as Record<string, unknown>) })
      .filter(([, schema]) => schema !== undefined)
      .map(([part, schema]) => [`${method} ${url} ${part}`, schema] as const),
  )
  t.ok(
    parts.length > 200 && Object.keys(shared).length > 0,
    `${parts.length} of routes, ${Object.keys(shared).length} shared`,
  )
  for (const [name, schema] of [...Object.entries(shared), ...parts]) {
    if (!ajv.validateSchema(schema as object)) t.fail(name, { errors: ajv.errorsText() })
  }
})
