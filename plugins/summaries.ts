import fp from 'fastify-plugin'
import { SummaryBoard } from '../src/summaries/summary-board.ts'

/** The tail of a terminal's output that is examined: enough for its last line. */
const TAIL_BYTES = 4096

/** Publishes what each agent's card shows to the subscribers of `agents.*.summary`. */
export default fp(
  async app => {
    const { clock, eventLog: log, terminals } = app
    const board = new SummaryBoard({
      ...{ log, clock },
      tailOf: (agentId, terminalId) => terminals.tail(agentId, terminalId, TAIL_BYTES),
      onFault: error => app.log.error({ err: error }, 'a background task failed'),
    })
    await app.whileActive(board)
    const unlisten = terminals.onOutput((agentId, terminalId) => board.wrote(agentId, terminalId))
    app.addHook('onClose', async () => unlisten())
  },
  { name: 'fleetwire-summaries', dependencies: ['fleetwire-event-log', 'fleetwire-terminals'] },
)
