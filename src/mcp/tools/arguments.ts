import { Type } from '@sinclair/typebox'
import { limits } from '../limits.ts'

// Arguments shared by several tools.

export const closed = { additionalProperties: false }

const id = (description: string) => Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', description })
export const AgentId = id('Id of an agent, from list_agents')
export const CommandId = id('Id of a command, such as cmd_…')
export const SessionId = id('Id of a session, from list_sessions')
export const RequestId = id('Id of a request, from list_requests')
export const TerminalId = id('Id of a terminal')
export const TaskId = id('Id of a task')

export const Limit = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'Items per page; default 50' }),
)
export const Cursor = Type.Optional(
  Type.String({ minLength: 1, maxLength: 512, description: '`nextCursor` of the previous page, unchanged' }),
)
export const NextCursor = Type.Union([Type.String(), Type.Null()], {
  description: 'For the next page; null at the end',
})
export const WaitSeconds = Type.Optional(
  Type.Integer({
    minimum: 0,
    maximum: limits.maxWaitSeconds,
    default: limits.waitSeconds,
    description: `Seconds to wait for the end; 0 returns at once, default ${limits.waitSeconds}. The command continues in any case.`,
  }),
)
export const UntilAsked = Type.Optional(
  Type.Boolean({
    default: true,
    description: 'Return early when the command waits for an answer or for input. Default true.',
  }),
)

export const more = (nextCursor: string | null): string[] =>
  nextCursor === null ? [] : [`There is more: call again with cursor "${nextCursor}".`]
