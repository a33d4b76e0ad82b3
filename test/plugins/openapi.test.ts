import { Validator } from '@seriousme/openapi-schema-validator'
import Fastify from 'fastify'
import fp from 'fastify-plugin'
import { test } from 'tap'
import { controlPlane } from '../../src/app.ts'
import { SECRET, startApp } from '../helpers/build.ts'

interface Document {
  paths: Record<string, Record<string, { tags?: string[]; summary?: string; security?: unknown[]; responses: object }>>
  components: { schemas: Record<string, unknown> }
}

test('the API document lists every route, is valid and uses shared schemas', async t => {
  const routes: string[] = []
  const app = Fastify()
  t.teardown(() => app.close())
  app.addHook('onRoute', ({ method, url, schema }) => {
    const hidden = schema?.hide === true || url.startsWith('/docs') || method === 'HEAD'
    if (!hidden) routes.push(`${method} ${url}`)
  })
  await app.register(fp(controlPlane), { config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET } })
  const body = (await app.inject('/openapi.json')).json<Document>()
  const { valid, errors } = await new Validator().validate({ ...body })
  t.ok(valid, JSON.stringify(errors))

  const listed = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
  )
  t.same(listed.toSorted(), routes.toSorted())
  for (const [path, methods] of Object.entries(body.paths)) {
    for (const [method, { tags, summary, responses }] of Object.entries(methods)) {
      t.ok(tags?.length === 1 && summary, `${method} ${path} has a tag and a summary`)
      t.match(responses, {
        '4XX': { content: { 'application/json': { schema: { $ref: '#/components/schemas/RestError' } } } },
      })
    }
  }
  t.match(body.components.schemas, { RestError: Object, TokenInfo: Object, MintToken: Object })
  t.match(body.paths['/health']?.get?.security, [])
  t.notMatch(JSON.stringify(body), /"\$id"/)
})

test('the documentation is served by this server alone', async t => {
  const { call } = await startApp(t)
  const page = await call<string>(undefined, 'GET', '/docs/')
  t.equal(page.status, 200)
  t.notMatch(page.body, /(src|href)="https?:/)
  t.equal((await call(undefined, 'GET', '/docs/static/swagger-ui-bundle.js')).status, 200)
})
