import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  AgentParams,
  Command,
  CommandPage,
  CommandParams,
  type CommandStatus,
  commandStatuses,
  EditCommandBody,
  IdempotencyHeaders,
  InterruptBody,
  InterruptResult,
  isFinal,
  ListAgentCommandsQuery,
  ListCommandsQuery,
  SubmitCommandBody,
  SubmitCommandQuery,
  type WireError,
  wireError,
} from '@fleetwire/protocol'
import type { Static } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { canSeeAgent, may } from '../../../../src/auth/permissions.ts'
import type { ListQuery, SubmitResult } from '../../../../src/commands/command-types.ts'
import { notFound } from '../../../../src/outcome.ts'
import { asAnswer, callerOf } from '../../../caller.ts'

const tags = ['commands']
const isStatus = (name: string): name is CommandStatus => (commandStatuses as readonly string[]).includes(name)

/** Submitting, following and stopping commands. */
const commands: FastifyPluginAsyncTypebox = async app => {
  const { commandQueue, agents } = app

  /**
   * Responds to a submission: 202 while the command is unfinished, 200 if it has ended (`wait`) or replays an earlier
   * submission.
   */
  async function answer(reply: FastifyReply, result: SubmitResult, waitSeconds = 0) {
    if (result.status === 'refused') return reply.refuse(result.error)
    let { command } = result
    if (waitSeconds > 0) {
      command = await commandQueue.waitForEnd(command, waitSeconds * 1000)
      const lapsed = app.tokens.lapsed(reply.request.principal)
      if (lapsed !== undefined) return reply.refuse(lapsed)
    }
    const replayed = result.status === 'replayed'
    if (replayed) reply.header('Idempotent-Replay', 'true')
    reply.header('Location', app.publicPath(reply.request, `${app.prefix}/commands/${command.commandId}`))
    return reply
      .code(replayed || (waitSeconds > 0 && isFinal(command.status)) ? 200 : 202)
      .send(asAnswer(reply.request.principal, command))
  }

  app.post(
    '/agents/:agentId/commands',
    {
      config: { takesIdempotencyKey: true },
      schema: {
        tags,
        summary: 'Submit a command',
        description: 'Answers 202 once the command is on disk. With `wait` it answers 200 when the command has ended.',
        params: AgentParams,
        headers: IdempotencyHeaders,
        querystring: SubmitCommandQuery,
        body: SubmitCommandBody,
        refusals: ['not_found', 'conflict', 'queue_full'],
        response: { 200: Command, 202: Command },
      },
    },
    async (request, reply) => {
      const { agentId } = request.params
      const body: SubmitCommandBody = request.body
      const key = request.headers['idempotency-key'] ?? body.idempotencyKey
      if (body.idempotencyKey !== undefined && body.idempotencyKey !== key) {
        return reply.refuse(wireError('invalid_request', 'The Idempotency-Key header and body.idempotencyKey differ.'))
      }
      if (request.query.wait !== undefined && !may(request.principal, 'read'))
        return reply.refuse(wireError('forbidden', 'This token does not grant "read", so it cannot wait for a result.'))
      const command = { ...body, ...(key !== undefined && { idempotencyKey: key }), agentId }
      const result = await commandQueue.submit({ ...command, createdBy: request.principal.sub }, callerOf(request))
      return answer(reply, result, request.query.wait)
    },
  )

  /** The query, narrowed to what the caller may see; a refusal if a filter is not valid. */
  function listQuery({ principal }: FastifyRequest, query: Static<typeof ListCommandsQuery>): ListQuery | WireError {
    const status = query.status?.split(',')
    const unknown = status?.find(name => !isStatus(name))
    if (unknown !== undefined)
      return wireError('invalid_request', `status: "${unknown}" is not one of ${commandStatuses.join(', ')}.`)
    const visible = () => [...agents.all()].map(agent => agent.agentId).filter(id => canSeeAgent(principal, id))
    const own = query.agentId === undefined || canSeeAgent(principal, query.agentId) ? query.agentId : []
    const agentId = own ?? (principal.agents.includes('*') ? undefined : visible())
    return {
      limit: query.limit ?? 50,
      ...(agentId !== undefined && { agentId }),
      ...(status !== undefined && { status: status.filter(isStatus) }),
      ...(query.taskId !== undefined && { taskId: query.taskId }),
      ...(query.parentId !== undefined && { parentId: query.parentId }),
      ...(query.createdAfter !== undefined && { createdAfter: query.createdAfter }),
      ...(query.cursor !== undefined && { cursor: query.cursor }),
    }
  }

  app.get(
    '/commands',
    {
      schema: {
        tags,
        summary: 'List commands, newest first',
        querystring: ListCommandsQuery,
        response: { 200: CommandPage },
      },
    },
    async (request, reply) => {
      const query = listQuery(request, request.query)
      return 'code' in query ? reply.refuse(query) : commandQueue.list(query)
    },
  )

  app.get(
    '/agents/:agentId/commands',
    {
      schema: {
        tags,
        summary: 'List the commands of an agent, newest first',
        params: AgentParams,
        querystring: ListAgentCommandsQuery,
        refusals: ['not_found'],
        response: { 200: CommandPage },
      },
    },
    async (request, reply) => {
      const { agentId } = request.params
      if (!agents.has(agentId)) {
        return reply.refuse(notFound('agent', agentId))
      }
      const query = listQuery(request, { ...request.query, agentId })
      return 'code' in query ? reply.refuse(query) : commandQueue.list(query)
    },
  )

  app.get(
    '/commands/:commandId',
    {
      schema: {
        tags,
        summary: 'Show a command',
        params: CommandParams,
        refusals: ['not_found'],
        response: { 200: Command },
      },
    },
    async (request, reply) => {
      const { commandId } = request.params
      const command = await commandQueue.get(commandId)
      if (command !== undefined && canSeeAgent(request.principal, command.agentId)) return command
      return reply.refuse(notFound('command', commandId))
    },
  )

  app.post(
    '/commands/:commandId/interrupt',
    {
      // The body has no required fields, so a missing body counts as an empty one.
      preValidation: async request => {
        request.body ??= {}
      },
      schema: {
        tags,
        summary: 'Interrupt a command',
        description: 'Idempotent. `affected` is false if it had ended or was being interrupted already.',
        params: CommandParams,
        body: InterruptBody,
        refusals: ['not_found'],
        response: { 200: InterruptResult },
      },
    },
    async (request, reply) => {
      const { reason } = request.body
      const by = { ...callerOf(request), ...(reason !== undefined && { reason }) }
      const outcome = await commandQueue.interrupt(request.params.commandId, by)
      if (outcome.status === 'refused') return reply.refuse(outcome.error)
      return { affected: outcome.affected, status: outcome.command.status }
    },
  )

  app.post(
    '/commands/:commandId/retry',
    {
      schema: {
        tags,
        summary: 'Submit an ended command again',
        params: CommandParams,
        refusals: ['not_found', 'conflict', 'queue_full'],
        response: { 202: Command },
      },
    },
    async (request, reply) =>
      answer(
        reply,
        await commandQueue.retry(request.params.commandId, { ...callerOf(request), createdBy: request.principal.sub }),
      ),
  )

  app.patch(
    '/commands/:commandId',
    {
      schema: {
        tags,
        summary: 'Edit a queued command',
        params: CommandParams,
        body: EditCommandBody,
        refusals: ['not_found', 'conflict'],
        response: { 200: Command },
      },
    },
    async (request, reply) => {
      const outcome = await commandQueue.edit(request.params.commandId, request.body, callerOf(request))
      return outcome.status === 'refused' ? reply.refuse(outcome.error) : outcome.command
    },
  )

  app.delete(
    '/commands/:commandId',
    {
      schema: {
        tags,
        summary: 'Drop a queued command',
        params: CommandParams,
        refusals: ['not_found', 'conflict'],
        response: { 200: Command },
      },
    },
    async (request, reply) => {
      const outcome = await commandQueue.drop(request.params.commandId, callerOf(request))
      return outcome.status === 'refused' ? reply.refuse(outcome.error) : outcome.command
    },
  )
}

export default fp(commands, { name: 'fleetwire-routes-api-commands', encapsulate: true })
