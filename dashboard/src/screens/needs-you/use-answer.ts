import type { RequestResult } from '@fleetwire/client'
import type { Interaction, InteractionAnswer } from '@fleetwire/protocol'
import { useAction, useConnection, useFleetwire, useFleetwireRest, useNow } from '@fleetwire/react'
import { toast } from '../../app/toasts.ts'
import { plural } from '../../model/format.ts'
import { resolutionWords } from './request-words.ts'

type Answer = Pick<InteractionAnswer, 'optionId' | 'text'> & { answers?: Record<string, unknown> }

/**
 * Answers a request, and those in `alike`. The answer contains the digest of the shown subject: a subject that has
 * changed since is not allowed by mistake.
 */
export function useAnswer(request: Interaction, alike: readonly string[]) {
  const client = useFleetwire()
  const rest = useFleetwireRest()
  const { userId } = useConnection()
  const now = useNow()
  const { interactionId, subject } = request
  const { run, pending, error } = useAction<Answer, object>(async answer => {
    if (alike.length > 0) return answerAll([interactionId, ...alike], answer)
    const digest = subject?.digest
    return client.respond({ interactionId, ...answer, ...(digest !== undefined && { digest }) } as never)
  })

  async function answerAll(interactionIds: readonly string[], answer: Answer): Promise<RequestResult> {
    const answered = await rest.interactions.respondMany({ interactionIds: [...interactionIds], ...answer } as never)
    if (!answered.ok) return answered
    const refused = answered.data.results.filter(({ ok }) => !ok)
    const done = interactionIds.length - refused.length
    toast(`Answered ${plural(done, 'request')}.`, {
      tone: refused.length === 0 ? 'ok' : 'bad',
      ...(refused.length > 0 && {
        description: `${plural(refused.length, 'request')} had already been answered by others.`,
      }),
    })
    return { ok: true }
  }

  return { answer: run, pending, problem: error === undefined ? undefined : problemWords(error) }

  function problemWords(refusal: NonNullable<typeof error>): string {
    const { code, message } = refusal
    const details = 'details' in refusal ? (refusal.details as { winner?: Interaction['resolution'] }) : undefined
    const winner = details?.winner
    if (code === 'conflict' && winner !== undefined) {
      return `Somebody was faster: ${resolutionWords({ ...request, state: 'resolved', resolution: winner }, now, userId)}.`
    }
    if (code === 'stale') return 'The request has changed since it was shown. Read it again, then answer.'
    return message
  }
}
