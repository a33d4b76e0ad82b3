import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import copilotKit from './copilotkit.ts'
import { RunAnswers } from './run-answers.ts'
import runs from './runs.ts'

/** AG-UI: any AG-UI client can drive any connected agent. src/auth/access.ts defines who may call which route. */
const agUi: FastifyPluginAsync = async app => {
  app.addHook('onRoute', app.admitRoutes(app.prefix, '/ag-ui'))
  app.answeredByActive(app)
  const answers = new RunAnswers(app)
  await app.register(runs, { answers })
  await app.register(copilotKit, { prefix: '/copilotkit', answers })
}
export default fp(agUi, { name: 'fleetwire-routes-ag-ui', encapsulate: true })
