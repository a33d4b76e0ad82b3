import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { AgentParams, AgUiRunParams, AgUiRunQuery, ResumeHeaders, RunAgentInput } from '@fleetwire/protocol'
import fp from 'fastify-plugin'
import { notFound } from '../../src/outcome.ts'
import type { RunAnswers } from './run-answers.ts'

const tags = ['ag-ui']
export const stream = {
  200: { description: 'A stream of AG-UI events', content: { 'text/event-stream': { schema: { type: 'string' } } } },
}

/** Runs of an agent: start or join one, and follow it without a body. */
const runs: FastifyPluginAsyncTypebox<{ answers: RunAnswers }> = async (app, { answers }) => {
  app.post(
    '/agents/:agentId',
    {
      bodyLimit: app.config.AG_UI_BODY_BYTES,
      schema: {
        tags,
        summary: 'Run an agent, or join its run',
        description:
          'For any AG-UI client: each frame is an AG-UI event with the id `<runId>:<n>`. The run goes on when the client disconnects; the same `runId` continues after `Last-Event-ID`, or joins.',
        params: AgentParams,
        querystring: AgUiRunQuery,
        headers: ResumeHeaders,
        body: RunAgentInput,
        refusals: ['not_found', 'conflict', 'queue_full', 'cursor_gone', 'unavailable', 'too_large'],
        response: stream,
      },
    },
    async (request, reply) =>
      answers.run(request, reply, request.params.agentId, request.body, request.query.cancelOnAbort),
  )

  app.get(
    '/agents/:agentId/runs/:runId/events',
    {
      exposeHeadRoute: false,
      schema: {
        tags,
        summary: 'Follow a run',
        description: 'Continues after `Last-Event-ID`; without one, the stream begins with the run so far.',
        params: AgUiRunParams,
        headers: ResumeHeaders,
        refusals: ['not_found', 'cursor_gone', 'unavailable'],
        response: stream,
      },
    },
    async (request, reply) => {
      const { agentId, runId } = request.params
      const found = await app.agUiRuns.find(agentId, runId)
      return found === undefined ? reply.refuse(notFound('run', runId)) : answers.follow(request, reply, found)
    },
  )
}
export default fp(runs, { name: 'fleetwire-routes-ag-ui-runs', encapsulate: true })
