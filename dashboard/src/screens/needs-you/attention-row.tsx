import { useAgent, useNow } from '@fleetwire/react'
import type { Ref } from 'react'
import { commandWords } from '../../model/agent-status.ts'
import { age } from '../../model/format.ts'
import { visibleText } from '../../model/visible-text.ts'
import { cx } from '../../ui/cx.ts'
import { ToneMark } from '../../ui/status.tsx'
import type { Attention } from './attention.ts'
import { RiskTag } from './risk-tag.tsx'

export interface AttentionRowProps {
  item: Attention
  selected: boolean
  onSelect(): void
  ref?: Ref<HTMLButtonElement>
}

export function AttentionRow({ item, selected, onSelect, ref }: AttentionRowProps) {
  const now = useNow()
  const { title, agentId, since, more } = facts(item)
  const name = useAgent(agentId, agent => agent.name)
  return (
    <button
      ref={ref}
      type="button"
      role="option"
      aria-selected={selected}
      tabIndex={selected ? 0 : -1}
      data-agent-id={agentId}
      {...(item.kind === 'request' && { 'data-interaction-id': item.requests[0].interactionId })}
      onClick={onSelect}
      className={cx(
        'flex w-full flex-col gap-1 border-b border-line px-5 py-2.5 text-left',
        selected ? 'bg-selected' : 'hover:bg-hover',
      )}
    >
      <span className="flex items-center gap-2">
        <span className="min-w-0 flex-1 truncate font-medium">
          {name.status === 'ready' && name.data !== undefined ? name.data : agentId}
          {more > 0 && <span className="font-normal text-text2"> and {more} more</span>}
        </span>
        {since !== undefined && <span className="text-meta text-text3 tabular-nums">{age(now - since)}</span>}
      </span>
      <span className="flex items-center gap-2">
        <span className="min-w-0 flex-1 truncate text-text2">{visibleText(title)}</span>
        {item.kind === 'request' && <RiskTag risk={item.requests[0].risk} />}
        {item.kind === 'failure' && <ToneMark tone="bad">{commandWords[item.last.status]}</ToneMark>}
        {item.kind === 'waiting' && <ToneMark tone="needs">Waiting for input</ToneMark>}
        {item.kind === 'stalled' && <ToneMark tone="warn">Stalled</ToneMark>}
      </span>
    </button>
  )
}

function facts(item: Attention): { title: string; agentId: string; since: number | undefined; more: number } {
  switch (item.kind) {
    case 'request': {
      const [first, ...others] = item.requests
      return { title: first.title, agentId: first.agentId, since: first.createdAt, more: others.length }
    }
    case 'failure':
      return { title: item.last.title, agentId: item.agentId, since: item.last.endedAt, more: 0 }
    case 'waiting':
    case 'stalled':
      return { title: item.detail, agentId: item.agentId, since: undefined, more: 0 }
    default:
      return item satisfies never
  }
}
