import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { AgentParams, TerminalQuery, wireError } from '@fleetwire/protocol'
import fp from 'fastify-plugin'
import { canSeeAgent } from '../../../../src/auth/permissions.ts'

const shown = { schema: { type: 'string' } }
const contentTypes = {
  text: 'text/plain; charset=utf-8',
  ansi: 'text/plain; charset=utf-8',
  cast: 'application/x-asciicast',
}

/** What an agent's terminal shows. */
const terminal: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/agents/:agentId/terminal',
    {
      schema: {
        tags: ['agents'],
        summary: 'Show a terminal of an agent: the newest, or the one named',
        description:
          '`text`: scrollback and screen as plain lines. `ansi`: the same with colours, to be written to a terminal. ' +
          '`cast`: the output that is kept, with its timing, as asciicast v3. ' +
          'If a terminal takes too long to draw, `text` and `ansi` are the end of its output as plain text.',
        params: AgentParams,
        querystring: TerminalQuery,
        refusals: ['not_found', 'rate_limited'],
        response: {
          200: {
            description: 'In the requested format',
            content: { 'text/plain': shown, 'application/x-asciicast': shown },
          },
        },
      },
    },
    async ({ principal, params: { agentId }, query: { format = 'text', terminalId } }, reply) => {
      const none = { status: 'none' as const }
      const rendering = canSeeAgent(principal, agentId)
        ? await app.terminals.render({ agentId, terminalId, format }, principal.sub)
        : none
      switch (rendering.status) {
        case 'rendered':
          return reply.header('Content-Type', contentTypes[format]).send(rendering.bytes)
        case 'none':
          return reply.refuse(wireError('not_found', `Agent "${agentId}" has no such terminal.`))
        case 'busy':
          return reply
            .header('Retry-After', 1)
            .refuse(wireError('rate_limited', 'Too many terminals are being read with this token at once. Read fewer.'))
      }
    },
  )
}
export default fp(terminal, { name: 'fleetwire-routes-api-agents-terminal', encapsulate: true })
