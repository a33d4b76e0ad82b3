import type { Interaction } from '@fleetwire/protocol'
import { useConnection, useInteraction, useNow } from '@fleetwire/react'
import { age } from '../../model/format.ts'
import { visibleText } from '../../model/visible-text.ts'
import { CodeBlock } from '../../ui/code-block.tsx'
import { cx } from '../../ui/cx.ts'
import { ToneMark } from '../../ui/status.tsx'
import { Answers } from './request-answers.tsx'
import { deliveryWords, resolutionWords } from './request-words.ts'
import { RiskTag } from './risk-tag.tsx'

/**
 * A request in full, with all ways to answer it; after the answer, how it was resolved and whether the answer was
 * delivered. `alike`: other requests that get the same answer.
 */
export function RequestCard({ id, alike = [] }: { id: string; alike?: readonly string[] }) {
  const live = useInteraction(id)
  if (live.status !== 'ready' || live.data === undefined) return null
  const request = live.data
  return (
    <article
      data-interaction-id={request.interactionId}
      data-status={request.state}
      aria-label={visibleText(request.title)}
      className={cx('flex flex-col gap-3', live.stale && 'stale')}
    >
      <header className="flex flex-wrap items-center gap-2">
        <h2 className="min-w-0 text-title font-semibold break-words">{visibleText(request.title)}</h2>
        <RiskTag risk={request.risk} />
        <Waiting request={request} />
      </header>
      {request.description !== '' && (
        <p className="max-w-[72ch] break-words whitespace-pre-wrap">{visibleText(request.description)}</p>
      )}
      {request.subject !== undefined && (
        <figure className="flex flex-col gap-1">
          <figcaption className="text-meta text-text3">{subjectWords(request.subject.type)}</figcaption>
          <CodeBlock text={visibleText(request.subject.preview)} wraps className="max-h-[40vh]" />
        </figure>
      )}
      {request.state === 'open' ? <Answers request={request} alike={alike} /> : <Settled request={request} />}
    </article>
  )
}

const subjectWords = (type: string): string =>
  type === 'command' ? 'It would run exactly this' : `It is about this ${visibleText(type)}`

function Waiting({ request }: { request: Interaction }) {
  const now = useNow()
  if (request.state !== 'open' || request.createdAt === undefined) return null
  return <span className="text-meta text-text3 tabular-nums">waiting for {age(now - request.createdAt)}</span>
}

function Settled({ request }: { request: Interaction }) {
  const now = useNow()
  const { userId } = useConnection()
  const { state, delivery, resolution, options } = request
  const allowed = options.find(({ id }) => id === resolution?.optionId)?.effect !== 'deny'
  const tone = state !== 'resolved' ? 'quiet' : allowed ? 'ok' : 'quiet'
  return (
    <div role="status" className="flex flex-col gap-1">
      <ToneMark tone={tone} className="whitespace-normal!">
        {resolutionWords(request, now, userId)}
      </ToneMark>
      {delivery !== undefined && (
        <p className="text-meta text-text3">
          {delivery === 'applied' ? '✓✓' : delivery === 'sent' ? '✓' : '…'} {deliveryWords[delivery]}
        </p>
      )}
    </div>
  )
}
