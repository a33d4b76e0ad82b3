import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ExportTaskParams, ExportTasksParams, ExportTasksQuery } from '@fleetwire/protocol'
import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import type { Principal } from '../../../../src/auth/principal.ts'
import { FLW_ERR_AUTH_LAPSED } from '../../../../src/errors.ts'
import { notFound } from '../../../../src/outcome.ts'
import { exportTasks, taskFormats } from '../../../../src/tasks/task-export.ts'
import { callerOf, sightOfTasks } from '../../../caller.ts'
import { taskQuery } from './query.ts'

const tags = ['tasks']
const shown = { schema: { type: 'string' } }
const file = {
  200: {
    description: 'A file',
    content: { 'application/json': { schema: {} }, 'text/csv': shown, 'text/markdown': shown },
  },
}

/** Tasks as files. */
const exports: FastifyPluginAsyncTypebox = async app => {
  const { tasks } = app
  const asFile = (reply: FastifyReply, name: string, format: keyof typeof taskFormats) =>
    reply
      .header('Content-Type', taskFormats[format].contentType)
      .header('Content-Disposition', `attachment; filename="${name}.${format}"`)

  /** If the token is revoked, a long file breaks off mid-stream, so that nobody mistakes it for a complete one. */
  async function* whileGood<T>(principal: Principal, pages: AsyncIterable<T>): AsyncGenerator<T, void> {
    for await (const page of pages) {
      const lapsed = app.tokens.lapsed(principal)
      if (lapsed !== undefined) throw new FLW_ERR_AUTH_LAPSED(lapsed.message)
      yield page
    }
  }

  app.get(
    '/tasks/export/:format',
    {
      schema: {
        tags,
        summary: 'Export tasks, newest first',
        description: 'Streamed. In CSV, a cell that a spreadsheet would take for a formula begins with an apostrophe.',
        params: ExportTasksParams,
        querystring: ExportTasksQuery,
        response: file,
      },
    },
    async ({ params: { format }, query, principal }, reply) => {
      const filters = taskQuery(query)
      if ('code' in filters) return reply.refuse(filters)
      return asFile(reply, 'tasks', format).send(
        Readable.from(
          exportTasks(format, whileGood(principal, tasks.pages({ ...filters, ...sightOfTasks(principal) }))),
        ),
      )
    },
  )

  app.get(
    '/tasks/:taskId/export/:format',
    {
      schema: {
        tags,
        summary: 'Export a task',
        params: ExportTaskParams,
        refusals: ['not_found'],
        response: file,
      },
    },
    async (request, reply) => {
      const { taskId, format } = request.params
      const task = await tasks.get(taskId, callerOf(request))
      if (task === undefined) return reply.refuse(notFound('task', taskId))
      return asFile(reply, taskId, format).send(taskFormats[format].one(task))
    },
  )
}
export default fp(exports, { name: 'fleetwire-routes-api-tasks-export', encapsulate: true })
