import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  AgentParams,
  AgUiStopped,
  AgUiThreadParams,
  CopilotKitAnswer,
  CopilotKitCall,
  CopilotKitInfo,
  ResumeHeaders,
  RunAgentInput,
  wireError,
} from '@fleetwire/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { accessRefusal, routeAccess } from '../../src/auth/access.ts'
import { canSeeAgent } from '../../src/auth/permissions.ts'
import { notFound } from '../../src/outcome.ts'
import { type SchemaFlaw, validationMessage } from '../../src/validation-message.ts'
import { readVersion } from '../../src/version.ts'
import { callerOf } from '../caller.ts'
import type { RunAnswers } from './run-answers.ts'
import { stream } from './runs.ts'

const tags = ['ag-ui']
const refusals = ['not_found', 'conflict', 'queue_full', 'cursor_gone', 'unavailable', 'too_large'] as const

/** The routes of CopilotKit's runtime, so that CopilotKit pages need no server in between. */
const copilotKit: FastifyPluginAsyncTypebox<{ answers: RunAnswers }> = async (app, { answers }) => {
  const { agUiRuns, agents, config } = app
  const bodyLimit = config.AG_UI_BODY_BYTES

  function info({ principal }: FastifyRequest) {
    const seen = [...agents.all()].filter(({ agentId }) => canSeeAgent(principal, agentId))
    const shown = seen.map(({ agentId, name, kind }) => [
      agentId,
      { name: agentId, description: name, className: kind || 'FleetwireAgent' },
    ])
    return {
      version: readVersion(),
      agents: Object.fromEntries(shown),
      mode: 'sse',
      audioFileTranscriptionEnabled: false,
    }
  }

  async function connect(request: FastifyRequest, reply: FastifyReply, agentId: string, input: RunAgentInput) {
    if (!agents.has(agentId)) return reply.refuse(notFound('agent', agentId))
    const found = await agUiRuns.latest(agentId, input.threadId)
    if (found === undefined) return answers.tell(request, reply, input, {})
    const isOld = typeof input.protocolVersion !== 'string'
    if (await agUiRuns.isKept(found)) return answers.follow(request, reply, found, { isOld })
    return answers.tell(request, reply, input, await agUiRuns.contents(agentId, input.threadId))
  }

  async function stop(request: FastifyRequest, reply: FastifyReply, agentId: string, threadId: string) {
    const stopped = await agUiRuns.stop(agentId, threadId, callerOf(request))
    return typeof stopped === 'boolean' ? { stopped } : reply.refuse(stopped)
  }

  app.get(
    '/info',
    {
      schema: {
        tags,
        summary: 'List agents (CopilotKit)',
        response: {
          200: CopilotKitInfo,
        },
      },
    },
    async request => info(request),
  )

  app.post(
    '/agent/:agentId/run',
    {
      bodyLimit,
      schema: {
        ...{ tags, params: AgentParams, headers: ResumeHeaders, body: RunAgentInput, response: stream },
        summary: 'Run an agent (CopilotKit)',
        refusals,
      },
    },
    async (request, reply) => answers.run(request, reply, request.params.agentId, request.body),
  )

  app.post(
    '/agent/:agentId/connect',
    {
      bodyLimit,
      schema: {
        ...{ tags, params: AgentParams, headers: ResumeHeaders, body: RunAgentInput, response: stream },
        summary: 'Join the newest run of a thread (CopilotKit)',
        refusals: ['not_found', 'unavailable', 'cursor_gone', 'too_large'],
      },
    },
    async (request, reply) => connect(request, reply, request.params.agentId, request.body),
  )

  app.post(
    '/agent/:agentId/stop/:threadId',
    {
      schema: {
        ...{ tags, params: AgUiThreadParams, response: { 200: AgUiStopped } },
        summary: 'Interrupt the run of a thread (CopilotKit)',
        refusals: ['not_found'],
      },
    },
    async (request, reply) => stop(request, reply, request.params.agentId, request.params.threadId),
  )

  app.post(
    '',
    {
      bodyLimit,
      schema: {
        tags,
        summary: 'All of these operations through one route (CopilotKit)',
        headers: ResumeHeaders,
        body: CopilotKitCall,
        refusals,
        response: { 200: CopilotKitAnswer },
      },
    },
    async (request, reply) => {
      const { method, params, body } = request.body
      const route = ROUTES[method]
      const refusal = accessRefusal(request.principal, routeAccess[route]!, params?.agentId)
      if (refusal !== undefined) return reply.refuse(refusal)
      if (method === 'info') return info(request)
      const agentId = params?.agentId
      if (agentId === undefined) return reply.refuse(wireError('invalid_request', 'body.params.agentId is required.'))
      if (method === 'agent/stop') {
        const threadId = params?.threadId ?? (body as { threadId?: unknown } | undefined)?.threadId
        if (typeof threadId === 'string') return stop(request, reply, agentId, threadId)
        return reply.refuse(wireError('invalid_request', 'body.params.threadId is required.'))
      }
      // A body validator reports its flaws in an object (plugins/schemas.ts).
      const validate = request.compileValidationSchema({ $ref: 'RunAgentInput#' }, 'body') as (body: unknown) => unknown
      const verdict = validate(body) as boolean | { error?: SchemaFlaw[] }
      const flaws = verdict === false ? [] : typeof verdict === 'object' ? verdict.error : undefined
      if (flaws !== undefined) return reply.refuse(validationMessage(flaws, 'body.body'))
      const input = body as RunAgentInput
      return method === 'agent/run'
        ? answers.run(request, reply, agentId, input)
        : connect(request, reply, agentId, input)
    },
  )
}
export default fp(copilotKit, { name: 'fleetwire-routes-ag-ui-copilotkit', encapsulate: true })

const ROUTES = {
  info: 'GET /ag-ui/copilotkit/info',
  'agent/run': 'POST /ag-ui/copilotkit/agent/:agentId/run',
  'agent/connect': 'POST /ag-ui/copilotkit/agent/:agentId/connect',
  'agent/stop': 'POST /ag-ui/copilotkit/agent/:agentId/stop/:threadId',
} as const
