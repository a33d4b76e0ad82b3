import { serverNow, useAgentSummary, useConnection, useFleetwire } from '@fleetwire/react'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { markSeen, usePreferences, withEntry } from '../../app/preferences.ts'
import { closeToast, toast } from '../../app/toasts.ts'
import { useShortcuts } from '../../keys/shortcuts.ts'
import { mayOperate } from '../../model/rights.ts'
import { Button } from '../../ui/button.tsx'
import { cx } from '../../ui/cx.ts'
import { Page } from '../../ui/page.tsx'
import { Empty, Loading, Problem, SkeletonLine } from '../../ui/states.tsx'
import { usePhone } from '../../ui/use-phone.ts'
import type { Attention } from './attention.ts'
import { AttentionRow } from './attention-row.tsx'
import { FailureDetail, LastLines, QuietNeed, useRetry } from './failure-detail.tsx'
import { LastAnswered } from './last-answered.tsx'
import { RequestCard } from './request-card.tsx'
import { keyOption } from './request-words.ts'
import { useAttention } from './use-attention.ts'

const UNDO_MS = 5000

/** The queue of everything that waits for a person, and one item in detail. */
export function NeedsYouScreen() {
  const attention = useAttention()
  if (attention.status === 'loading') {
    return (
      <Page title="Needs you">
        <Loading>
          <div className="flex flex-col gap-4 p-5">
            {[48, 64, 56].map(width => (
              <SkeletonLine key={width} className="w-72" />
            ))}
          </div>
        </Loading>
      </Page>
    )
  }
  if (attention.status === 'error') {
    return (
      <Page title="Needs you">
        <Problem title="The requests could not be loaded." error={attention.error} onRetry={() => location.reload()} />
      </Page>
    )
  }
  return <Queue items={attention.items} stale={attention.stale} />
}

function Queue({ items, stale }: { items: readonly Attention[]; stale: boolean }) {
  const { id } = useSearch({ from: '/needs-you' })
  const navigate = useNavigate()
  const isPhone = usePhone()
  const rows = useRef(new Map<string, HTMLButtonElement>())
  // An item that was just answered stays in view until the user moves on.
  const [kept, setKept] = useState<Attention>()
  const wanted = id ?? (isPhone ? undefined : kept?.key)
  const listed = items.find(item => wanted !== undefined && keysOf(item).includes(wanted))
  const shown = listed ?? (kept?.key === wanted ? kept : undefined) ?? (isPhone ? undefined : items[0])
  useEffect(() => {
    if (shown !== undefined) setKept(shown)
  }, [shown])

  const select = (item: Attention | undefined, focus = true) => {
    void navigate({ to: '/needs-you', search: item === undefined ? {} : { id: item.key }, replace: !isPhone })
    if (item !== undefined && focus) requestAnimationFrame(() => rows.current.get(item.key)?.focus())
  }
  const move = (by: number) => {
    const at = items.findIndex(item => item.key === shown?.key)
    select(items[at < 0 ? 0 : Math.min(items.length - 1, Math.max(0, at + by))])
  }
  useKeys({ shown, move, next: () => move(1), dismiss: item => dismiss(item) })

  if (items.length === 0 && shown === undefined) {
    return (
      <Page title="Needs you">
        <Empty title="Nothing needs you.">
          <p>Requests from agents, failures and stalled work appear here.</p>
          <LastAnswered />
        </Empty>
      </Page>
    )
  }
  const detail = shown === undefined ? null : <Detail key={shown.key} item={shown} onDismiss={() => dismiss(shown)} />
  if (isPhone) {
    return (
      <Page
        title={shown === undefined ? 'Needs you' : 'Request'}
        {...(shown !== undefined && { actions: <Button onClick={() => select(undefined, false)}>Back</Button> })}
      >
        {detail === null ? <List {...{ items, stale, shown, select, rows }} /> : <div className="p-5">{detail}</div>}
      </Page>
    )
  }
  return (
    <Page title="Needs you" scrolls={false}>
      <div className="flex min-h-0 flex-1">
        <div className="w-[300px] shrink-0 overflow-auto border-r border-line desktop:w-[380px]">
          <List {...{ items, stale, shown, select, rows }} />
        </div>
        <section aria-label="Details" className="min-w-0 flex-1 overflow-auto p-5">
          {detail}
        </section>
      </div>
    </Page>
  )
}

interface ListProps {
  items: readonly Attention[]
  stale: boolean
  shown: Attention | undefined
  select(item: Attention): void
  rows: React.RefObject<Map<string, HTMLButtonElement>>
}

function List({ items, stale, shown, select, rows }: ListProps) {
  const isListed = items.some(item => item.key === shown?.key)
  const all = shown !== undefined && !isListed ? [shown, ...items] : items
  return (
    <div role="listbox" aria-label="What needs you" className={cx(stale && 'stale')}>
      {all.map(item => (
        <AttentionRow
          key={item.key}
          item={item}
          selected={item.key === shown?.key}
          onSelect={() => select(item)}
          ref={element => {
            if (element === null) rows.current.delete(item.key)
            else rows.current.set(item.key, element)
          }}
        />
      ))}
    </div>
  )
}

