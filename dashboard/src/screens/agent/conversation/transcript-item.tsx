import { type ConversationItem, useTranscriptItem } from '@fleetwire/react'
import { memo } from 'react'
import { clockTime, took } from '../../../model/format.ts'
import { ToneMark } from '../../../ui/status.tsx'
import { StreamingText } from './streaming-text.tsx'
import { ToolRow } from './tool-row.tsx'

type Message = Extract<ConversationItem, { kind: 'message' }>

/** One message or tool call; when its text grows, only this row renders. */
export const TranscriptRow = memo(function TranscriptRow({ sessionId, id }: { sessionId: string; id: string }) {
  const item = useTranscriptItem(sessionId, id)
  if (item === undefined) return null
  return item.kind === 'tool' ? <ToolRow tool={item} /> : <MessageRow message={item} />
})

function MessageRow({ message }: { message: Message }) {
  const { role, text, state, incomplete, startedAt } = message
  const isOpen = state === 'open'
  const time = startedAt === undefined ? undefined : clockTime(startedAt)
  if (role === 'user') {
    return (
      <article
        aria-label="You or another person"
        title={time}
        className="max-w-[85%] self-end rounded-card bg-selected px-3 py-2"
      >
        <StreamingText text={text} isOpen={isOpen} />
      </article>
    )
  }
  if (role === 'reasoning') return <Reasoning message={message} />
  return (
    <article aria-label={role} aria-busy={isOpen} title={time}>
      {role !== 'assistant' && <p className="text-meta text-text3">{role}</p>}
      <StreamingText text={text} isOpen={isOpen} />
      {incomplete && (
        <ToneMark tone="warn" className="mt-1">
          Incomplete: the agent disconnected before it finished
        </ToneMark>
      )}
    </article>
  )
}

/** The agent's reasoning, collapsed to one line once it has ended. */
function Reasoning({ message }: { message: Message }) {
  const { text, state, startedAt, endedAt } = message
  const isOpen = state === 'open'
  const duration = startedAt !== undefined && endedAt !== undefined ? ` for ${took(endedAt - startedAt)}` : ''
  return (
    <details open={isOpen} className="text-text2">
      <summary className="min-h-6 text-meta text-text3 hover:text-text2">
        {isOpen ? 'Thinking' : `Thought${duration}`}
      </summary>
      <div className="border-l-2 border-line pl-3">
        <StreamingText text={text} isOpen={isOpen} />
      </div>
    </details>
  )
}
