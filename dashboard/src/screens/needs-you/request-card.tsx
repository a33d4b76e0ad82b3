import type { Interaction } from '@fleetwire/protocol'
import { useConnection, useInteraction, useNow } from '@fleetwire/react'
import { useState } from 'react'
import { age } from '../../model/format.ts'
import { mayOperate, operatorNeeded } from '../../model/rights.ts'
import { Button } from '../../ui/button.tsx'
import { CodeBlock } from '../../ui/code-block.tsx'
import { cx } from '../../ui/cx.ts'
import { TextArea } from '../../ui/field.tsx'
import { ToneMark } from '../../ui/status.tsx'
import { formFields } from './answer-form.ts'
import { RequestForm } from './request-form.tsx'
import { deliveryWords, expiryWords, orderedOptions, resolutionWords } from './request-words.ts'
import { RiskTag } from './risk-tag.tsx'
import { useAnswer } from './use-answer.ts'

/**
 * What an agent asks, whole, and everything that can be answered to it; after the answer, how it ended and whether it
 * arrived. `alike`: other requests that get the same answer.
 */
export function RequestCard({ id, alike = [] }: { id: string; alike?: readonly string[] }) {
  const live = useInteraction(id)
  if (live.status !== 'ready' || live.data === undefined) return null
  const request = live.data
  return (
    <article
      data-interaction-id={request.interactionId}
      data-status={request.state}
      aria-label={request.title}
      className={cx('flex flex-col gap-3', live.stale && 'stale')}
    >
      <header className="flex flex-wrap items-center gap-2">
        <h2 className="min-w-0 text-title font-semibold break-words">{request.title}</h2>
        <RiskTag risk={request.risk} />
        <Waiting request={request} />
      </header>
      {request.description !== '' && (
        <p className="max-w-[72ch] break-words whitespace-pre-wrap">{request.description}</p>
      )}
      {request.subject !== undefined && (
        <figure className="flex flex-col gap-1">
          <figcaption className="text-meta text-text3">{subjectWords(request.subject.type)}</figcaption>
          <CodeBlock text={request.subject.preview} wraps className="max-h-[40vh]" />
        </figure>
      )}
      {request.state === 'open' ? <Answers request={request} alike={alike} /> : <Settled request={request} />}
    </article>
  )
}

const subjectWords = (type: string): string =>
  type === 'command' ? 'It would run exactly this' : `It is about this ${type}`

function Waiting({ request }: { request: Interaction }) {
  const now = useNow()
  if (request.state !== 'open' || request.createdAt === undefined) return null
  return <span className="text-meta text-text3 tabular-nums">waits for {age(now - request.createdAt)}</span>
}

function Answers({ request, alike }: { request: Interaction; alike: readonly string[] }) {
  const { role } = useConnection()
  const { answer, pending, problem } = useAnswer(request, alike)
  const [text, setText] = useState('')
  const fields = request.kind === 'form' ? formFields(request.schema) : undefined
  const may = role === undefined || mayOperate(role)
  const takesText = request.kind !== 'permission' && fields === undefined
  const many = alike.length > 0 ? ` for all ${alike.length + 1}` : ''
  return (
    <div className="flex flex-col gap-3">
      {fields !== undefined && (
        <RequestForm fields={fields} pending={pending} disabled={!may} onSubmit={answers => void answer({ answers })} />
      )}
      {takesText && (
        <form
          className="flex max-w-[72ch] flex-col gap-2"
          onSubmit={event => {
            event.preventDefault()
            if (text.trim() !== '') void answer({ text })
          }}
        >
          <TextArea
            aria-label="Answer"
            placeholder="Type an answer"
            rows={3}
            value={text}
            disabled={!may}
            onChange={event => setText(event.target.value)}
            onKeyDown={event => {
              if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) event.currentTarget.form?.requestSubmit()
            }}
          />
          <Button type="submit" className="self-start" disabled={!may || pending || text.trim() === ''}>
            Answer{many}
          </Button>
        </form>
      )}
      <div className="flex flex-wrap gap-2">
        {orderedOptions(request.options).map(option => (
          <Button
            key={option.id}
            look={
              option.effect === 'allow' && request.risk !== 'high'
                ? 'filled'
                : option.effect === 'allow'
                  ? 'danger'
                  : 'outline'
            }
            disabled={!may || pending}
            title={
              option.scope === 'session'
                ? 'For the whole session'
                : option.scope === 'always'
                  ? 'From now on'
                  : undefined
            }
            onClick={() => void answer({ optionId: option.id })}
          >
            {option.label}
            {many}
          </Button>
        ))}
      </div>
      {pending && <p className="text-meta text-text3">Sending the answer…</p>}
      {problem !== undefined && (
        <p role="alert" className="text-meta text-bad">
          {problem}
        </p>
      )}
      {!may && <p className="text-meta text-text3">{operatorNeeded}</p>}
      <Expiry request={request} />
    </div>
  )
}

function Expiry({ request }: { request: Interaction }) {
  const words = expiryWords(request, useNow())
  return words === undefined ? null : <p className="text-meta text-text3 tabular-nums">{words}</p>
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
