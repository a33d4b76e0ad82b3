import { isDeepStrictEqual } from 'node:util'
import { errorCodes } from '@fleetwire/protocol'
import { Validator } from '@seriousme/openapi-schema-validator'
import Fastify from 'fastify'
import fp from 'fastify-plugin'
import { test } from 'tap'
import { controlPlane } from '../../src/app.ts'
import { errorResponses } from '../../src/route-errors.ts'
import { SECRET, startApp } from '../helpers/build.ts'
import { codesOf, undocumented } from '../helpers/documented.ts'
import { inSharedThread } from '../helpers/log-thread.ts'

interface Document {
  paths: Record<
    string,
    Record<
      string,
      { tags?: string[]; summary?: string; security?: unknown[]; responses: Record<string, { description: string }> }
    >
  >
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
  await app.register(fp(controlPlane), {
    startWorker: inSharedThread,
    config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET },
  })
  const body = (await app.inject('/openapi.json')).json<Document>()
  const { valid, errors } = await new Validator().validate({ ...body })
  t.ok(valid, JSON.stringify(errors))

  const listed = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
  )
  t.same(listed.toSorted(), routes.toSorted())
  for (const [path, methods] of Object.entries(body.paths)) {
    for (const [method, { tags, summary }] of Object.entries(methods)) {
      t.ok(tags?.length === 1 && summary, `${method} ${path} has a tag and a summary`)
    }
  }
  t.match(body.components.schemas, { RestError: Object, TokenInfo: Object, MintToken: Object })
  t.match(body.paths['/health']?.get?.security, [])
  t.notMatch(JSON.stringify(body), /"\$id"/)
})

test('a server with default settings', async t => {
  const server = await startApp(t)
  await t.test('only this server serves the documentation', async t => {
    const { call } = server
    const page = await call<string>(undefined, 'GET', '/docs/')
    t.equal(page.status, 200)
    t.notMatch(page.body, /(src|href)="https?:/)
    t.equal((await call(undefined, 'GET', '/docs/static/swagger-ui-bundle.js')).status, 200)
  })

  await t.test('[RE1] [RE17] every operation lists each status and code of its refusals', async t => {
    const { call } = server
    const { body } = await call<Document>(undefined, 'GET', '/openapi.json')
    const flaws: string[] = []
    let judged = 0
    for (const [path, methods] of Object.entries(body.paths)) {
      for (const [method, { security, responses }] of Object.entries(methods)) {
        const name = `${method.toUpperCase()} ${path}`
        const errors = Object.entries(responses).filter(
          ([status]) => Number(status) >= 400 || Number.isNaN(Number(status)),
        )
        for (const [status, response] of errors) {
          if (!/^[45]\d\d$/.test(status)) flaws.push(`${name} names ${status}`)
          if (path === '/ready' && status === '503') continue
          if (!isDeepStrictEqual((response as { content?: unknown }).content, errorContent))
            flaws.push(`${name} ${status} has not the shape of an error`)
          const codes = codesOf(response)
          if (codes.length === 0) flaws.push(`${name} ${status} names no codes`)
          for (const code of codes) if (!(code in errorCodes)) flaws.push(`${name} ${status} names ${code}`)
        }
        const expected = ['500']
        if (security?.length !== 0) expected.push('401', '403', '429', '503')
        if (idInPath.test(path)) expected.push('400', '404', '414')
        if (method !== 'get') expected.push('400', '413', '415')
        for (const status of expected)
          if (!(status in responses))
            flaws.push(`${name} does not document ${status}, which every such route can answer`)
        judged++
      }
    }
    t.same(flaws, [])
    t.ok(judged > 50, `${judged} operations`)
  })
})

const idInPath = /\{\w+Id\}|\{jti\}/
const errorContent = { 'application/json': { schema: { $ref: '#/components/schemas/RestError' } } }

test('the error responses of a route follow from its shape and its own refusals', async t => {
  const shape = { method: 'GET', secured: false, limited: false, validated: false, named: false, refusals: [] }
  const told = (shape: Parameters<typeof errorResponses>[0]) =>
    Object.fromEntries(
      Object.entries(errorResponses(shape)).map(([status, response]) => [status, codesOf(response as never)]),
    )
  t.same(told(shape), { 500: ['internal'] })
  t.same(told({ ...shape, limited: true, refusals: ['queue_full', 'not_found'] }), {
    404: ['not_found'],
    429: ['rate_limited', 'queue_full'],
    500: ['internal'],
  })
  t.same(told({ ...shape, method: 'POST', secured: true }), {
    400: ['bad_json', 'invalid_request'],
    401: ['unauthorized'],
    403: ['forbidden'],
    413: ['too_large'],
    415: ['invalid_request'],
    500: ['internal'],
    503: ['unavailable'],
  })
})

test('the check of all responses notices undocumented statuses and codes', async t => {
  const responses = { 200: { description: 'A task' }, 404: { description: '`not_found`: It does not exist.' } }
  const body = (code: string) => JSON.stringify({ statusCode: 404, code })
  t.equal(undocumented(responses, 200, '{}'), undefined)
  t.equal(undocumented(responses, 404, body('not_found')), undefined)
  t.match(undocumented(responses, 404, body('conflict')), /404 conflict/)
  t.match(undocumented(responses, 409, body('conflict')), /409/)
})
