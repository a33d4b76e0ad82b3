import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Id, Json } from './common.ts'
import { OneOf } from './one-of.ts'

/** Libraries in other languages send null for absent values. */
const Maybe = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]))

const ClientId = (description: string) =>
  Type.String({ minLength: 1, maxLength: 512, pattern: '^[^\\u0000-\\u001f\\u007f]+$', description })

/** The fields of a message that the server reads. The message is returned to its client unchanged. */
const Message = Type.Object({
  id: Type.String({ maxLength: 1024 }),
  role: Type.String({ maxLength: 64 }),
  content: Type.Optional(Json),
  toolCallId: Maybe(Type.String({ maxLength: 1024 })),
})

const Tool = Type.Object({ name: Type.String({ maxLength: 256 }) })

const Resume = Type.Object({
  interruptId: Type.String({ maxLength: 1024, description: 'The id of an interaction' }),
  status: OneOf(['resolved', 'cancelled']),
  payload: Type.Optional(Json),
})

/** The body of `POST /ag-ui/agents/:agentId`, as AG-UI defines it. Other members are ignored. */
export const RunAgentInput = Type.Object(
  {
    threadId: ClientId('The id of the conversation; also the id of its session if it is a valid one'),
    runId: ClientId('An id chosen by the client; reusing it joins the run'),
    protocolVersion: Maybe(Type.String({ maxLength: 32, description: 'Absent: a 0.0.x client' })),
    messages: Type.Array(Message, {
      description: 'The whole history; messages that the agent has not received yet are new',
    }),
    tools: Maybe(Type.Array(Tool, { maxItems: 1000, description: 'Tools that the client runs itself' })),
    context: Maybe(Type.Array(Json, { maxItems: 1000 })),
    state: Type.Optional(Json),
    forwardedProps: Type.Optional(Json),
    resume: Maybe(Type.Array(Resume, { maxItems: 1000, description: 'Answers to the interrupts of the previous run' })),
  },
  { $id: 'RunAgentInput' },
)
export type RunAgentInput = Static<typeof RunAgentInput>

export const AgUiRunQuery = Type.Object({
  cancelOnAbort: Type.Optional(
    Type.Boolean({
      description: 'Interrupt the run if this client disconnects before it ends. Default: the run continues',
    }),
  ),
})
export const AgUiRunParams = Type.Object({ agentId: Id, runId: ClientId('The id that the client chose') })
export const AgUiThreadParams = Type.Object({ agentId: Id, threadId: ClientId('The id that the client chose') })
export const AgUiStopped = Type.Object({ stopped: Type.Boolean() })

/** The agents visible to a token, in the format that CopilotKit requests. */
export const CopilotKitInfo = Type.Object({
  version: Type.String(),
  mode: Type.String(),
  audioFileTranscriptionEnabled: Type.Boolean(),
  agents: Type.Record(
    Type.String(),
    Type.Object({ name: Type.String(), description: Type.String(), className: Type.String() }),
  ),
})

/** The response of the route that `method` selects. */
export const CopilotKitAnswer = Type.Unknown()

/** One route for all methods: CopilotKit's single-route mode. */
export const CopilotKitCall = Type.Object({
  method: OneOf(['info', 'agent/run', 'agent/connect', 'agent/stop']),
  params: Maybe(
    Type.Object({ agentId: Type.Optional(Id), threadId: Maybe(ClientId('The thread of the run to stop')) }),
  ),
  body: Type.Optional(Json),
})
export type CopilotKitCall = Static<typeof CopilotKitCall>
