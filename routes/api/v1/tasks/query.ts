import { type ExportTasksQuery, type Task, taskStatuses, type WireError, wireError } from '@fleetwire/protocol'
import type { Static } from '@sinclair/typebox'
import type { TaskQuery } from '../../../../src/tasks/task-service.ts'

const isStatus = (name: string): name is Task['status'] => (taskStatuses as readonly string[]).includes(name)

/** Translates the filters of a request for the service, or returns what is wrong with them. */
export function taskQuery({
  status,
  ...rest
}: Static<typeof ExportTasksQuery>): Omit<TaskQuery, 'limit' | 'cursor'> | WireError {
  if (status === undefined) return rest
  const names = status.split(',')
  const unknown = names.find(name => !isStatus(name))
  if (unknown !== undefined)
    return wireError('invalid_request', `status: "${unknown}" is not one of ${taskStatuses.join(', ')}.`)
  return { ...rest, status: names.filter(isStatus) }
}
