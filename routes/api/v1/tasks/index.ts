import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  CreateTaskBody,
  EditTaskBody,
  ListTasksQuery,
  OptionalTaskActionBody,
  ReplaceTaskBody,
  Task,
  TaskActionParams,
  TaskPage,
  TaskParams,
} from '@fleetwire/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { canSeeAgent } from '../../../../src/auth/permissions.ts'
import { notFound } from '../../../../src/outcome.ts'
import type { TaskOutcome } from '../../../../src/tasks/task-service.ts'
import { callerOf, sightOfTasks } from '../../../caller.ts'
import { taskQuery } from './query.ts'

const tags = ['tasks']

/** Creating, changing and following tasks. */
const tasksRoutes: FastifyPluginAsyncTypebox = async app => {
  const { tasks } = app

  function answer(reply: FastifyReply, outcome: TaskOutcome, code = 200) {
    if (outcome.status === 'refused') return reply.refuse(outcome.error)
    if (code === 201)
      reply.header('Location', app.publicPath(reply.request, `${app.prefix}/tasks/${outcome.task.taskId}`))
    return reply.code(code).send(outcome.task)
  }
  /** A task cannot be assigned to an agent that the caller may not see. */
  const hidden = ({ principal }: FastifyRequest, agentId: string | undefined) =>
    agentId !== undefined && !canSeeAgent(principal, agentId) ? notFound('agent', agentId) : undefined

  app.get(
    '/tasks',
    {
      schema: { tags, summary: 'List tasks, newest first', querystring: ListTasksQuery, response: { 200: TaskPage } },
    },
    async (request, reply) => {
      const { limit = 50, cursor, ...filters } = request.query
      const query = taskQuery(filters)
      if ('code' in query) return reply.refuse(query)
      return tasks.list({
        ...query,
        ...sightOfTasks(request.principal),
        limit,
        ...(cursor !== undefined && { cursor }),
      })
    },
  )

  app.post(
    '/tasks',
    {
      schema: {
        tags,
        summary: 'Create a task',
        body: CreateTaskBody,
        refusals: ['not_found', 'conflict'],
        response: { 201: Task },
      },
    },
    async (request, reply) => {
      const { taskId, status, ...fields } = request.body
      const refusal = hidden(request, fields.agentId)
      return refusal
        ? reply.refuse(refusal)
        : answer(reply, await tasks.create({ taskId, status, fields }, callerOf(request)), 201)
    },
  )

  app.get(
    '/tasks/:taskId',
    {
      schema: { tags, summary: 'Show a task', params: TaskParams, refusals: ['not_found'], response: { 200: Task } },
    },
    async (request, reply) => {
      const { taskId } = request.params
      return (await tasks.get(taskId, callerOf(request))) ?? reply.refuse(notFound('task', taskId))
    },
  )

  app.put(
    '/tasks/:taskId',
    {
      schema: {
        tags,
        summary: 'Create or replace a task',
        description: 'Omitted fields get their defaults; state and times are kept.',
        params: TaskParams,
        body: ReplaceTaskBody,
        refusals: ['not_found', 'conflict'],
        response: { 200: Task },
      },
    },
    async (request, reply) => {
      const { status, ...fields } = request.body
      const refusal = hidden(request, fields.agentId)
      return refusal
        ? reply.refuse(refusal)
        : answer(reply, await tasks.replace(request.params.taskId, { status, fields }, callerOf(request)))
    },
  )

  app.patch(
    '/tasks/:taskId',
    {
      schema: {
        tags,
        summary: 'Change the given fields',
        params: TaskParams,
        body: EditTaskBody,
        refusals: ['not_found', 'conflict'],
        response: { 200: Task },
      },
    },
    async (request, reply) => {
      const { status, ...fields } = request.body
      const refusal = hidden(request, fields.agentId)
      return refusal
        ? reply.refuse(refusal)
        : answer(reply, await tasks.edit(request.params.taskId, { status, fields }, callerOf(request)))
    },
  )

  app.delete(
    '/tasks/:taskId',
    {
      schema: {
        tags,
        summary: 'Delete a task that is not running and has no subtasks',
        params: TaskParams,
        refusals: ['not_found', 'conflict'],
        response: { 204: { type: 'null' } },
      },
    },
    async (request, reply) => {
      const refusal = await tasks.remove(request.params.taskId, callerOf(request))
      return refusal ? reply.refuse(refusal) : reply.code(204).send(null)
    },
  )

  app.post(
    '/tasks/:taskId/:action',
    {
      schema: {
        tags,
        summary: 'Start, pause, complete, fail or cancel a task',
        description:
          'Idempotent: a task that is already in that state is returned unchanged. A task that has ended stays ended.',
        params: TaskActionParams,
        body: OptionalTaskActionBody,
        refusals: ['not_found', 'conflict'],
        response: { 200: Task },
      },
    },
    async (request, reply) => {
      const { taskId, action } = request.params
      return answer(reply, await tasks.act(taskId, action, request.body ?? {}, callerOf(request)))
    },
  )
}
export default fp(tasksRoutes, { name: 'fleetwire-routes-api-tasks', encapsulate: true })
