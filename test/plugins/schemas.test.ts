import t from 'tap'
import { startApp } from '../helpers/build.ts'

t.test('schemas are compiled when a request first needs them, and every one can be', async t => {
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
  t.equal(app.compileSchemas(2), 2, 'some at a time')
  t.ok(app.compileSchemas() > 100, 'most of them nobody had asked for')
  t.equal(app.compileSchemas(), 0)
  t.match(await ask('/agents?limit=x'), { status: 400, body: { message: 'query.limit must be integer.' } })
})
