import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import agents from './agents/index.ts'
import terminal from './agents/terminal.ts'
import batches from './commands/batches.ts'
import commands from './commands/index.ts'
import connections from './connections/index.ts'
import events from './events/index.ts'
import eventStream from './events/stream.ts'
import interactions from './interactions.ts'
import sessions from './sessions/index.ts'
import taskExports from './tasks/export.ts'
import tasks from './tasks/index.ts'
import tokens from './tokens/index.ts'
import login from './tokens/login.ts'
import subjects from './tokens/subjects.ts'
import deliveries from './webhooks/deliveries.ts'
import webhooks from './webhooks/index.ts'

/** The REST API. src/auth/access.ts defines who may call which route. */
const v1: FastifyPluginAsync = async app => {
  app.addHook('onRoute', app.admitRoutes(app.prefix))
  app.answeredByActive(app)
  await app.register(commands)
  await app.register(batches)
  await app.register(agents)
  await app.register(terminal)
  await app.register(sessions)
  await app.register(tasks)
  await app.register(taskExports)
  await app.register(interactions)
  await app.register(connections)
  await app.register(events)
  await app.register(eventStream)
  await app.register(tokens, { prefix: '/tokens' })
  await app.register(subjects)
  await app.register(login, { prefix: '/login' })
  await app.register(webhooks, { prefix: '/webhooks' })
  await app.register(deliveries, { prefix: '/webhooks' })
}
export default fp(v1, { name: 'fleetwire-routes-api', encapsulate: true })