function Detail({ item, onDismiss }: { item: Attention; onDismiss(): void }) {
  switch (item.kind) {
    case 'request':
      return (
        <div className="flex flex-col gap-4">
          <p className="text-text2">
            Asked by{' '}
            {item.requests.map(({ agentId }, index) => (
              <span key={agentId}>
                {index > 0 && ', '}
                <AgentLink agentId={agentId} />
              </span>
            ))}
          </p>
          <RequestCard
            id={item.requests[0].interactionId}
            alike={item.requests.slice(1).map(({ interactionId }) => interactionId)}
          />
          <AgentsLastLine agentId={item.requests[0].agentId} />
        </div>
      )
    case 'failure':
      return (
        <div className="flex flex-col gap-4">
          <p className="text-text2">
            On <AgentLink agentId={item.agentId} />
          </p>
          <FailureDetail commandId={item.last.commandId} onDismiss={onDismiss} />
        </div>
      )
    case 'waiting':
    case 'stalled':
      return <QuietNeed kind={item.kind} agentId={item.agentId} detail={item.detail} onDismiss={onDismiss} />
    default:
      return item satisfies never
  }
}

const AgentLink = ({ agentId }: { agentId: string }) => (
  <Link to="/agents/$agentId" params={{ agentId }} className="font-medium text-accent hover:underline">
    {agentId}
  </Link>
)

function AgentsLastLine({ agentId }: { agentId: string }) {
  const line = useAgentSummary(agentId, summary => summary.lastLine)
  return line.status === 'ready' && line.data !== undefined ? <LastLines text={line.data} /> : null
}

const keysOf = (item: Attention): string[] =>
  item.kind === 'request' ? item.requests.map(({ interactionId }) => interactionId) : [item.key]

/** Removes an item from the queue, with undo. A look at the agent also dismisses a failure; requests need an answer. */
function dismiss(item: Attention): void {
  if (item.kind === 'request') return
  const { seen, dismissed, set } = usePreferences.getState()
  if (item.kind === 'failure') markSeen(item.agentId, item.last.endedAt)
  else set({ dismissed: withEntry(dismissed, item.key, serverNow()) })
  const id = toast('Dismissed.', {
    timeoutMs: UNDO_MS,
    description: item.kind === 'failure' ? item.last.title : item.agentId,
    action: {
      label: 'Undo',
      run() {
        set({ seen, dismissed })
        closeToast(id)
      },
    },
  })
}

interface KeysProps {
  shown: Attention | undefined
  move(by: number): void
  next(): void
  dismiss(item: Attention): void
}

function useKeys({ shown, move, next, dismiss: dismissItem }: KeysProps): void {
  const client = useFleetwire()
  const navigate = useNavigate()
  const { role } = useConnection()
  const failure = shown?.kind === 'failure' ? shown : undefined
  const retry = useRetry(failure?.last.commandId ?? '', failure?.agentId ?? '')
  const answer = (effect: 'allow' | 'deny') => {
    if (shown?.kind !== 'request' || !mayOperate(role)) return
    const [request, ...alike] = shown.requests
    const option = keyOption(request, effect)
    if (option === undefined || alike.length > 0) {
      toast('Use the buttons for this one.', {
        description:
          alike.length > 0
            ? 'It answers several agents.'
            : request.kind === 'form'
              ? 'Fill in the form first.'
              : 'Requests with high or unknown risk cannot be answered with a key.',
      })
      return
    }
    const digest = request.subject?.digest
    void client.respond({
      ...{ interactionId: request.interactionId, optionId: option.id },
      ...(digest !== undefined && { digest }),
    })
  }
  const agentId = shown === undefined ? undefined : shown.kind === 'request' ? shown.requests[0].agentId : shown.agentId
  useShortcuts([
    { keys: 'j', label: 'Next', group: 'Needs you', keyOnly: true, run: () => move(1) },
    { keys: 'k', label: 'Previous', group: 'Needs you', keyOnly: true, run: () => move(-1) },
    { keys: 'down', label: 'Next', group: 'Needs you', keyOnly: true, run: () => move(1) },
    { keys: 'up', label: 'Previous', group: 'Needs you', keyOnly: true, run: () => move(-1) },
    { keys: 'n', label: 'Next that needs you', group: 'Needs you', keyOnly: true, run: next },
    { keys: 'a', label: 'Allow', group: 'Needs you', run: () => answer('allow') },
    { keys: 'd', label: 'Deny', group: 'Needs you', run: () => answer('deny') },
    { keys: 'e', label: 'Dismiss', group: 'Needs you', run: () => shown !== undefined && dismissItem(shown) },
    { keys: 'r', label: 'Retry', group: 'Needs you', run: () => failure !== undefined && void retry.run() },
    {
      ...{ keys: 'o', label: 'Open the agent', group: 'Needs you' },
      run: () => agentId !== undefined && void navigate({ to: '/agents/$agentId', params: { agentId } }),
    },
  ])
}
