import type { AgentClient } from '@fleetwire/client'
import type { SessionPort } from './session-view.ts'

/** Reports for a session while none of its commands runs: programs also send updates about background work. */
export function idlePort(
  sessionId: string,
  newId: () => string,
  client: () => Pick<AgentClient, 'report'>,
): SessionPort {
  const report: SessionPort['report'] = (type, payload) => client().report(type, payload)
  return {
    taskId: undefined,
    report,
    progress() {},
    message({ messageId = `msg_${newId()}`, role } = {}) {
      const of = { sessionId, messageId }
      report('message:start', { ...of, ...(role !== undefined && { role }) })
      return {
        ...of,
        append: delta => report('message:delta', { ...of, delta }),
        end: () => report('message:end', of),
      }
    },
    tool(name, args, { toolCallId = `call_${newId()}` } = {}) {
      const of = { sessionId, toolCallId }
      report('tool:start', { ...of, name, ...(args !== undefined && { args }) })
      return {
        ...of,
        args: delta => report('tool:args', { ...of, delta }),
        end: result => report('tool:end', { ...of, ...(result !== undefined && { result }) }),
        fail: error => report('tool:end', { ...of, error }),
      }
    },
  }
}
