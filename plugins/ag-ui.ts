import fp from 'fastify-plugin'
import { AgUiRuns } from '../src/ag-ui/ag-ui-runs.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** AG-UI runs on top of the commands, sessions and interactions of agents. */
    agUiRuns: AgUiRuns
  }
}

export default fp(
  async app => {
    const { clock, config, fleet, eventLog: log } = app
    const { agents, commandQueue, interactions, ledger, sessions } = fleet
    const retentionMs = config.COMMAND_RETENTION_MS
    const runs = new AgUiRuns({ log, clock, agents, commandQueue, interactions, ledger, sessions, retentionMs })
    app.decorate('agUiRuns', runs)
  },
  { name: 'fleetwire-ag-ui', dependencies: ['fleetwire-fleet'] },
)
