import fp from 'fastify-plugin'
import { TaskService } from '../src/tasks/task-service.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tasks: TaskService
  }
}

export default fp(
  async app => {
    const { clock, config, eventLog: log } = app
    app.decorate('tasks', new TaskService({ log, clock, retentionMs: config.TASK_RETENTION_MS }))
  },
  { name: 'fleetwire-tasks', dependencies: ['fleetwire-event-log'] },
)
