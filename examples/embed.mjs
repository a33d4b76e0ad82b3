// Fleetwire embedded in an app with its own users: they log in to the app and need no token.
//
//   node examples/embed.mjs            (in your project: npm install fastify @fastify/static fleetwire)
//
// Agents still need tokens: the printed one is for an agent "demo".
import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import fastifyStatic from '@fastify/static'
import Fastify from 'fastify'
import fleetwire from 'fleetwire'

const { PORT = '8080', DATA_DIR = './fleet', PAGES } = process.env
const app = Fastify()

// Minimal sessions: use @fastify/session, or those of your app.
const people = { ann: { role: 'operator' }, bob: { role: 'viewer', agents: ['demo*'] } }
const sessions = new Map()
const sessionOf = request => /(?:^|; )session=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1]

app.post('/login/:name', async (request, reply) => {
  const { name } = request.params
  if (!Object.hasOwn(people, name)) return reply.code(401).send({ message: 'Unknown user.' })
  const session = randomUUID()
  sessions.set(session, name)
  reply.header('set-cookie', `session=${session}; Path=/; HttpOnly; SameSite=Lax`)
  return { name }
})

app.post('/logout', async request => {
  const name = sessions.get(sessionOf(request))
  sessions.delete(sessionOf(request))
  // Closes the user's open sockets, with 4401.
  if (name !== undefined) await app.tokens.revokeSubject(name, 'logout')
  return {}
})

await app.register(fleetwire, {
  prefix: '/fleet',
  config: { DATA_DIR },
  authenticate: request => {
    const name = sessions.get(sessionOf(request))
    return name === undefined ? null : { sub: name, ...people[name] }
  },
})

// Your own routes can use the services directly.
await app.register(async own => {
  own.addHook('onRequest', async (request, reply) => {
    if (!sessions.has(sessionOf(request))) return reply.code(401).send({ message: 'Log in first.' })
  })
  own.get('/busy', async () => ({ agents: [...app.agents.sorted('')].filter(({ work }) => work === 'working').length }))
  // The dashboard does not use cookies: it is opened with a one-time code that carries the rights of this user.
  own.get('/dashboard', async (request, reply) => {
    const { cookie, host } = request.headers
    const answer = await app.inject({ method: 'POST', url: '/fleet/api/v1/login/codes', headers: { cookie, host } })
    return reply.redirect(`/fleet/#login=${answer.json().code}`)
  })
})

// Your own pages, such as the built examples/react-page.
if (PAGES !== undefined) await app.register(fastifyStatic, { root: resolve(PAGES) })

const url = await app.listen({ host: '127.0.0.1', port: Number(PORT) })
const agent = await app.tokens.mint({ sub: 'demo', role: 'agent', ttlSeconds: 86_400 }, 'embed.mjs')
console.log(`The app is at ${url}, Fleetwire at ${url}/fleet`)
console.log(`FLEETWIRE_URL=${url}/fleet FLEETWIRE_TOKEN=${agent.token} fleetwire agent exec --id demo`)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close())
