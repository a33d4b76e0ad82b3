import type { CreateElicitationRequest, CreateElicitationResponse } from '@agentclientprotocol/sdk'
import type { InteractionAnswer } from '@fleetwire/client'
import type { AgentPayloads } from '@fleetwire/protocol'
import { AcpError } from './acp-error.ts'
import { fitJson } from './fit-json.ts'

type Question = Omit<AgentPayloads['interaction:request'], 'interactionId'>

const [SUBMIT, DECLINE] = ['submit', 'decline']

/** A form that the program wants filled in. Throws AcpError for other modes, which are not supported. */
export function elicitationQuestion(request: CreateElicitationRequest): Question {
  if (request.mode !== 'form')
    throw new AcpError('invalidParams', `Only the mode "form" is supported, not "${request.mode}".`)
  const { message, requestedSchema } = request as { message: string; requestedSchema: { title?: string | null } }
  const [first = ''] = message.split('\n')
  return {
    kind: 'form',
    title: (requestedSchema.title || first || 'The program has a question').slice(0, 512),
    description: message,
    schema: fitJson(requestedSchema),
    options: [
      { id: SUBMIT, label: 'Submit', effect: 'allow' },
      { id: DECLINE, label: 'Decline', effect: 'deny' },
    ],
  }
}

export function elicitationAnswer(answer: InteractionAnswer | undefined): CreateElicitationResponse {
  if (answer === undefined) return { action: 'cancel' }
  if (answer.optionId === DECLINE) return { action: 'decline' }
  if (answer.answers === undefined) return { action: answer.optionId === SUBMIT ? 'accept' : 'cancel' }
  return { action: 'accept', content: answer.answers as Record<string, string> }
}
